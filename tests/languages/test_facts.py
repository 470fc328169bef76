"""What the files of the room state, held to the grammars: no fact that names a node or a comment that is not there."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from repocomp import languages
from repocomp.languages.language import Language
from repocomp.languages.table import LANGUAGES, grammar, keywords, language_of, parser, query_source

ROOM = Path(languages.__file__).parent
HEADS = {"php": "<?php\n", "go": "package p\n"}
"""What must stand before a statement."""
STRINGS = {
    "python": "x = 'said'",
    "javascript": "x = `said`",
    "typescript": "x = 'said'",
    "tsx": "x = 'said'",
    "java": 'class K { String x = "said"; }',
    "go": "var x = `said`",
    "rust": 'const X: &str = "said";',
    "c": 'char *x = "said";',
    "cpp": 'auto x = "said";',
    "c_sharp": 'class K { string x = @"said"; }',
    "ruby": "x = 'said'",
    "php": '$x = "said";',
    "bash": "x='said'",
    "kotlin": 'val x = "said"',
    "swift": 'let x = "said"',
    "scala": 'val x = "said"',
    "lua": "x = [[said]]",
    "elixir": 'x = "said"',
    "haskell": 'x = "said"',
    "sql": "SELECT 'said';",
    "hcl": 'x = "said"',
    "dart": "var x = 'said';",
    "yaml": "x: 'said'",
    "toml": 'x = "said"',
}
"""A statement of each language with a string in it."""
each = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)


def spans(language: Language, text: str, kinds: frozenset[str]) -> list[str]:
    """The text of each outermost node of these kinds."""
    known = parser(language.name)
    assert known is not None
    found, waiting = [], [known.parse(text.encode()).root_node]
    while waiting:
        node = waiting.pop()
        if node.type in kinds:
            found.append((node.text or b"").decode())
        else:
            waiting += node.children
    return found


@each
def test_comments_and_strings_are_nodes_of_the_grammar(language: Language) -> None:
    known = grammar(language)
    kinds = {known.node_kind_for_id(number) for number in range(known.node_kind_count)}
    assert language.comment_nodes | language.string_nodes <= kinds


@each
def test_comment_marks_open_comments(language: Language) -> None:
    head = HEADS.get(language.name, "")
    statement = STRINGS[language.name]
    text = f"{head}{statement}\n{language.line_comment} one mark\n{statement}\n"
    assert [found.strip() for found in spans(language, text, language.comment_nodes)] == [
        f"{language.line_comment} one mark"
    ]
    if language.block_comment is not None:
        start, end = language.block_comment
        text = f"{head}{statement}\n{start}\ntwo\nlines\n{end}\n{statement}\n"
        (found,) = spans(language, text, language.comment_nodes)
        assert found.strip() == f"{start}\ntwo\nlines\n{end}"


@each
def test_a_string_is_one_node_between_its_delimiters(language: Language) -> None:
    (found,) = spans(language, HEADS.get(language.name, "") + STRINGS[language.name] + "\n", language.string_nodes)
    assert found.strip("@")[0] in {delimiter[0] for delimiter in language.strings}
    assert "said" in found


@each
def test_keywords_are_words(language: Language) -> None:
    words = keywords(language.name)
    assert all(word.isalpha() for word in words)
    assert len(words) > 3


def test_each_name_and_extension_has_one_owner() -> None:
    said = Counter(name for language in LANGUAGES for name in (*language.extensions, *language.file_names))
    assert {name: count for name, count in said.items() if count > 1} == {}
    assert len({language.name for language in LANGUAGES}) == len(LANGUAGES)
    assert all(extension.startswith(".") for language in LANGUAGES for extension in language.extensions)


def test_every_query_file_is_used_and_in_the_package() -> None:
    there = {file.stem for file in ROOM.glob("*.scm")}
    assert there == {name for language in LANGUAGES for name in language.query}
    assert all("@id" in query_source(language) for language in LANGUAGES)


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/b.py", "python"), ("a/b.PY", "python"), ("Rakefile", "ruby"), ("a/.bashrc", "bash"), ("a.txt", "text")],
)
def test_names_tell_the_language(path: str, name: str) -> None:
    assert language_of(path) == name


def test_knowing_a_language_loads_no_grammar() -> None:
    script = "import sys, repocomp.languages.table as t; t.language_of('a.py'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not [name for name in loaded if name.startswith("tree_sitter")]
