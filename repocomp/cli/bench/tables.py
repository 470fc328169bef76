"""What `repocomp bench` prints: reports as tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from repocomp.cli import output

if TYPE_CHECKING:
    from rich.console import Console

    from repocomp.bench.completion.compare import Comparison
    from repocomp.bench.report import Report
    from repocomp.bench.retrieval.run import Mean, RetrievalReport
    from repocomp.evaluate.summary import Summary


def print_report(report: Report) -> None:
    """Scores and cost by policy, kind of hole and tree, and what the decision was worth."""
    from rich.table import Table

    console = output.table_console()
    names = ("policy", "holes of", "holes", "EM %", "ES %", "95 %", "id F1 %", "retrieved %", "p50 ms", "p95 ms")
    table = Table(*names, title=f"bench {report.facts['suite']}")
    for name, summary in report.groups.items():
        for row in _rows(name, summary):
            table.add_row(*row)
        table.add_section()
    console.print(table)
    s = report.overall
    console.print(f"always - never: {s.gain:+.2f} ES ({s.gain_interval[0]:+.2f} .. {s.gain_interval[1]:+.2f})")
    low, high = s.likelihood_interval
    console.print(f"the truth is likelier by {s.likelihood_gain:+.3f} nats per token ({low:+.3f} .. {high:+.3f})")
    bits = [s.score(policy).bits_per_byte for policy in ("never", "always")]
    console.print(f"bits per byte of the truth: never {bits[0]:.3f}, always {bits[1]:.3f}")
    if s.scores[0].tests_passed is not None:
        passed = ", ".join(f"{score.policy} {score.tests_passed:.1f} %" for score in s.scores)
        console.print(f"unit tests passed: {passed}")
    console.print(f"retrieval helped {s.helped} %, harmed {s.harmed} %, of that avoided {s.harm_avoided} %")
    console.print(
        f"decision: accuracy {s.decision_accuracy} %, ROC-AUC {s.roc_auc}, ECE {s.calibration_error},"
        f" abstention precision {s.abstention_precision} %"
    )
    areas = ", ".join(f"{one.name} {one.area:.2f}" for one in s.selectors)
    console.print(f"mean ES over all retrieval rates, by who selects: {areas}")
    speed = s.score("always").ms["total"] / s.score("threshold").ms["total"]
    console.print(f"selecting is {speed:.2f} x as fast as always retrieving")
    _print_pair(s, console)
    _print_silence(report, console)
    for rival, failures in report.facts.get("rival_failures", {}).items():
        if failures:
            console.print(f"{rival}: " + ", ".join(f"{count} x {failure}" for failure, count in failures.items()))
    console.print(f"seed {report.facts['seed']}, {s.holes} holes in {s.files} files, {report.facts['machine']}")


def print_policy(report: Report) -> None:
    """Who decides best, and how far the policy's probabilities can be trusted, by kind of hole and tree."""
    from rich.table import Table

    from repocomp.bench.completion.measure import WRONG
    from repocomp.policy.calibrate import NO_LOSS

    console = output.table_console()
    s = report.overall
    table = Table("who decides", "mean ES % over all rates", "policy ahead by", "ROC-AUC", "could skip %")
    for one in s.selectors:
        ahead = "{:+.2f} .. {:+.2f}".format(*one.interval_to_policy)
        auc = "" if one.roc_auc is None else f"{one.roc_auc:.3f}"
        table.add_row(one.name, f"{one.area:.2f}", ahead, auc, f"{one.skippable:.0f}")
    console.print(table)
    console.print(f"could skip: at most {NO_LOSS} points of ES below always retrieving, the best threshold known")
    table = Table(
        "holes of", "holes", "helped %", "harmed %", "ROC-AUC", "ECE", "retrieved %", "right to skip %", "ES to always"
    )
    for name, own in report.groups.items():
        shipped, always = own.score("threshold"), own.score("always")
        table.add_row(
            *(name, str(own.holes), f"{own.helped:.0f}", f"{own.harmed:.0f}"),
            "" if own.roc_auc is None else f"{own.roc_auc:.3f}",
            *(f"{own.calibration_error:.3f}", f"{shipped.retrieval_rate:.0f}", f"{own.abstention_precision:.0f}"),
            f"{shipped.edit_similarity - always.edit_similarity:+.2f}",
        )
    console.print(table)
    shipped, always = s.score("threshold"), s.score("always")
    wrong = next(baseline for baseline in s.baselines if baseline.name == WRONG)
    harm = wrong.edit_similarity - s.score("never").edit_similarity
    console.print(f"with the chunks of another place: {wrong.edit_similarity:.2f} ES, {harm:+.2f} to never retrieving")
    console.print(
        f"selecting is {always.ms['total'] / shipped.ms['total']:.2f} x as fast as always retrieving", end="; "
    )
    console.print(f"asking the policy takes {shipped.ms['policy']:.1f} ms")
    _print_pair(s, console)
    _print_silence(report, console)
    console.print(f"seed {report.facts['seed']}, {s.holes} holes in {s.files} files, {report.facts['machine']}")


def _print_pair(s: Summary, console: Console) -> None:
    """What two packs that share the work give against the generator that always reads."""
    from repocomp.evaluate.summary import PAIR

    if s.pair is None:
        return
    pair, always = s.score(PAIR), s.score("always")
    console.print(
        f"the pair: EM {pair.exact_match:.1f}, ES {pair.edit_similarity:.1f} ({pair.interval[0]:.1f} .."
        f" {pair.interval[1]:.1f}); always reading: EM {always.exact_match:.1f}, ES {always.edit_similarity:.1f}"
    )
    kept, read, avoided = s.pair.first_kept, s.pair.read, s.pair.harm_avoided
    console.print(f"first drafts kept {kept:.0f} %, read {read:.0f} %, harm avoided {avoided:.0f} %")
    faster = always.ms["total"] / pair.ms["total"], always.p50 / pair.p50
    console.print(f"it is {faster[0]:.2f} x as fast in the mean, {faster[1]:.2f} x at the median")


def _print_silence(report: Report, console: Console) -> None:
    """How much is shown at the bound in force and how much of it is wrong; then the same at every confidence."""
    from rich.table import Table

    from repocomp.evaluate.silence import WRONG

    if report.overall.silence is None:
        return
    names = ("holes of", "holes", "shown %", "wrong %", "kept %", "ES", "without bound: shown %", "wrong %", "ES")
    table = Table(*names, title="silence")
    for name, summary in report.groups.items():
        if (own := summary.silence) is not None:
            shown, all_ = own.shipped, own.everything
            table.add_row(
                *(name, str(own.places), f"{shown.coverage:.0f}", f"{shown.wrong:.0f}", f"{shown.kept:.0f}"),
                *(f"{shown.similarity:.1f}", f"{all_.coverage:.0f}", f"{all_.wrong:.0f}", f"{all_.similarity:.1f}"),
            )
    console.print(table)
    table = Table("confidence from", "shown %", "wrong %", "kept %", "ES")
    silence = report.overall.silence
    for one in silence.levels:
        table.add_row(
            *(f"{one.bound:.2f}", f"{one.coverage:.0f}", f"{one.wrong:.1f}", f"{one.kept:.1f}", f"{one.similarity:.1f}")
        )
    console.print(table)
    console.print(
        f"shown from {silence.shipped.bound:.2f} on; wrong: ES under {100 * WRONG:.0f}; that an answer is kept:"
        f" ROC-AUC {silence.roc_auc}, ECE {silence.calibration_error}"
    )


def _rows(name: str, summary: Summary) -> Iterator[tuple[str, ...]]:
    for score in summary.scores:
        low, high = score.interval
        yield (
            score.policy,
            name,
            str(summary.holes),
            f"{score.exact_match:.1f}",
            f"{score.edit_similarity:.1f}",
            f"{low:.1f} .. {high:.1f}",
            f"{score.identifier_f1:.1f}",
            f"{score.retrieval_rate:.0f}",
            f"{score.p50:.0f}",
            f"{score.p95:.0f}",
        )
    for baseline in summary.baselines:
        low, high = baseline.interval
        scores = (f"{baseline.exact_match:.1f}", f"{baseline.edit_similarity:.1f}", f"{low:.1f} .. {high:.1f}")
        yield (baseline.name, name, str(summary.holes), *scores, f"{baseline.identifier_f1:.1f}", "", "", "")


def print_comparison(comparison: Comparison) -> None:
    """What changed since an earlier report."""
    for change in comparison.changes:
        low, high = change.interval
        output.line(
            f"{change.policy}: ES {change.before:.2f} -> {change.after:.2f} ({low:+.2f} .. {high:+.2f})"
            + (" worse" if change.is_regression else "")
        )
    output.line(f"on the {comparison.holes} holes that both runs filled")


NAMES = {"jaccard": "jaccard (the paper's)"}
"""What strategies are called where their own name does not say it."""


def print_retrieval(report: RetrievalReport) -> None:
    """What each strategy finds, and how fast."""
    from rich.table import Table

    console = output.table_console()
    table = Table(
        *("strategy", "chunks", "recall %", "95 %", "to rrf", "gain, nats", "95 %", "to rrf"),
        *("ES", "95 %", "to rrf", "p50 ms", "p95 ms"),
    )
    for row in report.rows:
        means = (_mean(row.recall, ".1f"), _mean(row.gain, "+.3f"), _mean(row.similarity, ".1f"))
        table.add_row(
            NAMES.get(row.name, row.name), str(row.chunks), *chain(*means), f"{row.p50:.1f}", f"{row.p95:.1f}"
        )
    console.print(table)
    console.print(f"{report.judged} of {report.holes} holes ask for identifiers not in sight;", end=" ")
    console.print(f"the repository holds {report.reachable} % of them anywhere")
    console.print(f"seed {report.facts['seed']}, {report.facts['machine']}")


def _mean(mean: Mean | None, figure: str) -> tuple[str, str, str]:
    if mean is None:
        return "", "", ""
    (low, high), (behind, ahead) = mean.interval, mean.ahead
    signed = f"+{figure.lstrip('+')}"
    return f"{mean.value:{figure}}", f"{low:{figure}} .. {high:{figure}}", f"{behind:{signed}} .. {ahead:{signed}}"
