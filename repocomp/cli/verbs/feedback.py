"""`repocomp feedback`: report, list, count, export and delete what became of completions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from repocomp.cli import output
from repocomp.cli.cursor import standard_input
from repocomp.cli.options import Count
from repocomp.cli.words import IMPRESSION
from repocomp.config import load_settings
from repocomp.errors import ExitCode, FeedbackError
from repocomp.service.roots import root_of

EPILOG = """\b
Examples:
  repocomp feedback accept c_6cb4b191c2da6155
  repocomp feedback accept last
  repocomp feedback partial c_6cb4b191c2da6155 --text 'store.open('
  repocomp feedback list
  repocomp feedback stats --svg feedback.svg
  repocomp feedback export > feedback.jsonl
  repocomp feedback forget --before 2026-01-31
"""

_WORDS = {
    "accept": ("accepted", "The completion was taken as it is."),
    "partial": ("partially_accepted", "A part was taken; --text is that part."),
    "reject": ("rejected", "The completion was rejected."),
    "shown": ("shown", "The completion was displayed; for editors that prefetch."),
    "edit": ("edited", "The completion was changed after it was taken; --text is what it became."),
}
_NEED_TEXT = {"partial", "edit"}

_EXPORT_HELP = """Print the whole history as JSON Lines: one completion a line, oldest first, keys as follows.

\b
version              of this format: 1
id, at, last_at      its name; when it was first and last given (ISO 8601, UTC)
shows, shown         how often it was given; whether it was displayed
verdict              accepted, partially_accepted, rejected or null: the last word
path, line, column, language, base_commit
                     where it was asked, and the commit the work tree stood on
text, text_digest, chars
                     redacted text (null where digests alone are kept); visible characters
prefetched, continues
                     whether it was asked ahead; the completion it is the untyped rest of
retrieval            decision, rule, probability, threshold, reason; arms with drawn and propensity;
                     draws with rank, score, fused, kept, reason; chunks of the prompt; budget_tokens
decision_propensity  the probability with which this decision was taken
features             what was known of the place before retrieval
confidence, min_confidence, drafts
                     how sure the answer was, the bound it was held against; every draft that was written
asked, models, tokens, timings_ms, filters, stop_reason, reason, logprobs, warnings
                     the request and how it was answered, as in `complete --json`
events               kind, at, text, chars: every word said, in order
persistence          moment (seconds, or commit), at, commit, path, kept_chars, chars: every measurement

Secrets are replaced by REDACTED before anything is stored, and once more here.
"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Report what became of a completion, and look at the history.

    ID is the `id` that `repocomp complete --json` prints, or `last` for the newest one in this repository. Feedback
    is kept for each repository in the user's data folder, shared by its clones and work trees; nothing leaves the
    machine. The settings `record` (text, no-text, off) and `retention_days` say what is kept, and how long.
    """


def here() -> Path:
    """The root that a file in the current folder would belong to."""
    return root_of(Path.cwd() / "file") or Path.cwd()


def _word(name: str) -> Callable[..., int]:
    kind, says = _WORDS[name]

    @output.json_option
    @click.option("--text", metavar="TEXT", help="The text in question; `-` reads standard input.")
    @click.argument("impression_id", type=IMPRESSION, metavar="ID")
    def say_word(impression_id: str, text: str | None, as_json: bool) -> int:
        if text is None and name in _NEED_TEXT:
            raise FeedbackError(f"{name} needs the text", f"repocomp feedback {name} {impression_id} --text TEXT")
        return _say(impression_id, kind, standard_input().decode(errors="replace") if text == "-" else text, as_json)

    say_word.__doc__ = says + " Repeating a verdict changes nothing; a different one replaces it."
    return say_word


for _name in _WORDS:
    command.command(_name)(_word(_name))


def _say(impression_id: str, kind: Any, text: str | None, as_json: bool) -> int:  # noqa: ANN401  (an EventKind)
    from repocomp.feedback.ledger import say

    root = here()
    said = say(root, impression_id, kind, text, keep_text=load_settings(root, {}).record == "text")
    if said.is_clock_behind:
        output.note("repocomp: the clock stands before the completion's time, which is used instead")
    if as_json:
        return output.document("feedback", {"id": said.id, "event": kind, "outcome": said.outcome})
    output.note(f"{said.id}: {kind.replace('_', ' ')}" + (", as before" if said.outcome == "already" else ""))
    return ExitCode.OK


@command.command("list")
@click.option("--limit", type=Count(min=1), default=20, show_default=True, metavar="N", help="The newest N.")
@output.json_option
def list_(limit: int, as_json: bool) -> int:
    """List the newest completions of this repository, and what became of them."""
    from repocomp.feedback.export import export
    from repocomp.feedback.ledger import reading
    from repocomp.store.feedback.rows import newest

    with reading(here()) as connection:
        rows = list(export(connection, newest(connection, limit))) if connection is not None else []
    code = ExitCode.OK if rows else ExitCode.NOTHING
    if as_json:
        return output.document("feedback", rows, code)
    if not rows:
        output.note("repocomp: nothing was recorded yet for this repository")
    for row in rows:
        output.line(_listed(row))
    return code


def _listed(row: dict[str, Any]) -> str:
    commits = [item for item in row["persistence"] if item["moment"] == "commit"]
    kept = f"{commits[-1]['kept_chars']}/{commits[-1]['chars']} committed" if commits else ""
    text = row["text"] if row["text"] is not None else row["text_digest"]
    first = text.strip().split("\n")[0][:48] or f"({row['reason']})"
    place = f"{row['path']}:{row['line']}:{row['column']}"
    verdict = (row["verdict"] or ("-" if row["shown"] else "not shown")).replace("_", " ")
    return f"{row['last_at'][:16]}  {row['id']}  {place:<28} {verdict:<18} {kept:<18} {first}".rstrip()


@command.command()
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Also draw a chart.")
@output.json_option
def stats(svg: Path | None, as_json: bool) -> int:
    """Count what became of this repository's completions, each figure with its definition, n and 95 % interval."""
    from repocomp.feedback.ledger import reading
    from repocomp.feedback.stats import stats as count

    with reading(here()) as connection:
        found = count(connection) if connection is not None else None
    if svg is not None and found is not None:
        from repocomp.feedback.plot import plot

        output.file(svg, plot(found))
    if as_json:
        code = ExitCode.OK if found is not None else ExitCode.NOTHING
        return output.document("feedback", found.to_json() if found is not None else {}, code)
    if found is None:
        output.note("repocomp: nothing was recorded yet for this repository")
        return ExitCode.NOTHING
    from repocomp.cli.feedback_table import print_stats

    print_stats(found)
    return ExitCode.OK


@command.command(help=_EXPORT_HELP)
def export() -> int:
    """Print the whole history as JSON Lines."""
    from repocomp.feedback.export import export as lines
    from repocomp.feedback.ledger import reading
    from repocomp.store.feedback.rows import impressions

    with reading(here()) as connection:
        for row in lines(connection, impressions(connection)) if connection is not None else ():
            output.json_line(row)
    return ExitCode.OK


@command.command()
@click.argument("impression_id", type=IMPRESSION, metavar="[ID]", required=False)
@click.option("--before", metavar="DATE", help="Everything before this day (YYYY-MM-DD), or older than this (30d).")
@click.option("--all", "everything", is_flag=True, help="Everything of this repository.")
@output.json_option
def forget(impression_id: str | None, before: str | None, everything: bool, as_json: bool) -> int:
    """Delete completions and everything recorded about them, so that no file holds them any more."""
    if (impression_id is not None) + (before is not None) + everything != 1:
        raise FeedbackError("name one of: ID, --before DATE, --all", "repocomp feedback forget --help")
    from repocomp.feedback.forget import forget_before, forget_everything, forget_one

    root = here()
    if impression_id is not None:
        count = forget_one(root, impression_id)
    elif before is not None:
        count = forget_before(root, int(_day(before).timestamp() * 1000))
    else:
        count = forget_everything(root)
    if as_json:
        return output.document("feedback", {"forgotten": count})
    output.note(f"forgotten: {count:,} completion{'s' * (count != 1)}")
    return ExitCode.OK


def _day(text: str) -> datetime:
    """The beginning of a day in local time, or so many days ago."""
    if text.endswith("d") and text[:-1].isdigit() and int(text[:-1]) < 100_000:
        return datetime.now().astimezone() - timedelta(days=int(text[:-1]))
    try:
        return datetime.strptime(text, "%Y-%m-%d").astimezone()
    except (ValueError, OverflowError):
        raise FeedbackError(f"{text!r} is not a day", "write YYYY-MM-DD, or a number of days as in 30d") from None
