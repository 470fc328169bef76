"""Progress of long work: a bar with rate and time left on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from repocomp.cli import output
from repocomp.progress import OnProgress, Progress, duration, ignore

if TYPE_CHECKING:
    from rich.progress import Progress as ProgressBar

_DRAW_SECONDS, _LINE_SECONDS = 0.1, 30


@contextmanager
def bar(*, in_bytes: bool = False, wanted: bool = True) -> Iterator[OnProgress]:
    """Show progress on stderr while the block runs; counts are bytes where `in_bytes`."""
    console = output.console()
    if not wanted:
        yield ignore
    elif console.is_terminal:
        from rich import progress as rich

        meter = Meter(in_bytes)
        columns = rich.BarColumn(), rich.TextColumn("{task.description}")
        # Drawn at each report and by no thread: where none runs, workers can be forks of this process.
        with rich.Progress(*columns, console=console, transient=True, auto_refresh=False) as shown:
            yield _drawn(shown, meter)
    else:
        yield _lines(Meter(in_bytes))


class Meter:
    """Turns progress into words, with the rate since the first report and the time left at that rate."""

    def __init__(self, in_bytes: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._unit, self._scale = ("MB", 1e6) if in_bytes else ("", 1.0)
        self._clock = clock
        self._first = 0.0, 0.0
        self._last: Progress | None = None

    def read(self, now: Progress) -> str:
        """As in "indexing: 120 of 900, 35 per second, 22 s left". Other work, or work begun again, starts afresh."""
        at = self._clock()
        if self._last is None or now.total != self._last.total or now.done < self._last.done:
            self._first = at, now.done
        self._last = now
        began, first = self._first
        rate = (now.done - first) / (at - began) if at > began else 0.0
        return f"{now.label}: {', '.join(self._facts(now, rate))}"

    def _facts(self, now: Progress, rate: float) -> Iterator[str]:
        if now.total == 1.0:
            yield f"{100 * now.done:.0f} %"
        else:
            unit = self._unit and f" {self._unit}"
            yield f"{self._count(now.done)} of {self._count(now.total)}{unit}"
            if rate > 0:
                yield f"{self._count(rate)}{unit} per second"
        if rate > 0 and now.done < now.total:
            yield f"{duration((now.total - now.done) / rate)} left"

    def _count(self, value: float) -> str:
        scaled = value / self._scale
        return f"{scaled:,.1f}" if scaled < 10 and scaled != int(scaled) else f"{scaled:,.0f}"


def _drawn(shown: ProgressBar, meter: Meter) -> OnProgress:
    task = shown.add_task("", total=None)
    last = 0.0

    def show(now: Progress) -> None:
        nonlocal last
        shown.update(task, description=meter.read(now), completed=now.done, total=now.total or 1)
        if time.monotonic() - last > _DRAW_SECONDS:
            last = time.monotonic()
            shown.refresh()

    return show


def _lines(meter: Meter) -> OnProgress:
    last = time.monotonic()

    def show(now: Progress) -> None:
        nonlocal last
        text = meter.read(now)
        if time.monotonic() - last > _LINE_SECONDS:
            last = time.monotonic()
            output.note(text)

    return show
