"""What there is to know of a language: the facts that each file of this room states, read by code that names none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

TEXT = "text"
"""The language of every file that we know none for."""

CONTAINERS = frozenset({"class", "interface", "struct", "enum", "trait", "module", "impl", "namespace", "record"})
"""Kinds of definitions that own what is defined in them."""

Import = tuple[str, str | None, str]
"""The module, the name imported from it (None: the module itself), and the alias it is known by."""


def no_imports(_: str) -> Iterator[Import]:
    """What a text imports where nobody has said how to read that."""
    return iter(())


@dataclass(frozen=True, slots=True)
class Language:
    """One language. Everything but its name and its grammar has a default that suits the C family.

    The files `query` beside this one, without their ".scm", are joined into one tree-sitter query. A pattern that
    captures `@id` finds identifiers. Any other captures a whole definition under its kind (several nodes where they
    stand in a row), in it the `@name`, and the `@body`, where the signature ends, unless that is the field `body`.
    Captures that begin with an underscore are for predicates.
    """

    name: str
    grammar: tuple[str, str]
    """Module and function of the tree-sitter wheel, imported when the first file is parsed."""
    query: tuple[str, ...]

    # Which files are written in it.
    extensions: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    """Programs that the first line of a script names after "#!", without version."""
    claims: tuple[tuple[str, Callable[[str], bool]], ...] = ()
    """Extensions that belong to another language, and a test of the text that makes a file this one's."""
    other_names: tuple[str, ...] = ()
    """What others call it, in lower case and without version: notebooks, script tags."""

    # How its text reads.
    reserved: frozenset[str] | None = None
    """The keywords; None: the words that the grammar spells out."""
    function_words: tuple[str, ...] = ()
    class_words: tuple[str, ...] = ("class",)
    """The words before the name of a function, and of what holds its members indented."""
    import_words: tuple[str, ...] = ("import",)
    self_words: tuple[str, ...] = ("this",)
    """What a method calls the object that it belongs to, and its class."""
    line_comment: str = "//"
    block_comment: tuple[str, str] | None = ("/*", "*/")
    strings: tuple[str, ...] = ('"', "'")
    """What opens and closes a string, longer delimiters first."""
    brackets: tuple[str, ...] = ("()", "[]", "{}")
    opens_block: tuple[str, ...] = ("{",)
    """What a line ends with when its block follows."""
    opening_lines: str = ""
    """A pattern of other lines whose block follows, told by how they begin. They are stripped."""
    jumps: str = r"(?:return|throw|break|continue|goto)\b"
    """A pattern of statements behind which nothing is reached, told by how they begin; "" where there are none."""
    empty_blocks: tuple[str, ...] = ()
    """What makes a block whole that a line opens, or the next one is to open: its shortest body, its end, or both."""
    comment_nodes: frozenset[str] = frozenset({"comment"})
    string_nodes: frozenset[str] = frozenset({"string"})
    """Kinds of nodes of its syntax tree."""

    # What a definition says about itself.
    bases: str = ""
    """A pattern over the signature of a class; its group holds the bases."""
    has_docstrings: bool = False
    """Whether a string that opens a body documents it. Else the comment above does."""
    has_clauses: bool = False
    """Whether definitions of one name in a row are one, written in several clauses."""

    has_symbols: bool = True
    """Whether code elsewhere may mean its definitions by their names. Keys of settings part chunks, and no more."""

    # What it imports, and the files that a module may be.
    imports: Callable[[str], Iterator[Import]] = no_imports
    """Reads all imports of a text, in order of kind and place."""
    module_separator: str = "/"
    module_roots: tuple[str, ...] = ()
    """Words before a module's path that name a place in the repository."""
    module_files: tuple[str, ...] = ("{}",)
    """Paths of a module, {} standing for its own, likeliest first."""
    modules_are_folders: bool = False
    modules_hold_items: bool = False
    """Whether the last part of an imported module may be an item defined in it."""
    dots_climb: bool = False
    """Whether the dots before a relative module count the folders to climb."""
