"""Prompts of the known families read back: what stands on both sides of the cursor, in which file, beside which others.

Editors that know a family put its prompt together themselves; what they send is taken apart here. The order of the
control tokens says which side is which, so that either order of a family is understood.
"""

from __future__ import annotations

from dataclasses import dataclass

from repocomp.model.families import FAMILIES, Family


@dataclass(frozen=True, slots=True)
class Parsed:
    """Both sides of the cursor; `path` of the file where the prompt names it, `files` the others with their texts."""

    left: str
    right: str
    path: str | None = None
    files: tuple[tuple[str, str], ...] = ()


def parse(prompt: str) -> Parsed | None:
    """The parts of a prompt; None where it is of no known family, and therefore plain text."""
    fitting = [family for family in FAMILIES if family.prefix in prompt and family.suffix in prompt]
    if not fitting:
        return None
    # Families that spell the frame alike differ in what divides files.
    family = next((each for each in fitting if each.file is not None and each.file in prompt), fitting[0])
    head, left, right = _sides(prompt, family)
    files = _files(head, family)
    if family.file is not None and left.startswith(family.file):
        # The path stands inside the prefix.
        name, _, left = left.removeprefix(family.file).partition("\n")
        return Parsed(left, right, name.strip(), tuple(files))
    if files and not files[-1][1]:
        return Parsed(left, right, files[-1][0], tuple(files[:-1]))
    return Parsed(left, right, None, tuple(files))


def _sides(prompt: str, family: Family) -> tuple[str, str, str]:
    """What stands before the frame, and the two sides in it; what follows the token of the middle begins the middle."""
    at = {token: prompt.rfind(token) for token in (family.prefix, family.suffix, family.middle)}
    order = sorted((place, token) for token, place in at.items() if place >= 0)
    ends = [place for place, _ in order[1:]] + [len(prompt)]
    parts = {token: prompt[place + len(token) : end] for (place, token), end in zip(order, ends, strict=True)}
    return prompt[: order[0][0]], parts[family.prefix] + parts.get(family.middle, ""), parts[family.suffix]


def _files(head: str, family: Family) -> list[tuple[str, str]]:
    """Path and text of each file before the frame."""
    if family.file is None:
        return []
    named = (part.partition("\n") for part in head.split(family.file)[1:])
    return [(name.strip(), text) for name, _, text in named]
