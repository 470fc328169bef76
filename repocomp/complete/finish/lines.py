"""Which lines of an answer stay, judged by lines alone: those of its block, and none that stands there already.

Each rule takes text from the end, and what it leaves of a text it leaves of every text that goes on from there.
"""

from __future__ import annotations

import re

from repocomp.complete.finish.lexical import PAIRS
from repocomp.complete.finish.surroundings import Surroundings, indent_of

_LOOP = 3
"""A line written this often in a row is a loop, not a thought."""
_CHANCE = 4
"""Characters that two texts share by chance at most."""
_SAYS = 3
"""Letters from which on a remainder is a statement, and no mere bracket."""
_SAID = 6
"""From so many on, the beginning of a line is not said twice in a row."""


def first_line(text: str) -> str:
    """Up to the first line end after something visible."""
    end = line_end(text)
    return text if end < 0 else text[:end]


def line_end(text: str) -> int:
    """The first line end after something visible, -1 where there is none."""
    return text.find("\n", len(text) - len(text.lstrip()))


def block(text: str, around: Surroundings) -> str:
    """The lines that belong to the block, a closing bracket on a line of its own included."""
    first, *rest = text.split("\n")
    kept = [first]
    for line in rest:
        if line.strip() and indent_of(line) < around.floor:
            if _closes(line) and indent_of(line) >= around.floor - 1 and opens("\n".join(kept), line.strip()[0]):
                kept.append(line)
            break
        kept.append(line)
    return "\n".join(kept)


def is_over(text: str, around: Surroundings) -> bool:
    """Whether a block that still grows has had a line that does not belong to it, or goes round in circles."""
    lines = text.split("\n")
    last = next((line for line in reversed(lines[1:]) if line.strip()), None)
    if last is not None and indent_of(last) < around.floor and not _closes(last):
        return True
    whole = lines[1:-1]
    return len(whole) >= _LOOP and len(set(whole[-_LOOP:])) == 1


def whole_lines(text: str) -> str:
    """Without the last line, which may have been cut in its middle, unless it is the only one."""
    head, newline, _ = text.rpartition("\n")
    return head if newline and head.strip() else text


def without_neighbours(text: str, around: Surroundings) -> str:
    """Up to the first line that is the one below, or that opens the block once more."""
    first, *rest = text.split("\n")
    line = (around.before + first + around.after).strip()
    if first.strip() and _is_telling(line) and line in (around.below.strip(), around.above.strip()):
        return ""
    if not first.strip() and rest and _is_telling(rest[0]) and rest[0].strip() == around.before.strip():
        return ""
    opener = around.before if around.opens_block else around.above
    for at, line in enumerate(rest, 1):
        is_opener = line.rstrip() == opener.rstrip() and _is_telling(line)
        if (around.below.strip() and line.rstrip() == around.below.rstrip()) or is_opener:
            return "\n".join([first, *rest[: at - 1]])
    return text


def without_loop(text: str) -> str:
    """Of lines that come again and again, the first two."""
    lines = text.split("\n")
    for at in range(_LOOP - 1, len(lines)):
        run = lines[at - _LOOP + 1 : at + 1]
        if run[0].strip() and len(set(run)) == 1:
            return "\n".join(lines[: at - _LOOP + 2])
    return text


def settled(lines: list[str], around: Surroundings) -> str:
    """Of whole lines those that stay: inside the block, not its last, before the suffix, in no run of equal ones."""
    kept = block("\n".join(lines), around).split("\n")
    twice = [at for at in range(1, len(kept)) if kept[at].strip() and kept[at] == kept[at - 1]]
    loop = next((at for at in twice if at + 1 == len(kept) or at + 1 in twice), len(kept))
    return without_neighbours("\n".join(kept[: min(loop, len(kept) - 1)]), around)


def without_prefix(text: str, around: Surroundings) -> str:
    """Without the cursor's line up to it, where the answer begins with that again."""
    said = around.before.strip()
    lead = text.lstrip()
    return lead[len(said) :].lstrip() if len(said) >= _SAID and " " in said and lead.startswith(said) else text


def without_suffix(text: str, around: Surroundings) -> str:
    """Without the end that already stands right of the cursor, unless a bracket would then stay open."""
    rest = around.after.strip()
    if not rest:
        return text
    head = rest.rstrip(")]};:, \t\"'`")
    if len(head) >= _CHANCE and head in text:
        return text[: text.index(head)]
    for size in range(min(len(text), len(rest)), 0, -1):
        if text.endswith(rest[:size]):
            shorter = text[: len(text) - size]
            return shorter if _counts(shorter, rest, size) else text
    return text


def after_blank(text: str, around: Surroundings) -> str:
    """`text` without the blanks it starts with where the cursor stands behind one.

    At the start of a line they may go further in; a single one does not, but large vocabularies have words with it.
    """
    if not around.before[-1:].isspace():
        return text
    if around.before.strip():
        return text.lstrip(" \t")
    return text[1:] if text[:1] == " " and not text[1:2].isspace() else text


def joined(text: str, around: Surroundings) -> str:
    """Without blanks beside blanks, and without the beginning of a word that would run into the one behind."""
    text = after_blank(text, around)
    if not around.is_inside_a_line:
        return text.rstrip()
    is_word = re.fullmatch(r"\w*", text) is not None and _is_word(around.before[-1:])
    if _is_word(around.after[0]) and not is_word:
        text = re.sub(r"\w+\Z", "", text)
    return text.rstrip(" \t") if around.after[0] in " \t)]},;:" else text


def opens(text: str, closing: str) -> bool:
    """Whether `text` leaves a bracket open that `closing` would close."""
    opening = PAIRS.get(closing)
    return opening is not None and text.count(opening) > text.count(closing)


def _counts(shorter: str, rest: str, size: int) -> bool:
    """Not when a bracket stays open; else the whole remainder, a bracket, a quote, or a stretch too long for chance."""
    removed = rest[:size]
    if size == len(rest) and len(re.findall(r"\w", removed)) >= _SAYS:
        # Said twice it is wrong whatever it closes.
        return True
    if any(opens(shorter, char) for char in removed):
        return False
    is_quote = removed[-1] in "\"'`" and shorter.count(removed[-1]) % 2 == 0
    return size == len(rest) or size >= _CHANCE or is_quote or any(char in PAIRS for char in removed)


def _is_telling(line: str) -> bool:
    """Whether a line says enough not to be said twice by chance."""
    return len(re.findall(r"\w", line)) >= _CHANCE


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _closes(line: str) -> bool:
    return line.lstrip()[:1] in PAIRS
