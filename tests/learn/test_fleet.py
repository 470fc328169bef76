"""What a team shares: proven on repositories it was not learned from, of use to a member, without a word of theirs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repocomp.cli import app
from repocomp.evaluate.holes import Hole
from repocomp.index.build import build
from repocomp.learn import replay as replaying
from repocomp.learn.learner import learn, show
from repocomp.learn.places import hole_name
from repocomp.learn.replay import Replay
from repocomp.model.library import load_pack
from repocomp.model.pack import LEARNED, MANIFEST
from repocomp.policy.learned import load_learned
from repocomp.policy.selector import actions_of
from repocomp.progress import ignore
from repocomp.retrieve.retrieve import DEFAULT_ARMS
from tests.cli.documents import check
from tests.conftest import write_files
from tests.train.repositories import modules

PACK = load_pack("default")
NAMES = [action.name for action in actions_of(PACK)]
BEST = NAMES[2]
CURSOR = next(iter(sorted(modules("alpha", 4)))) + ":2:1"


def worth(best: Callable[[Hole], str]) -> Callable[..., Replay]:
    """A replay at which one action is better than all others."""

    def measure(hole: Hole, *_: object) -> Replay:
        rng = np.random.default_rng(hole.start)
        gain = {name: 0.0 if name == "none" else float(rng.normal(0.0, 0.02)) for name in NAMES}
        gain[best(hole)] += 0.4
        known: dict[str, Any] = {"place": "call", "language": "python", "mode": "line", "probability": 0.9}
        if "alpha" in hole.document.path:
            known["last_name"] = "only alpha has this"
        ms = dict.fromkeys((*DEFAULT_ARMS, "rank", "token"), 1.0)
        name, tokens = hole_name(hole), dict.fromkeys(NAMES, 0)
        return Replay(name, hole.document.path, hole.kind, "line", known, gain, tokens, ms, {"bm25": 1.0}, 0.5, True)

    return measure


@pytest.fixture
def repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that lists three of them."""
    listed = ["# the team's"]
    for name in ("alpha", "beta", "gamma"):
        root = tmp_path / f"secret-{name}"
        write_files(root, modules(name, 4))
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        listed.append(str(root))
    file = tmp_path / "repositories.txt"
    file.write_text("\n".join([*listed, listed[-1], ""]))
    monkeypatch.setattr(replaying, "measure", worth(lambda hole: BEST))
    return file


def made(file: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    code = app.run(["fleet", str(file), str(out), "--limit", "40", "--json"])
    document = check(json.loads(capsys.readouterr().out))
    assert code == document["exit_code"]
    data: dict[str, Any] = document["data"]
    return data


def test_what_helps_everywhere_is_shared_and_used(
    repositories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "team"
    data = made(repositories, out, capsys)
    assert (data["pack"], data["repositories"], data["replays"]) == (str(out), 3, 120)
    assert data["verdicts"]["replays"]["is_above"]
    assert app.run(["model", "add", str(out), "--name", "team"]) == 0
    team = load_pack("team")
    assert team.digest == PACK.digest
    found = load_learned(team.learned_path, team.digest, actions_of(team))
    assert found.parameters is not None
    assert found.parameters.is_frozen

    member = tmp_path / "member"
    write_files(member, modules("alpha", 4))
    subprocess.run(["git", "init", "-q", str(member)], check=True)
    build(member)
    monkeypatch.chdir(member)
    taken = {}
    for pack in ("default", "team"):
        capsys.readouterr()
        arguments = ["--threshold", "0", "--no-record", "--daemon", "never", "--json"]
        app.run(["complete", "--generator", pack, "--policy", pack, *arguments, CURSOR])
        choice = json.loads(capsys.readouterr().out)["data"]["retrieval"]["choice"]
        taken[pack] = None if choice is None else choice["action"]
    assert taken == {"default": None, "team": BEST}
    # What a repository learns itself comes first, once it is better than what the team shares.
    other = NAMES[3]
    monkeypatch.setattr(replaying, "measure", worth(lambda hole: other))
    assert learn(member, 600, ignore, limit=80, pack="team").version == 1
    shown = show(member, "team")
    assert (shown["version"], shown["actions"][0]["chosen"]) == (1, {other: 1.0})


def test_nothing_in_it_is_text_a_path_or_a_name(
    repositories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "team"
    made(repositories, out, capsys)
    shipped = {name: (PACK.folder / name).read_bytes() for name in PACK.digests}
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    fresh = {name: data for name, data in files.items() if shipped.get(name) != data}
    assert fresh.keys() <= {MANIFEST, LEARNED, "confidence.json", "pairing.json"}
    words = {word for name in ("alpha", "beta", "gamma") for word in (name, f"secret-{name}")}
    words |= {str(tmp_path), tmp_path.name, "only alpha has this", "def ", "return ", ".py"}
    text = b"".join(fresh.values()).decode()
    assert not [word for word in words if word in text]
    # By construction: what is learned has a closed set of columns, and nothing else in it is a string of theirs.
    found = load_learned(out / LEARNED, PACK.digest, actions_of(PACK)).parameters
    assert found is not None
    assert "place=call" in found.columns
    assert not [column for column in found.columns if column.startswith("last_name=")]
    assert not [name for name in ("confidence.json", "pairing.json") if b'"repositories"' in fresh.get(name, b"")]


def test_what_helps_in_one_repository_alone_is_not_shared(
    repositories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    best = dict(zip(("alpha", "beta", "gamma"), NAMES[2:5], strict=True))
    measure = worth(lambda hole: next(action for name, action in best.items() if name in hole.document.path))

    def unsure(hole: Hole, *rest: object) -> Replay:
        return replace(measure(hole, *rest), confidence=None)

    monkeypatch.setattr(replaying, "measure", unsure)
    out = tmp_path / "team"
    data = made(repositories, out, capsys)
    assert data["pack"] is None
    assert not out.exists()
    assert not data["verdicts"]["replays"]["is_above"]


def test_mistakes_are_one_line(repositories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = repositories.read_text().splitlines()[1]
    single = tmp_path / "single.txt"
    single.write_text(first)
    gone = tmp_path / "gone.txt"
    gone.write_text(f"{first}\n{tmp_path / 'nowhere'}\n")
    (tmp_path / "there").mkdir()
    for arguments, said in (
        ([str(single), str(tmp_path / "a")], "two repositories"),
        ([str(gone), str(tmp_path / "a")], "nowhere"),
        ([str(tmp_path / "none.txt"), str(tmp_path / "a")], "none.txt"),
        ([str(repositories), str(tmp_path / "there")], "there already"),
    ):
        assert app.run(["fleet", *arguments]) == 2
        assert said in capsys.readouterr().err
    assert list((tmp_path / "there").iterdir()) == []
