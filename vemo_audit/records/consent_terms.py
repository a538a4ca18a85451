"""The words of a consent record: states and which may follow which, roles, ages, bindings, modalities, outputs."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a consent stands."""

    REQUESTED = "requested"
    GIVEN = "given"
    RECONFIRMED = "reconfirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    INVALIDATED = "invalidated"


_ENDS = frozenset({State.WITHDRAWN, State.EXPIRED, State.INVALIDATED})
TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.REQUESTED: frozenset({State.GIVEN, State.REFUSED, State.EXPIRED}),
        State.GIVEN: _ENDS | {State.RECONFIRMED},
        State.RECONFIRMED: _ENDS | {State.RECONFIRMED},
        **{final: frozenset() for final in (*_ENDS, State.REFUSED)},
    }
)
"""State -> states that may follow it. The empty ones are final: only a new record can follow."""
FIRST = frozenset({State.REQUESTED, State.GIVEN, State.REFUSED})
"""States in which the first version of a record may be."""
IN_FORCE = frozenset({State.GIVEN, State.RECONFIRMED})
NARROWING = _ENDS | {State.REFUSED}
"""States that take rights away: each adds 1 to the subject's epoch."""


class Role(StrEnum):
    """Who a person is to whoever runs the camera."""

    CUSTOMER = "customer"
    PARTICIPANT = "participant"
    PATIENT = "patient"
    EMPLOYEE = "employee"
    TRAINEE = "trainee"
    VOLUNTEER = "volunteer"
    CONTRACTOR = "contractor"
    CANDIDATE = "candidate"
    STUDENT = "student"
    DETAINEE = "detainee"
    OTHER = "other"


class AgeBand(StrEnum):
    """Stated by the person or a guardian, never estimated. Unknown counts as a minor."""

    ADULT = "adult"
    TEEN = "16-17"
    CHILD = "13-15"
    UNDER_13 = "under-13"
    UNKNOWN = "unknown"


class BindingMethod(StrEnum):
    """How a consent is tied to a face on screen without recognising anybody."""

    PARTICIPANT_STREAM = "participant_stream"
    SINGLE_SUBJECT_DEVICE = "single_subject_device"
    SEAT_ZONE = "seat_zone"
    DATASET_RELEASE = "dataset_release"


class Modality(StrEnum):
    """What of a person may be looked at or listened to."""

    BODY = "body"
    FACE = "face"
    VOICE = "voice"


class Output(StrEnum):
    """What may be said about a person."""

    ACTION_UNITS = "action_units"
    AGGREGATE_ONLY = "aggregate_only"
    EXPRESSION_LABEL = "expression_label"
    SUSTAINED_STATES = "sustained_states"
    VALENCE_AROUSAL = "valence_arousal"


class Answer(StrEnum):
    """What the person said to one purpose."""

    GIVEN = "given"
    REFUSED = "refused"


class Granularity(StrEnum):
    """The finest grain in which outputs may be kept."""

    FRAME = "frame"
    SESSION = "session"
    AGGREGATE = "aggregate"


class Kept(StrEnum):
    """What may be stored."""

    NONE = "none"
    FEATURES = "features"
    VIDEO = "video"


class Actor(StrEnum):
    """Who caused an event."""

    SUBJECT = "subject"
    GUARDIAN = "guardian"
    REPRESENTATIVE = "representative"
    CONTROLLER = "controller"


class Channel(StrEnum):
    """By which way a person answers."""

    UI = "ui"
    E_SIGNATURE = "e-signature"
    PAPER = "paper"
    VOICE = "voice"
