"""States are declared, off unless a permit names them, silent where nothing was seen, and show their terms."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.governance.leaving import needs
from vemo_audit.governance.policy.vocabulary import Purpose
from vemo_audit.recognition.dynamics.evidence import TERMS, Evidence, Habits
from vemo_audit.recognition.dynamics.states import (
    ATTENTION_DROP,
    ENGAGEMENT,
    FRUSTRATION,
    OUTPUT,
    STATES,
    StateStream,
    SustainedClass,
    permitted,
)
from vemo_audit.records.decision import Permit
from vemo_audit.records.units import UNITS

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FORBIDDEN = {"employment_screening", "worker_monitoring", "student_monitoring", "exam_proctoring", "personal_training",
             "lie_detection", "criminal_justice", "crime_prediction", "law_enforcement", "border_control",
             "insurance_pricing", "credit_scoring"}  # fmt: skip


def permit(purpose="research", outputs=(OUTPUT,)):
    until = NOON + timedelta(hours=1)
    return Permit("d", 0, "0" * 64, purpose, frozenset({"face"}), frozenset(outputs), "seat_zone", NOON, until)


def angry(*, rate_hz=12.5, until_s=80.0, voice=True, lost=(math.inf, math.inf)):
    """80 s: from 20 to 40 s the brow is lowered, the lips are pressed and the voice is louder."""
    time_s = np.arange(0, until_s, 1 / rate_hz)
    on = (time_s >= 20) & (time_s < 40)
    units = np.full((len(time_s), len(UNITS)), 0.05)
    units[:, UNITS.index("au4")] += 0.6 * on
    units[:, UNITS.index("au24")] += 0.6 * on
    gone = (time_s >= lost[0]) & (time_s < lost[1])
    units[gone] = np.nan
    return Evidence(
        time_s, units, valence=-0.5 * on, arousal=0.7 * on, loudness_db=-30 + 12.0 * on if voice else None,
        shakes=(np.abs(time_s % 4) < 0.5 / rate_hz) * on * 1.0,
    )  # fmt: skip


def run(evidence, *states, chunk=10_000):
    stream, levels, done = StateStream(states), [], []
    for k in range(0, len(evidence.time_s), chunk):
        fields = {n: getattr(evidence, n) for n in Evidence.__slots__ if getattr(evidence, n) is not None}
        level, ended = stream.push(Evidence(**{name: value[k : k + chunk] for name, value in fields.items()}))
        levels, done = [*levels, level], done + ended
    return {s.name: np.concatenate([one[s.name] for one in levels]) for s in states}, done + stream.finish()


def test_a_build_up_is_told_with_its_beginning_and_its_terms():
    levels, (one,) = run(angry(), FRUSTRATION)
    assert 20 <= one.event.onset_s <= 24 and 40 <= one.event.offset_s <= 65 and one.event.kind == FRUSTRATION.name
    assert sum(one.shares.values()) == pytest.approx(1) and one.shares["brow lowered (AU4)"] > 0.15
    assert one.words.startswith(f"frustration build-up since {one.event.onset_s:.1f} s (")
    level = levels[FRUSTRATION.name]
    assert level[:240].max() < 0.1 and np.nanmax(level) == pytest.approx(one.event.peak)


def test_missing_terms_lower_the_level_and_are_never_made_up():
    full, less = run(angry(), FRUSTRATION)[0], run(angry(voice=False), FRUSTRATION)[0]
    assert np.all(less[FRUSTRATION.name] <= full[FRUSTRATION.name] + 1e-12)
    assert less[FRUSTRATION.name].max() < full[FRUSTRATION.name].max() - 0.05
    assert "louder" not in (run(angry(voice=False), FRUSTRATION)[1] or [type("", (), {"shares": {}})])[0].shares


def test_a_lost_face_is_nan_and_cuts_without_an_end():
    levels, done = run(angry(lost=(36, 80)), FRUSTRATION, ATTENTION_DROP, ENGAGEMENT)
    gone = np.arange(0, 80, 0.08) >= 36
    for level in levels.values():
        assert np.isnan(level[gone]).all() and np.isfinite(level[~gone]).all()
    assert [one.event.kind for one in done] == [FRUSTRATION.name] and math.isnan(done[0].event.offset_s)


def shaken_then_lost(*, lost_s):
    """Two head shakes just before the face is lost at 10 s; then ten still seconds, `[T]` levels of frustration."""
    time_s = np.concatenate([np.arange(0, 10, 0.1), np.arange(10 + lost_s, 20 + lost_s, 0.1)])
    shakes = np.isin(np.arange(len(time_s)), (90, 95)) * 1.0
    evidence = Evidence(time_s, np.full((len(time_s), len(UNITS)), 0.05), shakes=shakes)
    return run(evidence, FRUSTRATION)[0][FRUSTRATION.name]


def test_what_was_counted_before_a_face_was_lost_fades_while_it_is_away():
    assert shaken_then_lost(lost_s=0.0)[100:].max() > 0.02  # it does count while the face is there
    assert shaken_then_lost(lost_s=600.0)[100:].max() < 1e-9
    brief, longer = (shaken_then_lost(lost_s=lost_s)[100:].max() for lost_s in (2.0, 6.0))
    assert brief > longer > 0  # both cut the level; what was lately goes on being so


def test_closed_eyes_are_not_remembered_while_the_eyes_are_hidden():
    habits, one = Habits(), {}
    for at_s, closed in [
        *((k / 10, 1.0) for k in range(30)),
        *((k / 10, math.nan) for k in range(30, 300)),
        (30.0, 0.0),
    ]:
        habits.at(at_s)
        one[at_s] = TERMS["eyes closed"]({"au43": closed}, habits, 0.1)
    assert one[2.9] == 1.0 and math.isnan(one[10.0]) and one[30.0] == 0.0


def test_twin_a_count_that_stands_still_while_the_face_is_away_would_be_seen(monkeypatch):
    def stands_still(self, name, value, *, fades_s):
        before, then_s = self._recent.get(name, (0.0, self._now_s))
        gone_s = self._now_s - then_s if self._now_s - then_s < 1.0 else 0.0
        self._recent[name] = (before * math.exp(-gone_s / fades_s) + value, self._now_s)
        return self._recent[name][0]

    monkeypatch.setattr(Habits, "count", stands_still)
    assert shaken_then_lost(lost_s=600.0)[100:].max() > 0.02


def turned_away(rate_hz=25.0, lost=False):
    time_s = np.arange(0, 60, 1 / rate_hz)
    away = (time_s >= 30) & (time_s < 42)
    yaw = np.where(away, math.nan if lost else 35.0, 3.0)
    return Evidence(time_s, yaw_deg=yaw, pitch_deg=np.where(np.isnan(yaw), math.nan, -2.0))


def test_a_head_turned_away_drops_attention_and_a_lost_one_does_not():
    (one,) = run(turned_away(), ATTENTION_DROP)[1]
    assert 30 <= one.event.onset_s <= 34 and dict(one.shares) == {"head turned away": pytest.approx(1)}
    assert run(turned_away(lost=True), ATTENTION_DROP)[1] == []


def test_twin_a_lost_face_read_as_a_turned_one_would_be_seen():
    filled = turned_away(lost=True)
    filled.yaw_deg[np.isnan(filled.yaw_deg)] = 90.0
    filled.pitch_deg[np.isnan(filled.pitch_deg)] = 0.0
    assert run(filled, ATTENTION_DROP)[1]


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_change_nothing(chunk):
    whole, cut = run(angry(), *STATES), run(angry(), *STATES, chunk=chunk)
    for name, level in whole[0].items():
        np.testing.assert_array_equal(level, cut[0][name])
    assert repr(whole[1]) == repr(cut[1])


def test_the_frame_rate_changes_little():
    slow, fast = run(angry(rate_hz=12.5), FRUSTRATION), run(angry(rate_hz=50), FRUSTRATION)
    np.testing.assert_allclose(slow[0][FRUSTRATION.name], fast[0][FRUSTRATION.name][::4], atol=0.03)
    assert abs(slow[1][0].event.onset_s - fast[1][0].event.onset_s) < 0.3


def test_the_integrator_by_hand():
    # From 0 with e = 1: s' = 1 / 2 - s / 5, so s(t) = 2.5 (1 - exp(-t / 5)), which reaches 1 after 2.55 s.
    state, stream = ATTENTION_DROP, StateStream((ATTENTION_DROP,))
    run_ = stream._runs[0]
    for k in range(1, 201):
        run_.step(k * 0.01, 0.01, {"head turned away": 1.0, "eyes closed": 1.0})
    assert run_.level == pytest.approx(2.5 * (1 - math.exp(-2 / 5)), abs=0.005)
    assert (state.rise_s, state.fall_s) == (2.0, 5.0)


def test_states_are_off_until_a_permit_names_them_for_a_purpose_that_they_serve():
    assert run(angry()) == ({}, [])
    assert permitted(permit()) == STATES
    assert permitted(permit(outputs=("expression_label", "valence_arousal", "action_units"))) == ()
    assert permitted(permit("driver_safety")) == (ATTENTION_DROP,)
    for purpose in FORBIDDEN:
        assert permitted(permit(purpose)) == ()


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_every_state_is_declared_in_full(state):
    assert sum(state.weights.values()) == pytest.approx(1) and set(state.weights) <= set(TERMS)
    assert set(state.purposes) <= {str(one) for one in Purpose} - FORBIDDEN
    assert state.definition and state.limits and 0 < state.leave < state.enter < 1
    assert needs(state.name) == {"sustained_states"}  # the gate knows it by the same name


def test_a_sustained_class_lasts_two_seconds_and_a_gap_invents_no_end():
    time_s = np.arange(0, 10, 0.1)
    rows = np.full((100, 2), 0.5)
    rows[10:25] = [0.9, 0.1]  # 1.5 s: too short
    rows[30:60] = [0.3, 0.7]
    rows[45] = [0.2, 0.8]
    rows[70:95] = [0.9, 0.1]
    rows[95:] = math.nan
    stream = SustainedClass(("calm", "tense"))
    one, two = [*stream.push(time_s, rows), *stream.finish()]
    assert (one.kind, one.onset_s, one.apex_s) == ("sustained tense", pytest.approx(3), pytest.approx(4.5))
    assert one.offset_s == pytest.approx(5.9) and one.peak == pytest.approx(0.8)
    assert two.kind == "sustained calm" and math.isnan(two.offset_s)
    stream, found = SustainedClass(("calm", "tense")), []
    for k in range(100):
        found += stream.push(time_s[k : k + 1], rows[k : k + 1])
    assert repr([*found, *stream.finish()]) == repr([one, two])


def test_columns_of_another_length_are_refused():
    with pytest.raises(BadInput, match="3 rows of valence"):
        Evidence(np.arange(4.0), valence=np.zeros(3))
