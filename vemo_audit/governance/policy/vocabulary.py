"""The closed lists of words that facts are made of: what is not listed here is refused."""

from enum import StrEnum

from vemo_audit.records.consent_terms import Role


class UseArea(StrEnum):
    """Where the system is used, as the signed deployment manifest states it."""

    CUSTOMER_EXPERIENCE = "customer_experience"
    RETAIL = "retail"
    CONTACT_CENTRE = "contact_centre"
    RESEARCH = "research"
    MEDIA_TESTING = "media_testing"
    CLINICAL = "clinical"
    DRIVER_SAFETY = "driver_safety"
    ACCESSIBILITY = "accessibility"
    PERSONAL = "personal"
    DEMONSTRATION = "demonstration"
    WORKPLACE = "workplace"
    RECRUITMENT = "recruitment"
    EMPLOYMENT_SCREENING = "employment_screening"
    EDUCATION = "education"
    STUDENT_MONITORING = "student_monitoring"
    CRIMINAL_JUSTICE = "criminal_justice"
    LAW_ENFORCEMENT = "law_enforcement"
    BORDER_CONTROL = "border_control"
    INSURANCE = "insurance"
    CREDIT = "credit"


class Purpose(StrEnum):
    """What the result is wanted for. The forbidden ones are words too, so that a refusal can name them."""

    DEMO = "demo"
    RESEARCH = "research"
    DATASET_AUDIT = "dataset_audit"
    CUSTOMER_EXPERIENCE = "customer_experience"
    MEDIA_TESTING = "media_testing"
    SELF_REFLECTION = "self_reflection"
    ACCESSIBILITY = "accessibility"
    CLINICAL_SUPPORT = "clinical_support"
    DRIVER_SAFETY = "driver_safety"
    PERSONAL_TRAINING = "personal_training"
    EMPLOYMENT_SCREENING = "employment_screening"
    WORKER_MONITORING = "worker_monitoring"
    STUDENT_MONITORING = "student_monitoring"
    EXAM_PROCTORING = "exam_proctoring"
    CRIMINAL_JUSTICE = "criminal_justice"
    CRIME_PREDICTION = "crime_prediction"
    LAW_ENFORCEMENT = "law_enforcement"
    BORDER_CONTROL = "border_control"
    LIE_DETECTION = "lie_detection"
    INSURANCE_PRICING = "insurance_pricing"
    CREDIT_SCORING = "credit_scoring"


class InferenceKind(StrEnum):
    """What is concluded about the person."""

    EMOTION = "emotion"
    EXPRESSION = "expression"  # movements of the face, with no word for a feeling
    PHYSICAL_STATE = "physical_state"  # pain, fatigue
    INTENTION = "intention"
    PERSONALITY = "personality"
    LIE_DETECTION = "lie_detection"
    DEMOGRAPHIC = "demographic"
    IDENTITY = "identity"


class Modality(StrEnum):
    """What is read of the person. Only `text` is no biometric signal."""

    FACE = "face"
    BODY = "body"
    VOICE = "voice"
    GAZE = "gaze"
    POSTURE = "posture"
    MOVEMENT = "movement"
    KEYSTROKE = "keystroke"
    PHYSIOLOGY = "physiology"
    TEXT = "text"


class Output(StrEnum):
    """What leaves the system about the person."""

    EXPRESSION_LABEL = "expression_label"
    VALENCE_AROUSAL = "valence_arousal"
    ACTION_UNITS = "action_units"
    PHYSICAL_STATE = "physical_state"
    SUSTAINED_STATES = "sustained_states"  # engagement, attention, build-up of frustration: declared indices over time
    AGGREGATE_ONLY = "aggregate_only"


class Binding(StrEnum):
    """How a consent is tied to a face on the screen; `none` when it is not."""

    NONE = "none"
    PARTICIPANT_STREAM = "participant_stream"
    SINGLE_SUBJECT_DEVICE = "single_subject_device"
    SEAT_ZONE = "seat_zone"
    MARKER = "marker"
    TRACK_CLAIM = "track_claim"
    DATASET_RELEASE = "dataset_release"
    TEMPLATE_1TO1 = "template_1to1"
    TEMPLATE_1TON = "template_1toN"


class MatchMode(StrEnum):
    """Whether faces are compared with stored templates."""

    NONE = "none"
    ONE_TO_ONE = "1to1"
    ONE_TO_MANY = "1toN"


class ExceptionKind(StrEnum):
    """What a signed exception rests on."""

    MEDICAL = "medical"
    SAFETY = "safety"
    RESEARCH = "research"
    OTHER = "other"


class ExceptionScope(StrEnum):
    """How far a signed exception reaches. From `wellbeing` on, art. 5(1)(f) knows no exception."""

    DIAGNOSIS = "diagnosis"
    TREATMENT = "treatment"
    LIFE_PROTECTION = "life_protection"
    ACCIDENT_PREVENTION = "accident_prevention"
    WELLBEING = "wellbeing"
    STRESS = "stress"
    BURNOUT = "burnout"
    PRODUCTIVITY = "productivity"
    PROPERTY = "property"
    FRAUD = "fraud"
    OTHER = "other"


class Action(StrEnum):
    """What the gate is asked to allow."""

    INFER_EMOTION = "infer_emotion"
    DETECT_FACE = "detect_face"
    MATCH_FACE = "match_face"
    ENROL_TEMPLATE = "enrol_template"
    INFER_DEMOGRAPHIC = "infer_demographic"
    STORE_OUTPUT = "store_output"
    MEASURE_PREDICTIONS = "measure_predictions"
    PUBLISH_SLICE = "publish_slice"
    EXPORT_REPORT = "export_report"


class Stage(StrEnum):
    """How much is known when the question is put; each stage asks the rules of those before it, too.

    `screen`: manifest and request only. `consent`: also the person's consent and how it is to be bound; still no
    pixel. `face`: also the faces in view.
    """

    SCREEN = "screen"
    CONSENT = "consent"
    FACE = "face"


RESOURCE = dict.fromkeys(Action, "Track") | {
    Action.MEASURE_PREDICTIONS: "Table",
    Action.PUBLISH_SLICE: "Report",
    Action.EXPORT_REPORT: "Report",
}
"""Action -> the type of thing that it is done to."""

UNEQUAL_ROLES = frozenset(
    {Role.EMPLOYEE, Role.TRAINEE, Role.VOLUNTEER, Role.CONTRACTOR, Role.CANDIDATE} | {Role.STUDENT, Role.DETAINEE}
)
UNEQUAL_AREAS = frozenset(
    {UseArea.WORKPLACE, UseArea.RECRUITMENT, UseArea.EMPLOYMENT_SCREENING, UseArea.EDUCATION}
    | {UseArea.STUDENT_MONITORING, UseArea.CRIMINAL_JUSTICE, UseArea.LAW_ENFORCEMENT, UseArea.BORDER_CONTROL}
)
"""Where a refusal may cost the person something, consent is presumed not free (GDPR recital 43, art. 7(4))."""
