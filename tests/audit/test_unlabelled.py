"""What is said of pictures without labels: counted by hand, told with n and interval, and never called accuracy."""

import re
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
import pytest

from vemo_audit.audit import own_cards
from vemo_audit.audit.pictures import PARTS, UNSEEN, Looked
from vemo_audit.audit.unlabelled import CANNOT_SHOW, Teacher, agreement_topic, largest, topics
from vemo_audit.datasets.fairface_pictures import CARD as DATASET
from vemo_audit.errors import BadInput
from vemo_audit.records.group_figure import GroupFigure, Topic, Unlabelled
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.records.units import UNITS
from vemo_audit.report.render import render
from vemo_audit.report.unlabelled import LAYOUT, NO_ACCURACY, page

N = 80
BLIND = (UNITS.index("au6"), UNITS.index("au9"))
GUEST = RecognizerCard("guest", "1", EKMAN, ("face",), "a still", "none", "none", "00" * 32, ("A limit of the guest.",))


def made_up(*, with_units: bool = True) -> tuple[Looked, dict[str, np.ndarray], Teacher]:
    """80 pictures: women are always found, every fourth man is not; all who are found look happy."""
    rng = np.random.default_rng(2)
    sex = np.array(["female", "male"] * (N // 2), dtype=object)
    found = np.array([k % 8 != 1 for k in range(N)])
    probability = np.full((N, 7), np.nan)
    probability[found] = 0.05
    probability[found, 3] = 0.7
    scores = rng.random((N, len(UNITS)))
    units = np.where(found[:, None], scores + 0.2 * rng.normal(size=scores.shape), np.nan)
    quality = np.where(found[:, None], rng.random((N, len(PARTS))), np.nan)
    looked = Looked(
        tuple(f"p{k}" for k in range(N)), found.astype(np.int64), np.where(found, "", UNSEEN).astype(object),
        probability, units if with_units else np.full_like(units, np.nan), quality, MappingProxyType({"a rule": 3}),
    )  # fmt: skip
    seen = np.array([k not in BLIND for k in range(len(UNITS))])
    teacher = Teacher(found, np.ones(N, dtype=bool), np.where(seen, scores, np.nan), seen)
    return looked, {"sex": sex}, teacher


def told(found: tuple[Topic, ...], metric: str, group: str) -> GroupFigure:
    (one,) = (f for topic in found for f in topic.figures if (f.metric, f.group) == (metric, group))
    return one


@pytest.fixture(scope="module")
def found() -> tuple[Topic, ...]:
    looked, groups, teacher = made_up()
    return topics(looked, groups, teacher, rng=np.random.default_rng(1))


def test_rates_are_those_counted_by_hand(found: tuple[Topic, ...]) -> None:
    """10 of 40 men were not found: .75, Wilson .598 to .858."""
    men = told(found, "face found", "male")
    assert (men.n, men.value) == (40, 0.75) and (men.low, men.high) == pytest.approx((0.5981, 0.8581), abs=5e-4)
    assert told(found, "face found", "female").value == 1 and told(found, "face found", "everybody").value == 0.875
    assert told(found, "no answer", "male").value == 0.25
    assert told(found, "no answer though a face was found", "male").n == 30
    assert told(found, "face found by the teacher, border added", "male").value == 1


def test_a_difference_between_groups_has_an_interval_and_an_adjusted_p(found: tuple[Topic, ...]) -> None:
    (gap,) = (one for topic in found for one in topic.gaps if one.metric == "face found")
    assert (gap.a, gap.b, gap.value) == ("female", "male", 0.25) and 0 < gap.low < gap.high < 0.5
    assert gap.p_holm < 0.01 and "Bonferroni over 1" in gap.method


def test_scores_are_of_answered_pictures_only(found: tuple[Topic, ...]) -> None:
    assert told(found, "most likely: happiness", "male").value == 1
    assert told(found, "most likely: happiness", "male").n == 30
    assert told(found, "mean score: anger", "everybody").value == pytest.approx(0.05)


def test_agreement_leaves_out_what_the_teacher_cannot_see(found: tuple[Topic, ...]) -> None:
    topic = found[-1]
    assert "au6, au9" in topic.words and "never accuracy" in topic.words
    assert not any(one.metric in ("agreement: au6", "agreement: au9") for one in topic.figures)
    assert told(found, "mean agreement", "everybody").value > 0.6
    assert told(found, "agreement: au12", "male").n == 30


def test_weights_without_units_give_words_and_no_figure() -> None:
    looked, groups, teacher = made_up(with_units=False)
    topic = agreement_topic(looked.units, teacher, groups, rng=np.random.default_rng(1))
    assert topic.figures == () and "estimate no action units" in topic.words
    units = topics(looked, groups, teacher, rng=np.random.default_rng(1))[4]
    assert units.figures == () and "Not estimated: au1," in units.words


def test_groups_of_other_pictures_are_refused() -> None:
    looked, groups, teacher = made_up()
    with pytest.raises(BadInput, match="values of 'sex'"):
        topics(looked, {"sex": groups["sex"][:5]}, teacher, rng=np.random.default_rng(1))


def facts(found: tuple[Topic, ...]) -> Unlabelled:
    gate = (("Pictures shown to the gate", "83"), ("Admitted", "80"))
    return Unlabelled("Guest", "On whom?", GUEST, DATASET, "validation", found, gate, CANNOT_SHOW)


def test_the_page_says_that_nothing_is_shown_of_being_right(found: tuple[Topic, ...]) -> None:
    html = render(page(facts(found), made=datetime(2026, 11, 23, tzinfo=UTC)), layout=LAYOUT)
    assert NO_ACCURACY in html and "agreement with a teacher and never accuracy" in html
    for words in (
        "perceived by annotators",
        "not asked individually",
        "A limit of the guest.",
        "labelled emotion video",
    ):
        assert words in html
    assert not re.search(r"\bp\d+\b", re.sub(r"<style>.*?</style>", "", html, flags=re.S)), "no picture is named"
    ids = re.findall(r'<section id="([a-z-]+)"', html)
    assert ids == ["verdict", "found", "abstained", "quality", "classes", "units", "agreement", "limits"]


def test_every_number_on_the_page_is_a_figure(found: tuple[Topic, ...]) -> None:
    built = page(facts(found), made=datetime(2026, 11, 23, tzinfo=UTC))
    for section, topic in zip(built.sections[1:-1], found, strict=True):
        values = {round(figure.value, 9) for figure in topic.figures} | {round(gap.value, 9) for gap in topic.gaps}
        shown = [
            cell.value
            for block in section.blocks
            for table in ([block.table] if block.kind == "figure" else getattr(block, "tables", ()))
            for row in table.rows
            for cell in row
            if cell.kind == "number" and cell.unit != "count"
        ]
        assert shown and {round(value, 9) for value in shown} <= values


def test_the_widest_pair_speaks_for_a_trait(found: tuple[Topic, ...]) -> None:
    gaps = [gap for topic in found for gap in topic.gaps]
    assert len({(gap.metric, gap.trait) for gap in gaps}) == len(largest(gaps))


def test_cards_take_the_chosen_numbers_only(found: tuple[Topic, ...]) -> None:
    chosen = own_cards.of_topics(
        found, ("face found", "mean score:"), dataset="d", split="s", groups="perceived", through="the gate"
    )
    assert [one.metric for one in chosen] == ["face found", *(f"mean score: {name}" for name in EKMAN.names)]
    assert chosen[0].gaps and not chosen[1].gaps
