"""The file: self-contained, escaped, small, the same bytes everywhere, and no layout can leave out what matters."""

import itertools
import os
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vemo_audit.errors import BadInput
from vemo_audit.report import render as rendering
from vemo_audit.report.page import page
from vemo_audit.report.render import MOST_BYTES, render

PAYLOADS = [
    "<img src=x onerror=alert(1)>",
    "{{7*7}}",
    "{% raw %}",
    "=HYPERLINK('http://x')",
    "\u202egnp.exe",
    "a\x00b\x1b[31m",
    "'\"><script>alert(1)</script>",
    "</style></title><script>1</script>",
    "]]><!--",
    "N" * 10_000,
    "javascript:alert(1)",
    "<svg onload=alert(1)>",
]
PLAIN = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "p", "span", "h1", "h2", "h3", "dl", "dt", "dd",
    "div", "nav", "ol", "ul", "li", "main", "section", "strong", "details", "summary", "table", "caption", "thead",
    "tbody", "tr", "th", "td", "code", "figure", "figcaption", "footer", "svg", "desc", "g", "line", "rect", "circle",
    "text", "tspan",
}  # fmt: skip


class Parsed(HTMLParser):
    """Elements, attributes and text of a file."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


def active(html: str) -> list[str]:
    """Everything in a file that acts or asks for something outside."""
    seen = Parsed(html)
    found = [tag for tag in seen.tags if tag not in PLAIN]
    for tag, name, value in seen.attributes:
        if (
            name.startswith("on")
            or name in ("src", "srcset", "style")
            or (name == "href" and not value.startswith("#"))
        ):
            found.append(f"{tag} {name}")
    return found


def test_the_file_stands_alone(run):
    html = render(page(run))
    assert active(html) == []
    assert "default-src 'none'" in html
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?://", html.replace("http://www.w3.org/2000/svg", ""))


def test_headings_landmarks_and_language(run):
    html = render(page(run))
    seen = Parsed(html)
    assert [seen.tags.count(tag) for tag in ("h1", "main", "header", "footer")] == [1, 1, 1, 1]
    assert ("html", "lang", "en") in seen.attributes
    assert ("a", "href", "#main") in seen.attributes
    levels = [int(tag[1]) for tag in seen.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [value for _, name, value in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    targets = {value.removeprefix("#") for _, name, value in seen.attributes if name == "href"}
    assert targets <= set(ids)


def test_every_table_has_a_caption_scopes_and_a_region_that_takes_the_focus(run):
    html = render(page(run))
    seen = Parsed(html)
    assert seen.tags.count("table") == seen.tags.count("caption") > 10
    heads = [tag for tag in seen.tags if tag == "th"]
    assert len(heads) == sum(1 for tag, name, _ in seen.attributes if tag == "th" and name == "scope")
    assert html.count('class="scroll" role="region" tabindex="0" aria-label=') == seen.tags.count("table")


def test_verdicts_carry_word_and_shape(gated):
    html = render(page(gated))
    for word, shape in (("Missed", "<line"), ("Undecided", "<circle"), ("Met", "<rect")):
        block = re.search(rf'<p class="word">(.*?)<strong>{word}</strong>', html, re.DOTALL)
        assert block and shape in block[1][block[1].rindex("<svg") :]


def test_the_tables_of_the_file_hold_the_numbers_of_the_page(run):
    """Every printed number with a fact stands in its cell with the same digits."""
    html = render(page(run))
    values = re.findall(r'data-fact="([^"]*)"><span class="value">([^<]*)</span>', html)
    assert len(values) > 20
    by_id = {m.id: m.value for m in (*run.measurements, *run.gaps)}
    for fact, text in ((unescape(fact), text) for fact, text in values):
        number = float(re.sub(r"[^0-9.\-]", "", text.replace("\N{MINUS SIGN}", "-")))
        tolerance, scale = (0.0501, 100) if "%" in text or "point" in text else (0.000501, 1)
        assert number == pytest.approx(scale * by_id[fact], abs=tolerance)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_names_stay_words(run, rename, payload):
    html = render(page(rename(run, payload)))
    assert active(html) == []
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html)
    assert len(html.encode()) < MOST_BYTES
    if payload == "{{7*7}}":
        assert "{{7*7}}" in html and "<h1>49" not in html


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.text(st.sampled_from("<>\"'&{}%=#;/\\\x00\u202e\u2066 \nabc"), min_size=1, max_size=40))
def test_any_name_stays_words(gated, rename, payload):
    assert active(render(page(rename(gated, payload)))) == []


def test_without_escaping_the_name_would_act(gated, rename, monkeypatch):
    """The twin: autoescape off, and the last look refuses the page."""
    real = rendering.ImmutableSandboxedEnvironment
    monkeypatch.setattr(
        rendering, "ImmutableSandboxedEnvironment", lambda **options: real(**(options | {"autoescape": False}))
    )
    with pytest.raises(BadInput, match=r"onerror|<img"):
        render(page(rename(gated, PAYLOADS[0])))


def test_the_size_does_not_grow_with_the_rows(gated):
    def bytes_of(rows: int) -> int:
        measurements = tuple(replace(m, rows=m.rows and rows) for m in gated.measurements)
        return len(render(page(replace(gated, measurements=measurements))).encode())

    small, large = bytes_of(1_000), bytes_of(1_000_000)
    assert abs(large - small) < 0.01 * small
    assert large < MOST_BYTES


def test_many_groups_stay_below_a_megabyte(gated):
    """Twelve groups by three recognizers and two metrics, thirty figures or more."""
    template = gated.measurements[0]
    made = tuple(
        replace(template, id=f"{r}/{m}/{t}/{v}", recognizer=f"r{r}", metric=m, slice=f"trait{t}=v{v}", subjects=20)
        for r in range(3) for m in ("accuracy", "uar") for t in range(5) for v in range(12)
    )  # fmt: skip
    findings = tuple(
        replace(f, criterion=replace(f.criterion, metric=m)) for f in gated.findings for m in ("accuracy", "uar")
    )
    run = replace(
        gated, measurements=made, findings=findings, gaps=(), confusions=gated.confusions * 9,
        reliabilities=gated.reliabilities * 6,
    )  # fmt: skip
    html = render(page(run))
    assert html.count("<figure") >= 30
    assert len(html.encode()) < MOST_BYTES


def test_a_page_past_the_limit_is_refused_with_its_sections(gated, monkeypatch):
    monkeypatch.setattr(rendering, "MOST_BYTES", 10_000)
    with pytest.raises(BadInput, match=r"verdict [\d,]+"):
        render(page(gated))


SCRIPT = """
import sys
from tests.report.audit_runs import ravdess_run
from vemo_audit.report.page import page
from vemo_audit.report.render import render
sys.stdout.buffer.write(render(page(ravdess_run())).encode())
"""


def test_the_same_bytes_in_other_processes_zones_and_locales(ravdess, root):
    here = render(page(ravdess)).encode()
    for zone, locale, seed in (("Pacific/Kiritimati", "C", "1"), ("America/Los_Angeles", "de_DE.UTF-8", "2")):
        there = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, check=True, cwd=root,
            env=os.environ | {"TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed},
        ).stdout  # fmt: skip
        assert there == here


def layout(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / "audit" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


ORDER = "name: mine\nversion: '1'\nsections: [verdict, reach, construct-validity, scope, limits, evidence]\n"


def test_a_layout_may_leave_out_and_replace_what_is_not_required(gated, tmp_path):
    mine = layout(
        tmp_path, **{"layout.yaml": ORDER, "sections/reach.html.j2": '<section id="reach"><h2>Mine</h2></section>'}
    )
    html = render(page(gated), layouts=mine)
    assert 'id="methods"' not in html
    assert "<h2>Mine</h2>" in html
    assert "Layout mine 1" in html


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"layout.yaml": ORDER.replace("scope, ", "")}, "no section 'scope'"),
        ({"sections/limits.html.j2": "<p>nothing</p>"}, "no section 'limits' in the page"),
        ({"sections/reach.html.j2": "{{ section.nonsense }}"}, "nonsense"),
        ({"sections/reach.html.j2": "{{ section.title.__class__.__mro__ }}"}, "unsafe"),
        ({"sections/reach.html.j2": "{% include '/etc/passwd' %}"}, "no template"),
        ({"sections/reach.html.j2": '<section id="reach"><script>1</script></section>'}, "<script>"),
        ({"sections/reach.html.j2": '<section id="reach"><p id="reach">twice</p></section>'}, "'reach' twice"),
        ({"page.css": "@import 'x'"}, "@import"),
        ({"page.css": "a { background: URL(http://x) }"}, "url"),
        ({"layout.yaml": "name: [unclosed"}, "YAML"),
        ({"layout.yaml": "title: x"}, "expected the keys|Expected the keys"),
        ({"layout.yaml": ORDER + "extra: 1\n"}, "Expected the keys"),
    ],
)
def test_a_bad_layout_is_refused_by_name(gated, tmp_path, files, says):
    with pytest.raises(BadInput, match=says):
        render(page(gated), layouts=layout(tmp_path, **files))


@pytest.mark.parametrize("name", ["nowhere", "../audit", ""])
def test_an_unknown_layout_is_refused(gated, name):
    with pytest.raises(BadInput):
        render(page(gated), layout=name)
