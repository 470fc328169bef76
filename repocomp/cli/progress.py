"""How long work shows itself: a bar with rate and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from repocomp.cli import output

Show = Callable[[str, int, int], None]
"""What is being done, how much of it is done, of how much."""

_LINE_SECONDS = 30


@contextmanager
def bar(*, in_bytes: bool = False, wanted: bool = True) -> Iterator[Show]:
    """Show progress on stderr while the block runs; counts are bytes where `in_bytes`."""
    console = output.console()
    if not wanted:
        yield lambda text, done, total: None
    elif console.is_terminal:
        from rich import progress as rich

        counts = (rich.DownloadColumn(), rich.TransferSpeedColumn()) if in_bytes else (rich.MofNCompleteColumn(),)
        columns = (rich.TextColumn("{task.description}"), rich.BarColumn(), *counts, rich.TimeRemainingColumn())
        with rich.Progress(*columns, console=console, transient=True) as shown:
            task = shown.add_task("", total=None)
            yield lambda text, done, total: shown.update(task, description=text, completed=done, total=max(1, total))
    else:
        yield _lines()


def _lines() -> Show:
    last = time.monotonic()

    def show(text: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > _LINE_SECONDS:
            last = time.monotonic()
            output.note(f"{text}: {done:,} of {total:,}")

    return show
