"""SQL, whatever its dialect."""

from __future__ import annotations

from repocomp.languages.language import Language

_RESERVED = """
add all alter and any as asc begin between by case cast check column commit constraint create cross declare default
delete desc distinct drop else end except exists false fetch for foreign from full function grant group having if in
index inner insert intersect into is join key left like limit not null offset on or order outer primary procedure
references returning returns revoke right rollback select set table then trigger true type union unique update using
values view when where with
""".split()

LANGUAGE = Language(
    name="sql",
    grammar=("tree_sitter_sql", "language"),
    query=("sql",),
    extensions=(".sql", ".psql", ".ddl"),
    # Written in either case, and compared as written.
    reserved=frozenset(_RESERVED) | {word.upper() for word in _RESERVED},
    function_words=("FUNCTION", "function"),
    class_words=(),
    import_words=(),
    self_words=(),
    line_comment="--",
    strings=("'", '"'),
    brackets=("()", "[]"),
    opens_block=("(", "BEGIN", "begin"),
    comment_nodes=frozenset({"comment", "marginalia"}),
    # The grammar has one name for numbers and strings.
    jumps="",
    string_nodes=frozenset({"literal"}),
)
