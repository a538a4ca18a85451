"""The policies once more, in plain Python and from the texts: slow, obvious, and written without the Cedar rules.

Each function is one article or promise; it returns the names that a refusal must carry, or nothing.
"""

from datetime import datetime
from typing import Any

PERSON = {
    "infer_emotion",
    "detect_face",
    "match_face",
    "enrol_template",
    "infer_demographic",
    "store_output",
    "measure_predictions",
}
EMITTING = {"infer_emotion", "store_output"}
SCREEN, CONSENT, FACE = range(3)
STAGE = {"screen": SCREEN, "consent": CONSENT, "face": FACE}
MASKING = {"b.unbound-mask", "b.track-break"}

WORKERS = {"employee", "trainee", "volunteer", "contractor"}
LEARNERS = {"student"}
WORK_AREAS = {"workplace"}
HIRING_AREAS = {"recruitment", "employment_screening"}
LEARNING_AREAS = {"education", "student_monitoring"}
POLICE_AREAS = {"criminal_justice", "law_enforcement", "border_control"}
ART5_DAY = "2025-02-02"


def decide(f: dict[str, Any], action: str, stage: str) -> tuple[str, set[str]]:
    """Outcome and names for facts in plain JSON form, on their own day and in the EU."""
    known = STAGE[stage]
    names = operations(f, action) | high_stakes(f, action) | matching(f, action)
    if f["now"][:10] >= ART5_DAY:
        names |= article_5(f, action)
    if known >= CONSENT:
        names |= consent(f, action) | scenes(f, action)
    if known >= FACE:
        names |= faces(f, action)
    if not names:
        return "allow", names
    return ("mask" if names <= MASKING else "deny"), names


def exception_lifts(f: dict[str, Any], rule: str) -> bool:
    """Section 3.3: a signed record that names the rule, with evidence, two approvers, before its end."""
    e = f["exception"]
    if e is None:
        return False
    return rule in e["lifts"] and e["evidence"] and e["approvers"] > 1 and when(f["now"]) < when(e["expires_at"])


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def operations(f: dict[str, Any], action: str) -> set[str]:
    names = set()
    if not f["manifest_ok"]:  # AI Act 26(1)
        names.add("o.manifest")
    if f["kill_switch"]:  # AI Act 14(4)(e)
        names.add("o.killswitch")
    if f["log_retention_days"] <= 182:  # AI Act 19(1): at least six months
        names.add("o.retention-floor")
    if not f["model_digest_ok"] and action not in {"measure_predictions", "publish_slice", "export_report"}:
        names.add("o.model-digest")
    if action in EMITTING:
        if not f["overseer"]:  # AI Act 14, 26(2)
            names.add("o.overseer")
        age = f["audit_age_days"]
        if f["audit_required"] and f["purpose"] != "dataset_audit" and (age is None or age > 180):
            names.add("o.audit-fresh")
    return names


def high_stakes(f: dict[str, Any], action: str) -> set[str]:
    """Base promise 8, worldwide, whoever is asked about and whatever is done."""
    area, role, purpose, kind = f["use_area"], f["subject_role"], f["purpose"], f["inference_kind"]
    judged = {
        "h.employment": role in WORKERS | {"candidate"} or area in WORK_AREAS | HIRING_AREAS
        or purpose in {"employment_screening", "worker_monitoring", "personal_training"},
        "h.education": role in LEARNERS or area in LEARNING_AREAS
        or purpose in {"student_monitoring", "exam_proctoring"},
        "h.criminal-justice": role == "detainee" or area in POLICE_AREAS
        or purpose in {"criminal_justice", "crime_prediction", "law_enforcement", "border_control"},
        "h.covert": f["covert"],
        "h.lie-detection": "lie_detection" in (purpose, kind),
        "h.insurance-credit": area in {"insurance", "credit"} or purpose in {"insurance_pricing", "credit_scoring"},
    }  # fmt: skip
    names = {name for name, holds in judged.items() if holds and not exception_lifts(f, name)}
    if action == "infer_demographic" or kind == "demographic":
        names.add("h.infer-demographic")
    return names


def matching(f: dict[str, Any], action: str) -> set[str]:
    """GDPR 9(1) and EDPB 3/2019: no templates, no search."""
    names = set()
    if f["match_mode"] == "1toN":
        names.add("b.search-1toN")
    templates = action in {"match_face", "enrol_template"} or f["template_extracted"] or f["match_mode"] != "none"
    if templates and not exception_lifts(f, "b.match-default"):
        names.add("b.match-default")
    return names


def article_5(f: dict[str, Any], action: str) -> set[str]:
    """Regulation (EU) 2024/1689, article 5, of natural persons only."""
    if not f["human"]:
        return set()
    names = set()
    area, role, purpose, kind = f["use_area"], f["subject_role"], f["purpose"], f["inference_kind"]
    biometric = set(f["modalities"]) != {"text"}  # article 3(34)
    at_work = role in WORKERS or area in WORK_AREAS or purpose in {"worker_monitoring", "personal_training"}
    hiring = role == "candidate" or area in HIRING_AREAS or purpose == "employment_screening"
    learning = role in LEARNERS or area in LEARNING_AREAS or purpose in {"student_monitoring", "exam_proctoring"}
    if action in EMITTING and biometric and not recital_18(f):
        for name, reached in (("workplace", at_work), ("candidate", hiring), ("education", learning)):
            if reached and not medical_or_safety(f, f"eu-ai-act.5.1.f.{name}"):
                names.add(f"eu-ai-act.5.1.f.{name}")
    by_place = role in WORKERS | LEARNERS | {"candidate"} or area in WORK_AREAS | HIRING_AREAS | LEARNING_AREAS
    if action in EMITTING and by_place:
        if biometric and kind == "intention":
            names.add("eu-ai-act.5.1.f.intention")
        names |= exception_limits(f)
    if biometric and kind == "demographic":  # paragraph (g)
        names.add("eu-ai-act.5.1.g.categorise")
    if purpose == "crime_prediction" or (kind == "personality" and area in POLICE_AREAS - {"border_control"}):  # (d)
        names.add("eu-ai-act.5.1.d.profiling")
    if area in POLICE_AREAS - {"criminal_justice"} and (kind == "identity" or f["match_mode"] == "1toN"):  # (h)
        names.add("eu-ai-act.5.1.h.remote-identification")
    return names


def recital_18(f: dict[str, Any]) -> bool:
    """Physical states, and readily apparent expressions from which no emotion is inferred, are no emotions."""
    pure = {"physical_state": ["physical_state"], "expression": ["action_units"]}
    return pure.get(f["inference_kind"]) == f["outputs"]


def medical_or_safety(f: dict[str, Any], rule: str) -> bool:
    e = f["exception"]
    return exception_lifts(f, rule) and e["kind"] in ("medical", "safety") and in_scope(e)


def in_scope(e: dict[str, Any]) -> bool:
    return e["scope"] not in ("wellbeing", "stress", "burnout", "productivity", "property", "fraud", "other")


def exception_limits(f: dict[str, Any]) -> set[str]:
    e, names = f["exception"], set()
    if e and e["kind"] in ("medical", "safety"):
        if not (e["evidence"] and e["approvers"] > 1 and when(f["now"]) < when(e["expires_at"])):
            names.add("eu-ai-act.5.1.f.exception-evidence")
        if not in_scope(e):
            names.add("eu-ai-act.5.1.f.exception-scope-not-wellbeing")
    return names


def consent(f: dict[str, Any], action: str) -> set[str]:
    """GDPR 4(11), 6, 7 and 8, for everything that is done to one person."""
    if not f["human"] or action not in PERSON:
        return set()
    names, c, basis = set(), f["consent"], dataset_basis(f)
    if c is None and not basis:
        names.add("c.present")
    guardian = (c is not None and c["guardian_ok"]) or (basis and f["release"]["guardian_ok"])
    if f["age_band"] in ("16-17", "13-15", "under-13", "unknown") and not guardian:  # article 8
        names.add("c.guardian")
    if imbalance(f):  # recital 43
        names.add("c.imbalance-invalid")
    if c is not None:
        names |= consent_terms(f, c)
    return names


def consent_terms(f: dict[str, Any], c: dict[str, Any]) -> set[str]:
    broken = {
        "c.state-given": c["state"] != "given" and c["state"] != "reconfirmed",
        "c.explicit": not c["explicit"],
        "c.purpose": f["purpose"] not in c["purposes"],
        "c.outputs": bool(set(f["outputs"]) - set(c["outputs"])),
        "c.modality": bool(set(f["modalities"]) - set(c["modalities"])),
        "c.window": not when(c["not_before"]) <= when(f["now"]) < when(c["expires_at"]),
        "c.version-latest": not c["version_is_latest"],
        "c.epoch": not c["epoch_is_current"],
        "c.audience": not c["audience_ok"],
        "c.notice-hash-known": not c["notice_known"],
        "c.withdraw-parity": not c["withdraw_parity"],
    }
    return {name for name, holds in broken.items() if holds}


def dataset_basis(f: dict[str, Any]) -> bool:
    """Section 4.2: a signed manifest lists the clip, with consent statement and purpose, for offline audits only."""
    r = f["release"]
    if r is None or f["binding"] != "dataset_release" or f["purpose"] != "dataset_audit":
        return False
    return r["listed"] and r["consent_statement"] and "dataset_audit" in r["purposes"]


def imbalance(f: dict[str, Any]) -> bool:
    free_roles = {"customer", "participant", "patient", "other"}
    unfree_areas = WORK_AREAS | HIRING_AREAS | LEARNING_AREAS | POLICE_AREAS
    return f["subject_role"] not in free_roles or f["use_area"] in unfree_areas


def scenes(f: dict[str, Any], action: str) -> set[str]:
    """Who else may be in the scene, as far as manifest and binding tell."""
    if not f["human"]:
        return set()
    names = set()
    alone = f["binding"] in ("participant_stream", "single_subject_device")
    customers = f["use_area"] in ("customer_experience", "retail", "contact_centre")
    if action in EMITTING and customers and not alone and not f["staff_excluded"]:
        names.add("b.staff-excluded")
    one_voice = f["binding"] == "dataset_release" and f["release"] is not None and f["release"]["single_speaker"]
    if action in EMITTING | {"enrol_template"} and "voice" in f["modalities"] and not alone and not one_voice:
        names.add("b.voice-single-source")
    if action in PERSON and f["binding"] == "dataset_release" and f["purpose"] != "dataset_audit":
        names.add("b.release-offline")
    return names


def faces(f: dict[str, Any], action: str) -> set[str]:
    """EDPB 3/2019: whoever did not consent is not looked at."""
    if not f["human"] or action not in EMITTING:
        return set()
    names = set()
    if not f["bound"]:
        names.add("b.unbound-mask")
    if not f["track_whole"]:
        names.add("b.track-break")
    if not 1 <= f["faces_in_view"] <= f["max_faces"]:
        names.add("b.maxfaces")
    return names
