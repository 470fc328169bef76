"""`repocomp explain`: how a completion came about, from what was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from repocomp.cli import output
from repocomp.cli.verbs.feedback import here
from repocomp.cli.words import IMPRESSION

EPILOG = """\b
Examples:
  repocomp explain last
  repocomp explain c_6cb4b191c2da6155
  repocomp explain last --json
"""

_WIDTH = 13


@click.command(epilog=EPILOG)
@click.argument("impression_id", type=IMPRESSION, metavar="ID")
@output.json_option
def command(impression_id: str, as_json: bool) -> int:
    """Show how the completion ID (or `last`) came about, even if it was empty.

    Shows the decision with its probability, the arms that were asked, every chunk they drew with its score before and
    after ranking and why it was kept or dropped, the token budget, filters, timings, and what became of the answer.
    Nothing is computed anew: it is what was logged then.
    """
    from repocomp.feedback.ledger import replay

    data = replay(here(), impression_id)
    if as_json:
        return output.document("explain", data)
    for line in _lines(data):
        output.line(line)
    return 0


def _lines(data: dict[str, Any]) -> Iterator[str]:
    retrieval = data["retrieval"]
    times = "once" if data["shows"] == 1 else f"{data['shows']} times"
    yield _row("completion", f"{data['id']}, {data['path']}:{data['line']}:{data['column']} ({data['language']})")
    yield _row("given", f"{data['last_at']}, {times}, on commit {(data['base_commit'] or 'none')[:12]}")
    yield _row("answer", _answer(data))
    yield from _confidence(data)
    # Versions up to 0.5 wrote one draft and did not say so.
    yield from (_row("draft", _draft(draft)) for draft in data.get("drafts", ()))
    yield _row("decision", _decision(data, retrieval))
    yield _row("place", ", ".join(f"{name} {value}" for name, value in data["features"].items()))
    yield from _retrieved(retrieval)
    yield _row("filters", ", ".join(f"{one['rule']}: {one['action']}" for one in data["filters"]) or "none")
    tokens = data["tokens"]
    yield _row(
        "tokens",
        f"{tokens['prompt']} in the prompt ({tokens['cached']} cached), {tokens['generated']} generated,"
        f" stopped by {data['stop_reason']}",
    )
    steps = {step: ms for step, ms in data["timings_ms"].items() if step != "total"}
    spent = ", ".join(f"{step} {ms:.1f}" for step, ms in steps.items())
    yield _row("timings", f"{data['timings_ms']['total']:.1f} ms: {spent}")
    yield from (_row("warning", warning) for warning in data["warnings"])
    yield from _later(data)


def _row(name: str, value: str) -> str:
    return f"{name:<{_WIDTH}}{value}"


def _answer(data: dict[str, Any]) -> str:
    if data["reason"] and data["reason"] != "quiet":
        return f"empty: {data['reason']}"
    text = data["text"] if data["text"] is not None else f"not kept ({data['text_digest']}, {data['chars']} characters)"
    return str(text).replace("\n", "\n" + " " * _WIDTH)


def _confidence(data: dict[str, Any]) -> Iterator[str]:
    # Versions up to 0.5 were not asked how sure they are.
    sure, least = data.get("confidence"), data.get("min_confidence", 0.0)
    if sure is not None:
        outcome = "withheld" if data["reason"] == "quiet" else "shown"
        yield _row("confidence", f"{sure:.3f}, {outcome} (bound {least:.3f})")


def _draft(draft: dict[str, Any]) -> str:
    made = {"skip": "from the file alone", "copy": "copying", "read": f"having read {draft['tokens_read']} tokens"}
    sure = "" if draft["confidence"] is None else f", {100 * draft['confidence']:.0f} % sure"
    chosen = "; chosen" if draft["chosen"] else ""
    return f"{draft['model']}, {made[draft['action']]}: {draft['ms']:.0f} ms{sure}{chosen}"


def _decision(data: dict[str, Any], retrieval: dict[str, Any]) -> str:
    asked = "" if retrieval["probability"] is None else f"p = {retrieval['probability']:.3f}, "
    bound = "" if retrieval["threshold"] is None else f"threshold {retrieval['threshold']:.3f}, "
    helps = "" if retrieval.get("reading") is None else f"reading helps with p = {retrieval['reading']:.3f}, "
    return (
        f"{retrieval['decision']}: {retrieval['reason']}"
        f" ({asked}{bound}{helps}rule {retrieval['rule']}, propensity {data['decision_propensity']:.2f})"
    )


def _retrieved(retrieval: dict[str, Any]) -> Iterator[str]:
    arms = [f"{arm['name']} drew {arm['drawn']} (propensity {arm['propensity']:.2f})" for arm in retrieval["arms"]]
    yield _row("arms", ", ".join(arms) or "none were asked")
    if retrieval["budget_tokens"] is None:
        return
    used = sum(chunk["tokens"] for chunk in retrieval["chunks"])
    read = f"{used} of {retrieval['budget_tokens']} tokens, {len(retrieval['chunks'])} chunks kept"
    yield _row("budget", read if retrieval["budget_tokens"] else "nothing is read; all that was kept is a copy source")
    yield from _table(retrieval["draws"])


def _table(draws: Sequence[dict[str, Any]]) -> Iterator[str]:
    head = ("arm", "rank", "before", "after", "chunk", "", "why")
    rows = [
        (
            draw["arm"],
            str(draw["rank"]),
            f"{draw['score']:.3f}",
            "-" if draw["fused"] is None else f"{draw['fused']:.5f}",
            f"{draw['path']}:{draw['start_line']}-{draw['end_line']}",
            "kept" if draw["kept"] else "dropped",
            draw["reason"],
        )
        for draw in draws
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows) if rows else ():
        yield _row("", "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))).rstrip()


def _later(data: dict[str, Any]) -> Iterator[str]:
    for event in data["events"]:
        yield _row("said", f"{event['kind'].replace('_', ' ')}, {event['at']}")
    if not data["events"]:
        yield _row("said", "nothing yet")
    for one in data["persistence"]:
        where = f"commit {one['commit'][:12]}" if one["commit"] else f"the file after {one['moment']} s"
        yield _row("stood", f"{one['kept_chars']} of {one['chars']} characters in {where}")
