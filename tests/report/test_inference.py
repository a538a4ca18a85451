"""The short page of one clip: the decision, the strips, what was covered; a refusal is a page too."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.report.made_up_people import ALL, SLOW, STATE, smiles
from vemo_audit.errors import BadInput
from vemo_audit.records.decision import Decision, Outcome, RuleHit
from vemo_audit.records.labels import EKMAN
from vemo_audit.records.prediction import RecognizerCard
from vemo_audit.report import wording
from vemo_audit.report.blocks import Figure, Number
from vemo_audit.report.inference import (
    MOST_MOMENTS,
    CoveredCount,
    InferenceFacts,
    PersonTimeline,
    held_longest,
    page,
)
from vemo_audit.report.render import MOST_BYTES, render

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
CARD = RecognizerCard("temporal_multimodal", "0.1.0", EKMAN, ("face",), "2 s", "FER+", "Apache-2.0", "ab" * 32)
RULE = RuleHit("h.employment", "EU AI Act art. 5(1)(f)", "Emotion inference for employment screening is refused.")


def timeline(moments: int, *, name: str = "person 1") -> PersonTimeline:
    rng = np.random.default_rng(3)
    probability = rng.dirichlet(np.ones(7), moments).astype(np.float32)
    probability[2:4] = np.nan
    return PersonTimeline(name, np.arange(moments) * 0.5 + 0.25, probability, (("face too small", 2),))


def admitted(**more) -> InferenceFacts:
    decision = Decision("d-1", AT, "infer_emotion", Outcome.ALLOW, (), log_index=7, log_origin="example/demo")
    settings = {"people": (timeline(40),), "receipt": "clip.receipt.json"} | more
    return InferenceFacts("clip.mp4", decision, "fairness_research", "demo", CARD, 20.0, **settings)


def refused(**more) -> InferenceFacts:
    decision = Decision("d-2", AT, "detect_face", Outcome.DENY, (RULE,), advice="Choose another purpose.")
    return InferenceFacts("clip.mp4", decision, "employment_screening", "demo", CARD, 20.0, **more)


def figure(facts: InferenceFacts) -> Figure:
    return next(b for s in page(facts).sections for b in s.blocks if isinstance(b, Figure))


def test_a_refused_clip_names_rule_article_and_next_step():
    html = render(page(refused(frames_decoded=0)), layout="inference")
    for words in (
        "Refused",
        "h.employment",
        "EU AI Act art. 5(1)(f)",
        "Next step: Choose another purpose.",
        "No frame of this clip was decoded.",
    ):
        assert words in html
    assert "<figure" not in html


@pytest.mark.parametrize(("frames", "says"), [(None, "No result of this clip exists."), (3, "Stopped after 3 frames")])
def test_what_is_not_known_of_the_decoding_is_not_claimed(frames, says):
    html = render(page(refused(frames_decoded=frames)), layout="inference")
    assert says in html
    assert "No frame of this clip was decoded" not in html


def test_an_admitted_clip_shows_a_strip_per_expression():
    html = render(page(admitted()), layout="inference")
    assert wording.NOT_FEELING in html
    assert all(html.count(name) >= 2 for name in EKMAN.names)
    assert "entry 7 of example/demo" in html
    assert "face too small (2 moments)" in html


def test_the_table_of_a_strip_holds_each_moment():
    table = figure(admitted()).table
    one = timeline(40)
    assert len(table.rows) == 40
    assert [c.value for c in table.rows[0][2:9]] == pytest.approx([float(p) for p in one.probability[0]])
    assert table.rows[0][-1].text == EKMAN.names[int(np.argmax(one.probability[0]))]
    assert [c.text for c in table.rows[2][2:9]] == ["no answer"] * 7
    assert [row[0].value for row in table.rows[:3]] == [0.0, 0.5, 1.0]


def test_a_long_clip_is_shown_as_means():
    one = timeline(1000)
    made = figure(replace(admitted(), people=(one,), duration_s=500.0))
    assert len(made.table.rows) == MOST_MOMENTS
    first = one.probability[:9].astype(float)  # 1000 moments in 120 parts: the first 40 parts hold 9
    expected = np.nanmean(first, axis=0)
    assert [c.value for c in made.table.rows[0][2:9]] == pytest.approx(list(expected))
    assert "mean of 8.3 moments" in made.table.note


@pytest.mark.parametrize("moments", [0, 1, 2])
def test_short_clips_make_a_page(moments):
    one = PersonTimeline("p", np.arange(moments) + 0.5, np.full((moments, 7), 1 / 7, np.float32))
    assert "<figure" in render(page(admitted(people=(one,))), layout="inference")


def test_nobody_in_view_is_said():
    assert "Nobody with consent was seen in this clip." in render(page(admitted(people=())), layout="inference")


def test_covered_faces_are_listed_with_rule_and_article():
    covered = (CoveredCount("b.bystander", "base promise 4", "No consent is bound to this face.", 311, 12.44),)
    html = render(page(admitted(covered=covered)), layout="inference")
    assert all(words in html for words in ("b.bystander", "base promise 4", "311", "12.4 s"))


def test_a_hostile_file_name_stays_words():
    html = render(page(replace(admitted(), file="<img src=x onerror=1>\u202egpj.exe")), layout="inference")
    assert "<img" not in html and "\u202e" not in html


def test_times_and_labels_are_checked():
    with pytest.raises(BadInput, match="do not rise"):
        PersonTimeline("p", np.array([1.0, 1.0]), np.full((2, 7), 1 / 7, np.float32))
    with pytest.raises(BadInput, match="times for probabilities"):
        PersonTimeline("p", np.array([1.0]), np.full((2, 7), 1 / 7, np.float32))
    with pytest.raises(BadInput, match="one per label"):
        page(admitted(people=(PersonTimeline("p", np.array([1.0]), np.full((1, 3), 1 / 3, np.float32)),)))


def test_decided_labels_stand_in_place_of_the_most_likely():
    few = replace(timeline(6), labels=("fear", "fear", "", "", "anger", "anger"))
    made = figure(admitted(people=(few,))).table
    assert made.columns[-1].title == "Label"
    assert [row[-1].text for row in made.rows] == ["fear", "fear", "none", "none", "anger", "anger"]
    assert few.said(EKMAN.names) == list(few.labels)
    plain = figure(admitted()).table
    best = [EKMAN.names[int(row.argmax())] for row in timeline(40).probability[:2]]
    assert plain.columns[-1].title == "Most likely" and [row[-1].text for row in plain.rows[:2]] == best
    with pytest.raises(BadInput, match="1 labels for 6 times"):
        replace(timeline(6), labels=("fear",))


def test_a_stretch_is_named_for_the_label_that_most_of_it_holds():
    assert held_longest(("a", "a", "b", "b", "b", "", "", ""), 2) == ["a", "b"]
    assert held_longest(("a", "b", "b", "", "", ""), 2) == ["b", ""]


def test_every_share_of_a_moment_is_a_number():
    assert all(isinstance(c, Number) for c in figure(admitted()).table.rows[0][:9])


def crowd(count: int) -> InferenceFacts:
    """So many people in a long clip, with all that may be told of each."""
    names = [f"Person {k}" for k in range(count)]
    people = tuple(timeline(400, name=name) for name in names)
    shown = tuple(smiles(name, 400) for name in names)
    return replace(admitted(people=people, shown=shown, wanted=ALL, states=(STATE,), brief=SLOW), duration_s=200.0)


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_page_stays_small_however_many_people_were_seen(count):
    html = render(page(crowd(count)), layout="inference")
    assert len(html.encode()) < MOST_BYTES
    assert ("20 more people were seen for a shorter time" in html) == (count == 40)


def test_what_was_asked_for_and_left_out_stands_beside_the_decision():
    facts = admitted(wanted=replace(ALL, withheld=("action_units",)), shown=(smiles("person 1"),))
    html = render(page(facts), layout="inference")
    assert "Left out: not covered by consent or deployment" in html and "AU12" not in html
    assert "AU12" in render(page(replace(facts, wanted=ALL)), layout="inference")
    order = [section.id for section in page(replace(facts, wanted=ALL)).sections]
    assert order == ["verdict", "timeline", "movement", "reading", "states", "covered", "limits"]


def test_a_person_of_whom_no_label_may_be_told_has_no_empty_strips():
    one = PersonTimeline("1", np.arange(3) + 0.5, np.full((3, 7), np.nan, np.float32), (("not covered", 3),))
    html = render(page(admitted(people=(one,))), layout="inference")
    assert "<figure" not in html and "not covered (3 moments)" in html
