"""The tables behind symbol extraction: what each grammar calls a definition, an identifier, an import.

Imports are read from lines by patterns: their shapes are few, and a half-typed import must not be lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

CONTAINERS = frozenset({"class", "interface", "struct", "enum", "trait", "module", "impl", "namespace", "record"})
"""Kinds that own what is defined in them."""

BASES = re.compile(
    r"^class\s+\w+\s*\((?P<python>[^()]*)\)|\bextends\s+(?P<extends>[\w.,\s]+?)(?=\s+implements|$)"
    r"|^(?:class|module)\s+\w+\s*<\s*(?P<ruby>[\w:]+)\s*(?=$|#|;)|\b(?:class|struct|interface|record)\s+\w+[^:]*?\s:\s*(?P<colon>[\w.,\s:<>]+)$"
)
"""The classes that a class signature names as its bases."""

_JAVASCRIPT = """
(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(method_definition name: (_) @name) @function
(variable_declarator name: (identifier) @name value: [(arrow_function) (function_expression)]) @function
"""
_TYPESCRIPT = (
    _JAVASCRIPT
    + """
(class_declaration name: (type_identifier) @name) @class
(abstract_class_declaration name: (type_identifier) @name) @class
(interface_declaration name: (type_identifier) @name) @interface
(type_alias_declaration name: (type_identifier) @name) @type
(enum_declaration name: (identifier) @name) @enum
"""
)
_C = """
(function_definition declarator: (function_declarator declarator: (identifier) @name)) @function
(function_definition
  declarator: (pointer_declarator declarator: (function_declarator declarator: (identifier) @name))) @function
(struct_specifier name: (type_identifier) @name body: (_)) @struct
(enum_specifier name: (type_identifier) @name body: (_)) @enum
(type_definition declarator: (type_identifier) @name) @type
(preproc_def name: (identifier) @name) @macro
(preproc_function_def name: (identifier) @name) @macro
"""

DEFINITIONS: dict[str, str] = {
    "python": """
(function_definition name: (identifier) @name) @function
(class_definition name: (identifier) @name) @class
""",
    "javascript": _JAVASCRIPT + "(class_declaration name: (identifier) @name) @class",
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "java": """
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(enum_declaration name: (identifier) @name) @enum
(record_declaration name: (identifier) @name) @record
(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
""",
    "go": """
(function_declaration name: (identifier) @name) @function
(method_declaration name: (field_identifier) @name) @function
(type_spec name: (type_identifier) @name) @type
""",
    "rust": """
(function_item name: (identifier) @name) @function
(function_signature_item name: (identifier) @name) @function
(struct_item name: (type_identifier) @name) @struct
(enum_item name: (type_identifier) @name) @enum
(trait_item name: (type_identifier) @name) @trait
(impl_item type: (_) @name) @impl
(mod_item name: (identifier) @name) @module
(type_item name: (type_identifier) @name) @type
(macro_definition name: (identifier) @name) @macro
""",
    "c": _C,
    "cpp": _C
    + """
(function_definition declarator: (function_declarator declarator: (qualified_identifier) @name)) @function
(function_definition declarator: (function_declarator declarator: (field_identifier) @name)) @function
(class_specifier name: (type_identifier) @name body: (_)) @class
(namespace_definition name: (_) @name) @namespace
""",
    "c_sharp": """
(class_declaration name: (identifier) @name) @class
(interface_declaration name: (identifier) @name) @interface
(struct_declaration name: (identifier) @name) @struct
(enum_declaration name: (identifier) @name) @enum
(record_declaration name: (identifier) @name) @record
(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
(property_declaration name: (identifier) @name) @property
""",
    "ruby": """
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(class name: (_) @name) @class
(module name: (_) @name) @module
""",
    "php": """
(function_definition name: (name) @name) @function
(method_declaration name: (name) @name) @function
(class_declaration name: (name) @name) @class
(interface_declaration name: (name) @name) @interface
(trait_declaration name: (name) @name) @trait
(enum_declaration name: (name) @name) @enum
""",
    "bash": "(function_definition name: (word) @name) @function",
}
"""Queries that capture `@name` and the whole definition under its kind."""

_ID = "(identifier) @id"
_TS_IDS = "[(identifier) (property_identifier) (type_identifier) (shorthand_property_identifier)] @id"
IDENTIFIERS: dict[str, str] = {
    "python": _ID,
    "javascript": "[(identifier) (property_identifier) (shorthand_property_identifier)] @id",
    "typescript": _TS_IDS,
    "tsx": _TS_IDS,
    "java": "[(identifier) (type_identifier)] @id",
    "go": "[(identifier) (field_identifier) (type_identifier) (package_identifier)] @id",
    "rust": "[(identifier) (field_identifier) (type_identifier)] @id",
    "c": "[(identifier) (field_identifier) (type_identifier)] @id",
    "cpp": "[(identifier) (field_identifier) (type_identifier) (namespace_identifier)] @id",
    "c_sharp": _ID,
    "ruby": "[(identifier) (constant)] @id",
    "php": "(name) @id",
    "bash": "[(variable_name) (command_name)] @id",
}
"""Queries that capture every identifier as `@id`."""

Found = tuple[str, str | None, str, int]
"""module, name in it, alias, line"""

_PY_FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(?:\(([^()]*)\)?|([^\n(]*))", re.M)
_PY_IMPORT = re.compile(r"^[ \t]*import[ \t]+([\w., \t]+)", re.M)
_JS_FROM = re.compile(r"^[ \t]*(?:import|export)\b([^;\"'`]*?)\bfrom\s*[\"']([^\"'\n]+)[\"']", re.M)
_JS_REQUIRE = re.compile(r"^[ \t]*(?:const|let|var)\s+([^=;]+?)\s*=\s*require\([\"']([^\"'\n]+)[\"']\)", re.M)
_JAVA = re.compile(r"^[ \t]*import\s+(?:static\s+)?([\w.]+?)\.(\w+|\*)\s*;", re.M)
_GO = re.compile(r"^[ \t]*(?:import[ \t]+)?(?:([\w.]+)[ \t]+)?\"([\w./-]+)\"[ \t]*$", re.M)
_RUST = re.compile(
    r"^[ \t]*(?:pub(?:\([^)]*\))?\s+)?use\s+([\w:]+?)(?:::(\{[^}]*\}|\w+|\*))?(?:\s+as\s+(\w+))?\s*;", re.M
)
_C_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"\n]+)[>\"]", re.M)
_CSHARP = re.compile(r"^[ \t]*(?:global\s+)?using\s+(?:static\s+)?(?:(\w+)\s*=\s*)?([\w.]+)\s*;", re.M)
_RUBY = re.compile(r"^[ \t]*require(?:_relative)?[ \t(]+[\"']([^\"'\n]+)[\"']", re.M)
_PHP = re.compile(r"^[ \t]*use\s+(?:function\s+|const\s+)?([\w\\]+)(?:\s+as\s+(\w+))?\s*;", re.M)
_BASH = re.compile(r"^[ \t]*(?:source|\.)[ \t]+[\"']?([^\s\"';]+)", re.M)
_ALIAS = re.compile(r"([\w*$]+)(?:\s+(?:as\s+|:\s*)|\s*:\s*)([\w$]+)|([\w*$]+)")


def imports_in(language_name: str, text: str) -> Iterator[Found]:
    """All imports of `text`, in order of kind and place."""
    reader = _READERS.get(language_name)
    return reader(text) if reader is not None else iter(())


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _names(listed: str) -> Iterator[tuple[str, str]]:
    """(name, alias) of a list such as `a, b as c` or `{ a, b: c }`."""
    for match in _ALIAS.finditer(listed):
        yield (match[1], match[2]) if match[1] else (match[3], match[3])


def _python(text: str) -> Iterator[Found]:
    for match in _PY_FROM.finditer(text):
        listed = re.sub(r"#[^\n]*|\\", "", match[2] if match[2] is not None else match[3])
        for name, alias in _names(listed):
            yield match[1], name, alias, _line(text, match.start(1))
    for match in _PY_IMPORT.finditer(text):
        for item in match[1].split(","):
            module, _, alias = (part.strip() for part in item.partition(" as "))
            if module:
                yield module, None, alias or module.split(".")[0], _line(text, match.start(1))


def _javascript(text: str) -> Iterator[Found]:
    for pattern in (_JS_FROM, _JS_REQUIRE):
        for match in pattern.finditer(text):
            line = _line(text, match.start(1))
            listed = match[1].replace("type ", " ")
            default, brace, named = listed.partition("{")
            for name, alias in _names(default.replace("import", "")):
                yield match[2], None if name in ("*", alias) else name, alias, line
            for name, alias in _names(named if brace else ""):
                yield match[2], name, alias, line


def _java(text: str) -> Iterator[Found]:
    return ((m[1], m[2], m[2], _line(text, m.start(1))) for m in _JAVA.finditer(text))


def _go(text: str) -> Iterator[Found]:
    return ((m[2], None, m[1] or m[2].rsplit("/", 1)[-1], _line(text, m.start(2))) for m in _GO.finditer(text))


def _rust(text: str) -> Iterator[Found]:
    for match in _RUST.finditer(text):
        line = _line(text, match.start(1))
        listed = match[2] or ""
        if listed.startswith("{"):
            yield from ((match[1], name, alias, line) for name, alias in _names(listed))
        else:
            name = listed or match[1].rsplit("::", 1)[-1]
            yield match[1], name, match[3] or name, line


def _whole(pattern: re.Pattern[str], module: int, alias: int | None, split: str) -> Callable[[str], Iterator[Found]]:
    """A reader for imports that bring in a whole module, known by its last part unless renamed."""

    def read(text: str) -> Iterator[Found]:
        for match in pattern.finditer(text):
            short = (
                match[module].rsplit(split, 1)[-1].split(".")[0] if split == "/" else match[module].rsplit(split, 1)[-1]
            )
            renamed = match[alias] if alias is not None else None
            yield match[module], None, renamed or short, _line(text, match.start(module))

    return read


_READERS: dict[str, Callable[[str], Iterator[Found]]] = {
    "python": _python,
    "javascript": _javascript,
    "typescript": _javascript,
    "tsx": _javascript,
    "java": _java,
    "go": _go,
    "rust": _rust,
    "c": _whole(_C_INCLUDE, 1, None, "/"),
    "cpp": _whole(_C_INCLUDE, 1, None, "/"),
    "c_sharp": _whole(_CSHARP, 2, 1, "."),
    "ruby": _whole(_RUBY, 1, None, "/"),
    "php": _whole(_PHP, 1, 2, "\\"),
    "bash": _whole(_BASH, 1, None, "/"),
}
