"""Reports are read back as they were written, pages need nothing else, and only a real change is a regression."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from repocomp.bench.completion.compare import compare
from repocomp.bench.completion.page import render
from repocomp.bench.report import Report, facts_of, load
from repocomp.errors import BenchError
from repocomp.evaluate.cases import Case
from tests.complete.fakes import fake_pack
from tests.evaluate.test_summary import case


def cases(shift: float = 0.0) -> list[Case]:
    return [
        replace(case(f"{n % 7}.py", 0.3 + 0.05 * (n % 3) + shift, 0.5 + shift, n / 40), start=n, truth="<b>&\n")
        for n in range(40)
    ]


def report(shift: float = 0.0) -> Report:
    return Report.of(facts_of("self", fake_pack(), 3, 40), cases(shift))


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_report_is_read_back(tmp_path: Path, wrapped: bool) -> None:
    content = report().to_json()
    path = tmp_path / "report.json"
    path.write_text(json.dumps({"data": content} if wrapped else content))
    assert load(path) == report()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "{}", '{"format": 1}', '{"format": 9}'])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(BenchError, match=r"r\.json"):
        load(tmp_path / "r.json")
    with pytest.raises(BenchError, match="No such file"):
        load(tmp_path / "missing.json")


@pytest.mark.parametrize(("shift", "regression"), [(-0.1, True), (0.0, False), (0.1, False)])
def test_only_a_change_beyond_chance_is_a_regression(shift: float, regression: bool) -> None:
    comparison = compare(report(), report(shift))
    assert comparison.holes == 40
    assert comparison.is_regression is regression
    for change in comparison.changes:
        assert change.after - change.before == pytest.approx(100 * shift, abs=0.02)


def test_holes_are_paired_by_place() -> None:
    moved = Report.of(report().facts, [replace(one, start=one.start + 21) for one in cases()])
    assert compare(report(), moved).holes == 19
    with pytest.raises(BenchError, match="share no hole"):
        compare(report(), Report.of(report().facts, [replace(cases()[0], start=999)]))


class Page(HTMLParser):
    """Counts what opens and closes, and notes every address."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag not in ("meta", "polyline", "line", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            self.open = self.open[: len(self.open) - self.open[::-1].index(tag) - 1]


def test_the_page_is_whole_and_asks_for_nothing() -> None:
    html = render(report())
    page = Page()
    page.feed(html)
    assert page.addresses == []
    assert page.open == []
    assert "url(" not in html
    assert "@import" not in html
    assert (page.count["svg"], page.count["details"]) == (5, 40 + len(("policies", "measures")))
    assert "<b>&amp;\n" not in html
    assert "&lt;b&gt;&amp;" in html
    assert not re.search(r"\bnan\b|\binf\b", html)


def test_the_page_explains_every_column_and_policy() -> None:
    html = render(report())
    terms = " ".join(re.findall(r"<dt>(.*?)</dt>", html))
    heads = {re.sub(r" %$", "", head) for head in re.findall(r"<th>([^<]*)</th>", html)}
    assert {head for head in heads if head not in terms} == {"policy", "selector", "policy ahead by"}
    for score in report().overall.scores:
        assert f"<dt>{score.policy}</dt>" in html
    assert html.count("<table>") == html.count('<div class="wide"><table>') == 2


def test_a_case_shows_where_it_stands_and_no_secret_across_the_hole() -> None:
    token = "ghp_" + "1a2B3c4D5e6F7g8H9i0J1k2L3m4N5o6P7q8R"
    open_ = replace(cases()[0], before="def f(a):\n    return ", truth="a + 1", after="\n\n")
    shut = replace(open_, start=99, before=f'token = "{token[:9]}', truth=token[9:], after='"\n')
    html = render(Report.of(report().facts, [open_, shut]))
    assert "<pre>def f(a):\n    return <mark>a + 1</mark>\n\n</pre>" in html
    assert token[9:] not in html.partition("the place")[2].partition("without retrieval")[0]
    assert f"{token[:9]}<mark>" not in html


def test_one_case_makes_a_page_too() -> None:
    assert "</html>" in render(Report.of(report().facts, cases()[:1]))
