"""Which lines of an answer can be reached: none on the level of a `return` follows it."""

from __future__ import annotations

import re

from repocomp.complete.finish.lexical import State, end_of
from repocomp.complete.finish.needs import Needs
from repocomp.complete.finish.surroundings import Surroundings, indent_of
from repocomp.languages.table import language as language_named

_FOLLOWS = re.compile(
    r"\W|\w+:(?!:)|(?:async|case|catch|class|def|default|do|done|elif|elsif|else|end|ensure|enum|esac|except|fi|finally|fn"
    r"|fun|func|function|local|rescue|static|struct|until|when|while|yield)\b"
)
"""What may stand there: another case, another branch, the end of the block, what is declared for the code above."""


def reachable(text: str, around: Surroundings, needs: Needs) -> str:
    """The lines of `text` up to the first that a jump above it, in sight or in the text itself, leaves out."""
    known = language_named(needs.language)
    if known is None or not known.jumps or needs.start.region is not None:
        return text
    jump = re.compile(known.jumps)
    lines = text.split("\n")
    above = around.above if not around.before.strip() else ""
    for at, said in enumerate(lines):
        line = said if at else around.before + said
        if not line.strip():
            continue
        deeper = indent_of(line) - indent_of(above) if jump.match(above.lstrip()) else -1
        if deeper == 0 and not _FOLLOWS.match(line.lstrip()) and _is_code("\n".join(lines[:at]), needs):
            return "\n".join(lines[:at])
        if deeper < 0 or (deeper == 0 and line.lstrip()[0] not in ")]}"):
            # All else goes on with the jump.
            above = line
    return text


def _is_code(text: str, needs: Needs) -> bool:
    """Whether statements follow what is said so far: no string and no list goes on."""
    state: State = end_of(text, needs.language, needs.start, needs.indent)
    return state.region is None and not (state.open and state.open[-1].char in "([")
