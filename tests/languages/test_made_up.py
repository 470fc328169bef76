"""A language that nobody knows yet, added as people add one: a file, its query, and a line of the table."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import repocomp

PACKAGE = Path(repocomp.__file__).parent
FILE = '''"""Klingon, which reads as Python does."""

from repocomp.languages.imports import whole_modules
from repocomp.languages.language import Language

LANGUAGE = Language(
    name="klingon",
    grammar=("tree_sitter_python", "language"),
    query=("klingon",),
    extensions=(".tlh",),
    has_docstrings=True,
    imports=whole_modules(r"^import ([\\w.]+)", "."),
    module_separator=".",
    module_files=("{}.tlh",),
)
'''
QUERY = "(function_definition name: (identifier) @name) @function\n(identifier) @id\n"
SCRIPT = """
from repocomp.index.build import build_from
from repocomp.retrieve.query import Query
from repocomp.retrieve.resolve import bindings
from repocomp.store.index.reader import IndexReader
import pathlib, sys

path = pathlib.Path(sys.argv[1])
text = b"def heghlu(meh):\\n    'a good day'\\n    return meh\\n"
build_from(path, [("a/qapla.tlh", text), ("b.txt", b"def no(): pass\\n")])
with IndexReader.open_at(path) as reader:
    print([(row.path, row.language) for row in reader.files.all()])
    print([(found.name, found.kind, found.doc) for found in reader.symbols.definitions(["heghlu", "no"])])
    print(reader.symbols.references(["meh"]))
    query = Query("a/new.tlh", "klingon", "import qapla\\nqapla.", "", (1, 2))
    print([(binding.alias, binding.paths) for binding in bindings(reader, query)])
"""


def test_a_language_is_one_file_and_one_line(tmp_path: Path) -> None:
    package = tmp_path / "repocomp"
    package.mkdir()
    for entry in PACKAGE.iterdir():
        if entry.name not in ("languages", "__pycache__"):
            (package / entry.name).symlink_to(entry)
    shutil.copytree(PACKAGE / "languages", package / "languages")
    table = package / "languages" / "table.py"
    table.write_text(table.read_text().replace('    "python",\n', '    "python",\n    "klingon",\n'))
    (package / "languages" / "klingon.py").write_text(FILE)
    (package / "languages" / "klingon.scm").write_text(QUERY)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "index.db")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "[('a/qapla.tlh', 'klingon'), ('b.txt', 'text')]",
        "[('heghlu', 'function', 'a good day')]",
        "{'meh': [(1, 1), (1, 3)]}",
        "[('qapla', ('a/qapla.tlh',))]",
    ], done.stderr
