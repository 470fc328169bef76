"""What enters a corpus: licensed, own, new code; by whole repositories; nothing excluded, not even by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from repocomp.errors import TrainError
from repocomp.train.corpus.collect import RepositoryFacts, collect, licence_of, read_split
from repocomp.train.recipe import Recipe, load_recipe
from tests.train.repositories import GPL, MIT, RECIPE, code, make_repository, modules


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    (tmp_path / "toy.toml").write_text(RECIPE)
    return load_recipe(str(tmp_path / "toy.toml"))


def gather(tmp_path: Path, recipe: Recipe, excluded: Path | None = None) -> dict[str, RepositoryFacts]:
    facts = collect(tmp_path / "repositories", tmp_path / "corpus", recipe, excluded=excluded)
    return {one.repository: one for one in facts}


def test_whole_repositories_go_to_one_split(tmp_path: Path, recipe: Recipe) -> None:
    for name in ("one", "validation", "held", "excluded"):
        make_repository(tmp_path / "repositories", f"acme/{name}", modules(name))
    facts = gather(tmp_path, recipe)
    assert {name: one.split for name, one in facts.items()} == {
        "acme/held": "held_out",
        "acme/one": "train",
        "acme/validation": "validation",
    }
    assert [name for name, _ in read_split(tmp_path / "corpus", "train")] == ["acme/one"]
    assert facts["acme/one"].files == 7
    assert len(facts["acme/one"].commit) == 40


def test_only_permissive_licences_enter(tmp_path: Path, recipe: Recipe) -> None:
    make_repository(tmp_path / "repositories", "acme/free", modules("free"))
    make_repository(tmp_path / "repositories", "acme/copyleft", modules("copyleft"), GPL)
    make_repository(tmp_path / "repositories", "acme/unknown", modules("unknown"), "All rights reserved.")
    facts = gather(tmp_path, recipe)
    assert {name: one.split for name, one in facts.items()} == {
        "acme/copyleft": "refused",
        "acme/free": "train",
        "acme/unknown": "refused",
    }


@pytest.mark.parametrize(("text", "name"), [(MIT, "MIT"), (GPL, None), ("", None), (MIT + GPL, None)])
def test_a_licence_is_read_not_guessed(text: str, name: str | None) -> None:
    assert licence_of(text) == name


def test_copies_near_copies_and_excluded_contents_are_dropped(tmp_path: Path, recipe: Recipe) -> None:
    make_repository(tmp_path / "never", "acme/benchmark", {"bench/task.py": code("task", 1)})
    edited = code("first", 2).replace("alpha - 3", "alpha - 33")
    make_repository(tmp_path / "repositories", "acme/a", modules("first"))
    make_repository(
        tmp_path / "repositories",
        "acme/b",
        {
            "copy.py": code("first", 1).replace("    ", "\t"),
            "near.py": edited,
            "leak.py": code("task", 1),
            "own.py": code("own", 1),
        },
    )
    facts = gather(tmp_path, recipe, tmp_path / "never")
    assert facts["acme/b"].files == 1
    assert facts["acme/b"].dropped == {"copy": 1, "near copy": 1, "excluded": 1}


def test_copies_of_what_is_held_out_are_dropped_wherever_their_name_stands(tmp_path: Path, recipe: Recipe) -> None:
    make_repository(tmp_path / "repositories", "acme/a", {"leak.py": code("held", 1), "own.py": code("own", 1)})
    make_repository(tmp_path / "repositories", "acme/held", modules("held"))
    facts = gather(tmp_path, recipe)
    assert (facts["acme/a"].files, facts["acme/a"].dropped) == (1, {"copy": 1})
    assert facts["acme/held"].files == 7


def test_files_not_worth_learning_are_left_out(tmp_path: Path, recipe: Recipe) -> None:
    long_line = "x = [" + "1, " * 200 + "]\n" + code("a", 1)
    files = {"vendor/a.py": code("v", 1), "notes.txt": code("t", 1), "tiny.py": "x = 1\n", "wide.py": long_line}
    make_repository(tmp_path / "repositories", "acme/a", {**files, "good.py": code("good", 1)})
    assert gather(tmp_path, recipe)["acme/a"].files == 1


def test_an_empty_folder_is_an_error_with_a_hint(tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(TrainError, match="holds no repositories"):
        collect(tmp_path, tmp_path / "corpus", recipe)
    with pytest.raises(TrainError, match="holds no corpus"):
        next(read_split(tmp_path, "train"))


@pytest.mark.parametrize(("text", "said"), [("", "KeyError"), ("[", "TOML"), (RECIPE + "surprise = 1\n", "")])
def test_a_damaged_recipe_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text)
    if said:
        with pytest.raises(TrainError, match=said):
            load_recipe(str(path))
    else:
        assert load_recipe(str(path)).name == "toy"


def test_odd_line_ends_inside_a_text_survive(tmp_path: Path, recipe: Recipe) -> None:
    text = code("odd", 1) + "x = '\u2028\x0c\x85'\n"
    make_repository(tmp_path / "repositories", "acme/a", {"odd.py": text})
    gather(tmp_path, recipe)
    ((_, files),) = read_split(tmp_path / "corpus", "train")
    assert files == [("odd.py", text)]
