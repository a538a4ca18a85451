"""Gives, reconfirms and ends consents; an ending is effective at once and waits out every emission under way."""

from dataclasses import replace
from datetime import datetime, timedelta

from vemo_audit.errors import BadInput, Refused
from vemo_audit.governance import dsse, refusals
from vemo_audit.governance.consents import TYPE, ConsentStore, Unlogged
from vemo_audit.governance.journal import Journal, Note, Private
from vemo_audit.governance.keys import KeyPair
from vemo_audit.records.consent import ConsentRecord, Validity
from vemo_audit.records.consent_terms import NARROWING, Actor, Channel, State
from vemo_audit.records.decision import Decision, Outcome
from vemo_audit.records.digest import digest
from vemo_audit.records.strict import whole_ms


def give(record: ConsentRecord, store: ConsentStore, *, key: KeyPair, now: datetime) -> bytes:
    """Signs and stores the first version of a record; returns the envelope that the person and the gate keep."""
    envelope = dsse.sign(record.to_payload(), payload_type=TYPE, key=key)
    store.add(envelope, now=now)
    return envelope


def next_version(
    last: ConsentRecord, state: State, *, by: Actor, method: Channel, now: datetime, steps: int | None = None,
    lasts: timedelta | None = None,
) -> ConsentRecord:  # fmt: skip
    """The version that follows when something happens. `lasts` renews the term; only a reconfirmation may do that.

    Raises Refused when a withdrawal took more steps than giving did or was pushed to another channel.
    """
    event = replace(last.event, state=state, at=whole_ms(now), by=by, method=method)
    if state is State.WITHDRAWN:
        _check_parity(last, method, steps)
    if lasts is not None and state is not State.RECONFIRMED:
        raise BadInput(f"a new term with state {state}", expected="one only when reconfirmed")
    term = Validity(whole_ms(now), whole_ms(now) + lasts) if lasts is not None else last.validity
    return replace(last, version=last.version + 1, prev_hash=digest(last.to_payload()), event=event, validity=term)


def change(
    store: ConsentStore, record_id: str, state: State, *, key: KeyPair, by: Actor, method: Channel, now: datetime,
    steps: int | None = None, lasts: timedelta | None = None,
) -> ConsentRecord:  # fmt: skip
    """Writes the next version. When rights end, this returns only after every emission under way has ended.

    From the commit on no gate admits, and no emission that begins later passes its check of the epoch.
    Raises BadInput when the state may not follow.
    """
    record = next_version(store.record(record_id), state, by=by, method=method, now=now, steps=steps, lasts=lasts)
    store.add(dsse.sign(record.to_payload(), payload_type=TYPE, key=key), now=now)
    if state in NARROWING:
        with store.barrier():
            pass  # whoever held the emission lock is done
    return record


def log_endings(store: ConsentStore, journal: Journal) -> list[tuple[Unlogged, Decision]]:
    """Writes the leaves of endings that have none yet, oldest first."""
    written = []
    for one in store.unlogged():
        decision = journal.write(
            Note(
                phase="withdrawal", action="infer_emotion", outcome=Outcome.DENY,
                rules=(refusals.hit("w.withdrawn-since"),), more=(("consent_state", str(one.state)),),
                private=Private(one.subject_ref, {"consent": one.record_id, "version": one.version}),
            )
        )  # fmt: skip
        store.mark_logged(one.seq, decision.log_index if decision.log_index is not None else -1)
        written.append((one, decision))
    return written


def _check_parity(last: ConsentRecord, method: Channel, steps: int | None) -> None:
    taken = last.event.steps_to_withdraw if steps is None else steps
    if taken > last.event.steps_to_give or method not in last.event.withdraw_channels:
        raise Refused(
            f"withdrawing took {taken} steps by {method}; giving took {last.event.steps_to_give}",
            rule_id="c.withdraw-parity", ref="GDPR art. 7(3)", where=f"consent {last.record_id}",
            advice=f"Offer it by {', '.join(last.event.withdraw_channels)} in no more steps.",
        )  # fmt: skip
