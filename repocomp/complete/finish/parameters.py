"""How each language writes the parameters of a definition, and what a call gives for one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\,()])*\'|->|=>|.', re.S)
_LAST_WORD = re.compile(r"(\w+)\s*(?:\[[^\]]*\])*\s*$")
_TYPES = frozenset("bool char const double float int long short signed unsigned void".split())
"""The last words of a parameter that C leaves without a name."""


def split_list(text: str, start: int) -> tuple[list[str], int]:
    """The parts between the commas of the list that begins at `start`, and where it is closed, or `text` ends."""
    parts, depth, last = [], 0, start
    end = len(text)
    for match in _PIECE.finditer(text, start):
        piece = match[0]
        if piece in ")]}" and depth == 0:
            end = match.start()
            break
        depth += (piece in "([{<") - (piece in ")]}>" and depth > 0)
        if piece == "," and depth == 0:
            parts.append(text[last : match.start()])
            last = match.end()
    parts.append(text[last:end])
    return ([part for part in parts if part.strip()], end)


def _python(parameter: str) -> str:
    name = re.match(r"\s*(\w+)\s*(?::[^=]*)?$", parameter)
    return name[1] if name is not None and name[1] not in ("self", "cls") else ""


def _go(parameter: str) -> str:
    name = re.match(r"\s*(\w+)(?:\s+(\.\.\.)?|\s*$)", parameter)
    return name[1] + (name[2] or "") if name is not None else ""


def _rust(parameter: str) -> str:
    name = re.match(r"\s*(?:mut\s+)?(\w+)\s*:", parameter)
    return name[1] if name is not None and name[1] != "self" else ""


def _script(parameter: str) -> str:
    name = re.match(
        r"\s*(?:(?:public|private|protected|readonly)\s+)*(\.\.\.)?(\w+|\{[^{}]*\})\s*(?::(?!.*[^=!<>]=[^=>])|$)",
        parameter,
    )
    return (name[1] or "") + name[2] if name is not None and name[2] != "this" else ""


def _typed(parameter: str) -> str:
    if "=" in parameter or parameter.strip() in ("", "void", "..."):
        return ""
    name = _LAST_WORD.search(parameter)
    return name[1] if name is not None and name[1] not in _TYPES else ""


def _c_sharp(parameter: str) -> str:
    passed = re.match(r"\s*(ref|out)\s", parameter)
    name = "" if parameter.split()[:1] == ["this"] else _typed(parameter)
    return f"{passed[1]} {name}" if passed is not None and name else name


def _php(parameter: str) -> str:
    name = re.search(r"(\.\.\.)?\s*(\$\w+)\s*$", parameter)
    return (name[1] or "") + name[2] if name is not None else ""


def _ruby(parameter: str) -> str:
    name = re.match(r"\s*(\w+)(:?)\s*$", parameter)
    return "" if name is None else f"{name[1]}: {name[1]}" if name[2] else name[1]


def _colon(parameter: str) -> str:
    name = re.match(
        r"\s*(?:@\w+\s+)*(?:(?:vararg|crossinline|noinline|val|var|implicit|using)\s+)*(\w+)\s*:[^=]*$", parameter
    )
    return name[1] if name is not None else ""


def _swift(parameter: str) -> str:
    name = re.match(r"\s*(?:(\w+)\s+)?(\w+)\s*:[^=]*$", parameter)
    if name is None:
        return ""
    label = name[1] or name[2]
    return name[2] if label == "_" else f"{label}: {name[2]}"


ARGUMENTS: dict[str, Callable[[str], str]] = {
    "python": _python,
    "go": _go,
    "rust": _rust,
    "javascript": _script,
    "typescript": _script,
    "tsx": _script,
    "java": _typed,
    "c": _typed,
    "cpp": _typed,
    "c_sharp": _c_sharp,
    "php": _php,
    "ruby": _ruby,
    "kotlin": _colon,
    "scala": _colon,
    "swift": _swift,
    "lua": _ruby,
}
"""By language: the argument for one parameter; "" where it is left out."""


_AFTER_TYPE = re.compile(r"[\w>\]](?:\s+|\s*[*&]+\s*)\w+(?:\s*\[\w*\])*\s*$")
_BEFORE_TYPE = re.compile(r"\s*\w+ (?:\.\.\.)?[*\[\]]*\w")
_BEFORE_COLON = re.compile(r"\s*(?:\.\.\.)?\w+\??\s*:\s*\S")
_TO_SEMICOLON = re.compile(r"\)[^;{}=]*(?:=>?[^;{}\n]*)?;")
_TO_LINE_END = re.compile(r"\)[^{}\n]*$", re.M)
_TO_TYPE = re.compile(r"\)\s*:[^{}\n=]*$", re.M)

SIGNATURES = {
    **dict.fromkeys(("c", "cpp", "java", "c_sharp"), (_TO_SEMICOLON, _AFTER_TYPE)),
    "go": (_TO_LINE_END, _BEFORE_TYPE),
    "typescript": (_TO_TYPE, _BEFORE_COLON),
    "tsx": (_TO_TYPE, _BEFORE_COLON),
}
"""By language, how a definition without a body goes on behind its parameters, and how the last of these looks."""


NAMED = {"python": "{}={}", "c_sharp": "{}: {}", "kotlin": "{} = {}", "scala": "{} = {}", "php": "{}: {}"}
"""By language: an argument that is given by name, where the repository may choose to."""


def arguments(parameters: Sequence[str], language: str, *, by_name: bool = False) -> list[str]:
    """What a call gives for `parameters`: names in order, and `by_name` where the language or the repository asks."""
    named = []
    for parameter in parameters:
        by_name = by_name or (language == "python" and parameter.lstrip().startswith("*"))
        if name := ARGUMENTS[language](parameter):
            is_plain = re.fullmatch(r"\$?\w+", name) is not None
            named.append(NAMED[language].format(name.lstrip("$"), name) if by_name and is_plain else name)
    return named
