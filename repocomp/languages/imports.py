"""What a text imports, read from lines by patterns: their shapes are few, and a half-typed import must not be lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Found = tuple[str, str | None, str]
"""module, name in it (None: the module itself), alias"""

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


def _names(listed: str) -> Iterator[tuple[str, str]]:
    """(name, alias) of a list such as `a, b as c` or `{ a, b: c }`."""
    for match in _ALIAS.finditer(listed):
        yield (match[1], match[2]) if match[1] else (match[3], match[3])


def _python(text: str) -> Iterator[Found]:
    for match in _PY_FROM.finditer(text):
        listed = re.sub(r"#[^\n]*|\\", "", match[2] if match[2] is not None else match[3])
        for name, alias in _names(listed):
            yield match[1], name, alias
    for match in _PY_IMPORT.finditer(text):
        for item in match[1].split(","):
            module, _, alias = (part.strip() for part in item.partition(" as "))
            if module:
                yield module, None, alias or module.split(".")[0]


def _javascript(text: str) -> Iterator[Found]:
    for pattern in (_JS_FROM, _JS_REQUIRE):
        for match in pattern.finditer(text):
            listed = match[1].replace("type ", " ")
            default, brace, named = listed.partition("{")
            for name, alias in _names(default.replace("import", "")):
                yield match[2], None if name in ("*", alias) else name, alias
            for name, alias in _names(named if brace else ""):
                yield match[2], name, alias


def _java(text: str) -> Iterator[Found]:
    return ((m[1], m[2], m[2]) for m in _JAVA.finditer(text))


def _go(text: str) -> Iterator[Found]:
    return ((m[2], None, m[1] or m[2].rsplit("/", 1)[-1]) for m in _GO.finditer(text))


def _rust(text: str) -> Iterator[Found]:
    for match in _RUST.finditer(text):
        listed = match[2] or ""
        if listed.startswith("{"):
            yield from ((match[1], name, alias) for name, alias in _names(listed))
        else:
            name = listed or match[1].rsplit("::", 1)[-1]
            yield match[1], name, match[3] or name


def _whole(pattern: re.Pattern[str], module: int, alias: int | None, split: str) -> Callable[[str], Iterator[Found]]:
    """A reader for imports that bring in a whole module, known by its last part unless renamed."""

    def read(text: str) -> Iterator[Found]:
        for match in pattern.finditer(text):
            short = (
                match[module].rsplit(split, 1)[-1].split(".")[0] if split == "/" else match[module].rsplit(split, 1)[-1]
            )
            renamed = match[alias] if alias is not None else None
            yield match[module], None, renamed or short

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
