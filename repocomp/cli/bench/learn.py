"""`repocomp bench learn`: what learning in a repository is worth and what it can cost, simulated on its replays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from repocomp.cli import output, progress
from repocomp.cli.options import Count, work_trees
from repocomp.cli.words import PACK
from repocomp.errors import ExitCode

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.option("--limit", type=Count(min=60), default=200, show_default=True, metavar="N", help="Replays per tree.")
@click.option("--seeds", type=Count(min=1), default=5, show_default=True, metavar="N", help="Runs of each kind.")
@click.option("--pack", type=PACK, default="default", show_default=True, metavar="PACK", help="The pack to measure.")
@output.json_option
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=_FOLDER)
def learn(paths: tuple[Path, ...], limit: int, seeds: int, pack: str, as_json: bool) -> int:
    """Simulate `repocomp learn` on replays of the work trees that hold PATHs (default: this one).

    Every action is scored once at N places by the real generator; these replays are kept, as those of `repocomp learn`
    are. Then: likelihood gain on files not learned from, with and without the gate; regret against the best single
    action and the oracle; the worst dip under the shipped allocation; other costs of waiting; false promotions in 200
    A/A runs; drift; feedback that favours one arm in one kind of place, at once and late; off-policy estimates.
    """
    from repocomp.learn.learner import measured
    from repocomp.learn.trial import report

    roots = work_trees(paths)
    with progress.bar(wanted=not as_json) as show:
        worlds = [measured(root, limit, show, pack) for root in roots]
    data = report(worlds, seeds)
    if as_json:
        return output.document("bench", data)
    _print(data)
    return ExitCode.OK


def _print(data: dict[str, Any]) -> None:
    for one in data["held_out"]:
        gate = "gated" if one["is_gated"] else "not gated"
        low, high = one["interval"]
        output.line(
            f"held out     {one['tree']}, {one['replays']} replays, {gate}: {one['shipped']:+.4f} shipped,"
            f" {one['learned']:+.4f} learned, difference {low:+.4f} .. {high:+.4f} nats per token,"
            f" {one['promoted']} of 5 folds promoted"
        )
    for one in data["streams"]:
        output.line(
            f"stream       {one['tree']}, cost {one['cost']}, seed {one['seed']}: {one['shipped']:+.4f} shipped,"
            f" {one['learned']:+.4f} learned, {one['best_fixed']:+.4f} best fixed, {one['oracle']:+.4f} oracle,"
            f" worst dip {one['worst_dip']:.2f} %"
        )
    output.line(f"A/A          {100 * data['false_promotions']:.1f} % of 200 runs promoted what is no better")
    for one in data["feedback"]:
        after = "never" if one["completions"] is None else f"after {one['completions']} completions"
        output.line(
            f"feedback     {one['tree']}, {one['arm']} favoured at {one['place']}, {one['delay']} late:"
            f" changed {after}, its share {one['share_before']:.2f} to {one['share_after']:.2f},"
            f" elsewhere {100 * one['elsewhere']:.1f} %"
        )
    for tree, runs in data["drift"].items():
        for run in runs:
            output.line(
                f"drift        {tree}: {run['before']:+.1f} %, then {run['after']:+.1f} %, {run['again']:+.1f} %"
            )
    for tree, errors in data["off_policy_error_percent"].items():
        listed = ", ".join(f"{name} {value:.1f} %" for name, value in errors.items())
        output.line(f"off-policy   {tree}: {listed}")
