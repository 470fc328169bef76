"""A report as one page of HTML that needs nothing else: figures, curves, and every case to open."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from repocomp.bench.completion.terms import MEASURES, POLICIES
from repocomp.bench.report import Report
from repocomp.charts.page import figure, glossary, page, row, table
from repocomp.charts.svg import Dot, Line, plane, stacked
from repocomp.evaluate.cases import STEPS, Answer, Case
from repocomp.evaluate.selectors import Selector
from repocomp.evaluate.silence import Silence
from repocomp.evaluate.summary import PAIR, Baseline, Score, Summary
from repocomp.policy.calibrate import NO_LOSS
from repocomp.secrets.redaction import legible, redact

_STEP_CSS = dict(zip(STEPS, "abcde", strict=True))


def render(report: Report) -> str:
    """The whole page."""
    facts, s = report.facts, report.overall
    pack = facts["pack"]
    named = (
        f"{facts['suite']} · pack {pack['name']} {pack['version']} ({pack['digest'][:14]}) · seed {facts['seed']}"
        f" · {s.holes} holes in {s.files} files · {facts['machine']} · Python {facts['python']}"
        f" · repocomp {facts['repocomp']}"
    )
    body = [
        *_verdict(s),
        _table(report),
        glossary("What the policies are", POLICIES),
        glossary("What the measures mean", MEASURES),
        '<h2>Selection</h2><div class="figures">',
        figure(_latency_chart(s), "Each point of the curve is a threshold; up and to the left is better."),
        figure(_rate_chart(s), "Dashed: retrieving at random as often."),
        figure(_calibration_chart(s), "On the dashed line the policy's probabilities are true."),
        figure(_abstention_chart(s), "What was skipped at the shipped threshold, in percent of all holes."),
        "</div>",
        *_selectors(s),
        "<h2>Where the time goes</h2>",
        figure(
            _time_chart(s), "Mean milliseconds per answer, by step.", [(css, step) for step, css in _STEP_CSS.items()]
        ),
        *_silence(report),
        f"<h2>Cases</h2>{''.join(_case(case) for case in report.cases)}",
    ]
    return page(f"repocomp bench {facts['suite']}", named, body)


def _verdict(s: Summary) -> Iterator[str]:
    (low, high), likelier = s.gain_interval, s.likelihood_interval
    yield (
        f"<p>Always retrieving scores <b>{s.gain:+.2f}</b> ES against never ({low:+.2f} .. {high:+.2f}). Retrieval"
        f" helped {s.helped} % of the holes and harmed {s.harmed} %; the shipped threshold avoids {s.harm_avoided} %"
        f" of that harm. Decisions: accuracy {s.decision_accuracy} %, ROC-AUC {s.roc_auc}, ECE {s.calibration_error},"
        f" abstention precision {s.abstention_precision} %. The truth is likelier by"
        f" {s.likelihood_gain:+.3f} nats per token ({likelier[0]:+.3f} .. {likelier[1]:+.3f}):"
        f" {s.score('never').bits_per_byte:.3f} bits per byte without retrieval, {s.score('always').bits_per_byte:.3f}"
        " with it.</p>"
    )
    if s.scores[0].tests_passed is not None:
        passed = ", ".join(f"{score.policy} {score.tests_passed:.1f} %" for score in s.scores)
        yield f"<p>Unit tests passed: {passed}.</p>"


def _selectors(s: Summary) -> Iterator[str]:
    yield (
        "<p>Mean edit similarity over all retrieval rates, by who orders the holes. The interval is that of the"
        f" policy's area minus the other's; what it could skip costs at most {NO_LOSS} ES.</p>"
    )
    yield table(("selector", "area", "policy ahead by", "ROC-AUC", "could skip %"), map(_selector_row, s.selectors))


def _selector_row(one: Selector) -> str:
    low, high = one.interval_to_policy
    ahead, auc = f"{low:+.2f} .. {high:+.2f}", "" if one.roc_auc is None else f"{one.roc_auc:.3f}"
    return row((one.name, f"{one.area:.2f}", ahead, auc, f"{one.skippable:.0f}"))


def _table(report: Report) -> str:
    names = ("policy", "EM %", "ES %", "95 %", "ES (ratio) %", "id F1 %", "retrieved %", "tokens", "ms", "p50", "p95")
    rows = []
    for name, summary in reversed(report.groups.items()):
        rows.append(f'<tr><th colspan="{len(names)}">{escape(name)} · {summary.holes}</th></tr>')
        rows += [_row(score) for score in summary.scores]
        rows += [_baseline_row(baseline) for baseline in summary.baselines]
    return table(names, rows)


def _silence(report: Report) -> Iterator[str]:
    """Precision against coverage: a curve over all holes, and a table by kind of hole, tree and language."""
    silence = report.overall.silence
    if silence is None:
        return
    lines = [
        Line([(one.coverage, getattr(one, name)) for one in silence.levels], css)
        for name, css in (("kept", "a"), ("wrong", "c"))
    ]
    shown = silence.shipped
    dots = [Dot(shown.coverage, shown.kept, f"from {shown.bound:.2f}", "b"), Dot(shown.coverage, shown.wrong, "", "b")]
    chart = plane("precision against coverage", "places answered %", "of what is shown %", lines, dots)
    yield "<h2>Silence</h2>"
    yield figure(chart, "What is shown where less sure answers are withheld.", [("a", "kept"), ("c", "wrong")])
    names = ("silence", "holes", "shown %", "wrong %", "kept %", "ES", "without bound: shown %", "wrong %", "ES")
    of_groups = ((name, summary.silence) for name, summary in reversed(report.groups.items()))
    yield table(names, [_silence_row(name, own) for name, own in of_groups if own is not None])


def _silence_row(name: str, silence: Silence) -> str:
    shown, every = silence.shipped, silence.everything
    values = (shown.coverage, shown.wrong, shown.kept, shown.similarity, every.coverage, every.wrong, every.similarity)
    return row((escape(name), str(silence.places), *(f"{value:.1f}" for value in values)))


def _row(s: Score) -> str:
    low, high = s.interval
    scores = (
        f"{s.exact_match:.1f}",
        f"{s.edit_similarity:.1f}",
        f"{low:.1f} .. {high:.1f}",
        f"{s.ratio_similarity:.1f}",
    )
    cost = (f"{s.retrieval_rate:.0f}", f"{s.tokens:.0f}", f"{s.ms['total']:.0f}", f"{s.p50:.0f}", f"{s.p95:.0f}")
    return row((s.policy, *scores, f"{s.identifier_f1:.1f}", *cost))


def _baseline_row(b: Baseline) -> str:
    low, high = b.interval
    scores = (f"{b.exact_match:.1f}", f"{b.edit_similarity:.1f}", f"{low:.1f} .. {high:.1f}", "")
    return row((b.name, *scores, f"{b.identifier_f1:.1f}", *[""] * 5), "faint")


def _latency_chart(s: Summary) -> str:
    line = Line([(point.ms, point.edit_similarity) for point in s.curve], "a")
    dots = [_policy_dot(score, score.ms["total"]) for score in s.scores if score.policy != "random"]
    return plane("latency and accuracy", "mean ms per answer", "edit similarity %", [line], dots)


def _rate_chart(s: Summary) -> str:
    ends = [(score.retrieval_rate, score.edit_similarity) for score in (s.score("never"), s.score("always"))]
    line = Line([(point.retrieval_rate, point.edit_similarity) for point in s.curve], "a")
    dots = [_policy_dot(score, score.retrieval_rate) for score in s.scores if score.policy != "random"]
    return plane("accuracy by rate", "retrieved %", "edit similarity %", [line, Line(ends, "n", dashed=True)], dots)


def _policy_dot(score: Score, x: float) -> Dot:
    css = {"threshold": "b", "oracle": "c"}.get(score.policy, "a")
    return Dot(x, score.edit_similarity, score.policy, css)


def _calibration_chart(s: Summary) -> str:
    bins = [(100 * one.predicted, 100 * one.observed) for one in s.calibration]
    top = max(max(place) for place in bins)
    diagonal = Line([(0.0, 0.0), (top, top)], "n", dashed=True)
    dots = [Dot(x, y, "", "b") for x, y in bins]
    return plane(
        "calibration", "predicted: retrieval helps, %", "observed: it helped, %", [diagonal, Line(bins, "a")], dots
    )


def _abstention_chart(s: Summary) -> str:
    right, beyond, missed = s.abstention
    retrieved = 100 - right - beyond - missed
    rows = [
        ("right", [("right without retrieval", right, "c")]),
        ("beyond help", [("wrong, and retrieval would not have helped", beyond, "a")]),
        ("missed", [("retrieval would have helped", missed, "b")]),
        ("retrieved", [("retrieved for", max(0.0, retrieved), "n")]),
    ]
    return stacked(rows, "%")


def _time_chart(s: Summary) -> str:
    alone = [score for score in s.scores if score.policy != PAIR]
    rows = [(score.policy, [(step, score.ms[step], _STEP_CSS[step]) for step in STEPS]) for score in alone]
    return stacked(rows, "ms", 900)


def _case(case: Case) -> str:
    outcome = "helped" if case.helped else "harmed" if case.harmed else "same"
    decision = "retrieved" if case.probability > case.threshold else "skipped"
    head = (
        f"<code>{escape(case.path)}:{case.line}</code> {case.kind} · p {case.probability:.2f}, {decision}"
        f' · <span class="tag {outcome}">{outcome}</span>'
        f" {100 * case.without.similarity:.0f} → {100 * case.retrieved.similarity:.0f}"
    )
    chunks = ", ".join(map(escape, case.chunks)) or "none"
    return (
        f"<details><summary>{head}</summary><p class=faint>the place, and what stood there</p>"
        f"<pre>{_place(case)}</pre>"
        f"{_answer('without retrieval', case.without)}{_answer('with retrieval', case.retrieved)}"
        f"<p class=faint>chunks: {chunks}</p></details>"
    )


def _place(case: Case) -> str:
    """The truth, marked, between the lines around it; unmarked where a secret might reach into it."""
    whole = case.before + case.truth + case.after
    if redact(whole) != whole:
        return _shown(whole)
    return f"{_shown(case.before)}<mark>{_shown(case.truth)}</mark>{_shown(case.after)}"


def _answer(name: str, answer: Answer) -> str:
    facts = f"{name} · EM {int(answer.exact)} · ES {100 * answer.similarity:.0f} · {answer.prompt} tokens"
    if answer.passed is not None:
        facts += f" · tests {'passed' if answer.passed else 'failed'}"
    return f"<p class=faint>{facts}</p><pre>{_shown(answer.text) or '(nothing)'}</pre>"


def _shown(text: str) -> str:
    """Source text for the page, which may be passed on: without secrets."""
    return escape(legible(redact(text)))
