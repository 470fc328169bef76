"""`repocomp learn`: adapt retrieval to this repository; show, undo or freeze what was learned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, Number, work_trees, workers_options
from repocomp.cli.verbs.feedback import here
from repocomp.cli.words import PACK
from repocomp.config import load_settings
from repocomp.errors import ExitCode, FeedbackError
from repocomp.executor.workers import Workers

if TYPE_CHECKING:
    from repocomp.learn.learner import Learning

EPILOG = """\b
Examples:
  repocomp learn
  repocomp learn --minutes 2
  repocomp learn --limit 300 --jobs 4 ~/src/one ~/src/two
  repocomp learn --show
  repocomp learn --rollback
  repocomp learn --reset
"""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--minutes",
    type=Number(min=0),
    default=10.0,
    show_default=True,
    metavar="M",
    help="Replay for this many minutes in each repository.",
)
@click.option("--limit", type=Count(min=0), metavar="N", help="Stop replaying once there are N replays.")
@click.option("--show", "what", flag_value="show", help="Show what was learned; change nothing.")
@click.option("--rollback", "what", flag_value="rollback", help="Go back to the previous version.")
@click.option(
    "--reset",
    "what",
    flag_value="reset",
    help="Go back to the shipped behaviour, and forget what chunks were worth. Replays and feedback are kept.",
)
@click.option("--freeze", "what", flag_value="freeze", help="Stop learning and exploring.")
@click.option("--unfreeze", "what", flag_value="unfreeze", help="Resume learning.")
@click.option("--pack", type=PACK, metavar="PACK", help="The pack that writes.  [default: as set for completions]")
@click.option(
    "--policy",
    type=PACK,
    metavar="PACK",
    help="The pack that decides for it and drafts first.  [default: as set for completions]",
)
@workers_options
@output.json_option
def command(
    paths: tuple[Path, ...],
    minutes: float,
    limit: int | None,
    what: str | None,
    pack: str | None,
    policy: str | None,
    workers: Workers,
    as_json: bool,
) -> int:
    """Learn which retrieval strategies help where, and from what became of completions.

    It learns in the repository that holds the working directory, or in each that holds a PATH, from that one alone.

    Lines of a repository, those of recent commits first, are hidden and every way to retrieve is scored by what it
    does for the true text; with feedback this fits a model of what helps at which kind of place. It is taken into use
    only once paired replays that it had not seen say that it is better. Nothing leaves the machine but for the nodes of
    a --cluster, and nothing that is learned is needed for a completion. A run can be stopped at any time; the next one
    continues.

    Where completions are recorded, git's hooks and the daemon (a quarter of an hour after the last request) run this by
    themselves: once a day, for five minutes, at the lowest priority. The setting `learn` (auto, never) switches it off.
    """
    roots = work_trees(paths) if paths else [here()]
    if what is None:
        return _learn(roots, minutes, limit, _packs(pack, policy), workers, as_json)
    if len(roots) > 1:
        raise click.UsageError(f"--{what} is for one repository at a time.")
    root = roots[0]
    if what == "show":
        return _show(root, _packs(pack, policy), as_json)
    from repocomp.learn import learner

    if what == "rollback":
        number = learner.roll_back(root)
        said = {"version": number}
        note = f"back to {_version(number)}"
    elif what == "reset":
        learner.reset(root)
        said, note = {"version": None}, "the shipped behaviour is in use; to keep it: repocomp learn --freeze"
    else:
        learner.freeze(root, what == "freeze")
        said, note = {"is_frozen": what == "freeze"}, "frozen" if what == "freeze" else "learning again"
    if as_json:
        return output.document("learn", said)
    output.note(note)
    return ExitCode.OK


def _packs(pack: str | None, policy: str | None) -> tuple[str, str]:
    """The one that writes and the one that decides. A server cannot be replayed: the one that decides stands for it."""
    from repocomp.generate.backends import is_pack

    settings = load_settings(None, {})
    decides = policy or settings.policy
    return pack or (settings.generator if is_pack(settings.generator) else decides), decides


def _learn(
    roots: list[Path], minutes: float, limit: int | None, packs: tuple[str, str], workers: Workers, as_json: bool
) -> int:
    from repocomp.learn.learner import learn
    from repocomp.learn.replay import give_way, replayer

    give_way()
    found, (pack, policy) = [], packs
    with workers.executor() as executor, replayer(pack, policy, executor) as replaying:
        for root in roots:
            with progress.bar(wanted=not as_json) as show:
                found.append(learn(root, 60 * minutes, show, limit=limit, pack=pack, policy=policy, workers=replaying))
            if found[-1].is_frozen and len(roots) == 1:
                raise FeedbackError("learning is frozen here", "repocomp learn --unfreeze")
            if not as_json:
                _print(root.name if len(roots) > 1 else None, found[-1])
    code = ExitCode.OK if any(one.replays for one in found) else ExitCode.NOTHING
    if not as_json:
        return code
    if len(roots) == 1:
        return output.document("learn", found[0].to_json(), code)
    each = [{"root": str(root), **one.to_json()} for root, one in zip(roots, found, strict=True)]
    return output.document("learn", {"repositories": each}, code)


def _print(name: str | None, found: Learning) -> None:
    if name is not None:
        output.note(f"{name}:")
    if found.is_frozen:
        output.note("learning is frozen here")
        return
    output.note(f"{found.replays:,} replays ({found.new_replays:,} new), {_heard(found.events, found.verdicts)}")
    is_withdrawn = found.proposal is not None and found.proposal.is_withdrawn
    kept = "what was learned is withdrawn" if is_withdrawn else "kept what is in use"
    output.note(kept if found.version is None else f"version {found.version} is in use")
    for line in output.verdicts(found.to_json()["gate"]["verdicts"]):
        output.note(line)


def _show(root: Path, packs: tuple[str, str], as_json: bool) -> int:
    from repocomp.learn.learner import show

    data = show(root, *packs)
    if as_json:
        return output.document("learn", data)
    for line in _lines(data):
        output.line(line)
    return ExitCode.OK


def _heard(events: int, verdicts: int) -> str:
    """What is known of real completions, and from whom."""
    return f"completions: {verdicts:,} with feedback, {events - verdicts:,} seen in files or commits alone"


def _version(number: int | None) -> str:
    return "the shipped behaviour" if number is None else f"version {number}"


def _lines(data: dict[str, Any]) -> Iterator[str]:
    frozen = ", frozen" if data["is_frozen"] else ""
    yield f"in use       {_version(data['version'])}{frozen}"
    yield f"learned from {data['replays']:,} replays, {_heard(data['events'], data['verdicts'])}"
    for mode, value in data["thresholds"].items():
        yield f"threshold    {mode}: {value:.4f}"
    for line in output.verdicts(data["gate"].get("verdicts", {})):
        yield f"gate         {line}"
    for one in data["actions"]:
        chosen = ", ".join(f"{name} {100 * share:.0f} %" for name, share in one["chosen"].items())
        yield f"chosen       {one['place']} (n = {one['n']:,}): {chosen}"
    for name, value in data["worth"].items():
        yield f"worth        {name}: {value:+.4f} nats per token, waiting at {data['cost_nats_per_second']} a second"
    off = data["off_policy"]
    yield f"off-policy   n = {off['n']}, effective sample size {off['ess']}" + (
        "" if off["is_enough"] else ": too few for a verdict (200)"
    )
    if off["is_enough"]:
        estimates = json.dumps({name: round(one["value"], 4) for name, one in off["estimates"].items()})
        yield f"off-policy   {estimates}"
    for one in data["versions"]:
        yield f"version      {one['number']}, {one['at']}: {one['reason']}"
