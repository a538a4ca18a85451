"""The gate's own rules, for refusals that come before or beside the policy packs: each with its article or promise."""

from vemo_audit.records.decision import RuleHit

CLOSED = "base promise 9: everything fails closed"
INTENT = "base promise 1: no inference without a durable intent, no emission without a fresh consent epoch"
FORGED = "base promise 5: only signed, current consents and grants of this deployment open the gate"

RULES: dict[str, tuple[str, str, str]] = {
    "x.gate-error": (CLOSED, "Something unexpected happened inside the gate, so nothing was allowed.", "See the log."),
    "x.clock-step": (
        CLOSED,
        "The wall clock and the boot-time clock have drifted apart by more than 2 s.",
        "Set the clock, then open the gate anew.",
    ),
    "x.request": (
        CLOSED,
        "The request holds a word that no policy knows.",
        "Use the words of `vemo-audit policy words`.",
    ),
    "o.killswitch": (
        "AI Act art. 14(4)(e)",
        "An overseer has stopped this deployment.",
        "Ask the overseer; two approvers may lift it: `vemo-audit gate resume`.",
    ),
    "o.manifest": (
        "AI Act art. 26(1)",
        "The deployment manifest is not in its term.",
        "Review the manifest, renew its term and sign it again.",
    ),
    "o.purpose": (
        "GDPR art. 5(1)(b)",
        "The deployment manifest does not name this purpose.",
        "Use a purpose of the manifest, or have the manifest changed and signed.",
    ),
    "o.scope": (
        "GDPR art. 5(1)(b), (c)",
        "The deployment manifest names none of the wanted modalities or outputs.",
        "Ask for less, or have the manifest changed and signed.",
    ),
    "o.role": (
        "GDPR art. 5(1)(b)",
        "The deployment manifest does not name this person's role.",
        "Name the role in the manifest and sign it again; the legal screen then judges it.",
    ),
    "o.binding": (
        "base promise 4",
        "The deployment manifest does not name this way to tie a consent to a face.",
        "Name the binding in the manifest, or ask for another consent.",
    ),
    "o.model-digest": (
        "AI Act art. 26(1)",
        "The manifest does not name this model.",
        "Run a model that the manifest names, or have it changed and signed.",
    ),
    "o.policy-bundle": (
        "base promise 9",
        "The policies are not those that the manifest was signed for.",
        "Restore them, or review the change and sign the manifest again.",
    ),
    "m.limits": (
        CLOSED,
        "The file is beyond what the gate opens: 8,192 px a side, 33 Mpx, 120 pictures a second, 4 hours.",
        "Give it a smaller or shorter version.",
    ),
    "m.nothing": (
        "GDPR art. 5(1)(c)",
        "The file holds nothing of what may be looked at or listened to.",
        "Check the file, and the modalities of consent and manifest.",
    ),
    "c.present": (
        "GDPR art. 6(1)(a)",
        "No consent was given to the gate.",
        "Pass the person's consent: `--consent FILE`; make one with `vemo-audit consent give`.",
    ),
    "g.signature": (FORGED, "The consent or grant does not carry a signature that holds.", "Ask whoever issued it."),
    "g.issuer": (
        FORGED,
        "The consent or grant was signed by a key that this deployment does not trust.",
        "Give consent in this deployment: `vemo-audit consent give`.",
    ),
    "g.form": (FORGED, "The consent or grant is not of the known form.", "Make it again with `vemo-audit consent`."),
    "g.unknown-record": (
        FORGED,
        "This deployment's consent store does not know the record, or holds other bytes for it.",
        "Give consent in this deployment: `vemo-audit consent give`.",
    ),
    "g.audience": (FORGED, "The grant is for another deployment.", "Mint one here: `vemo-audit consent grant`."),
    "g.time": (FORGED, "The grant is not, or no longer, valid.", "Mint a new one: `vemo-audit consent grant`."),
    "g.nonce": (FORGED, "The grant was used before.", "Mint a new one for each file: `vemo-audit consent grant`."),
    "g.epoch": (FORGED, "The person's consents have changed since this grant.", "Mint a new one, if consent holds."),
    "g.two-bindings": (
        "base promise 4",
        "The consents tie people to faces in different ways, which cannot be told apart in one file.",
        "Pass consents with one binding method; several only with seat zones.",
    ),
    "d.release": (
        "GDPR art. 5(1)(b), 89",
        "The signed dataset manifest does not list this file or table.",
        "Have the dataset's steward add its digest and sign again.",
    ),
    "x.no-finder": (
        CLOSED,
        "This gate was opened without a face finder, so no picture can be guarded.",
        "Open the gate with a face finder.",
    ),
    "v.voice": (
        "GDPR art. 5(1)(c)",
        "The permit does not name the voice.",
        "Ask for consent to the voice.",
    ),
    "p.expired": (INTENT, "The permit has ended.", "Ask the gate again."),
    "p.foreign": (INTENT, "The gate did not give this permit in this session.", "Ask this gate to admit the clip."),
    "w.withdrawn-since": (
        "GDPR art. 7(3)",
        "Consent ended between admission and emission; the outputs were dropped.",
        "Nothing to do: no output left the gate.",
    ),
    "b.strict": (
        "base promise 4: nobody is seen who did not agree",
        "Somebody without consent is in view, and this deployment stops for that.",
        "Record again without bystanders, or have the manifest's mode changed to keep_only.",
    ),
}
"""Rule id -> article or promise, what it says to a person, what to do."""


def hit(rule_id: str) -> RuleHit:
    """The rule as a decision names it."""
    ref, message, _ = RULES[rule_id]
    return RuleHit(rule_id, ref, message)


PROHIBITED = "This use is refused whoever consents, and no setting opens it. See `vemo-audit policy packs`."
ASK_AGAIN = "Ask the person for a new consent, and take no for an answer: `vemo-audit consent give`."
NEXT_STEPS = (
    ("eu-ai-act.", PROHIBITED),
    ("h.", PROHIBITED),
    ("c.guardian", "A guardian must consent, and the minor must not object: `consent give --guardian ...`."),
    ("c.outputs", "Ask for fewer outputs, or ask the person."),
    ("c.modality", "Ask for fewer modalities, or ask the person."),
    ("c.version-latest", "Use the newest version: `vemo-audit consent show RECORD_ID --out FILE`."),
    ("c.notice", "Show the person a notice that the manifest names, then ask again."),
    ("c.imbalance", "Consent cannot open this: refusing could cost the person something."),
    ("c.", ASK_AGAIN),
)
"""Start of a rule id of the packs -> what to do."""


def advice(hits: tuple[RuleHit, ...]) -> str:
    """What to do about the rule that is named first."""
    first = hits[0].rule_id
    if first in RULES:
        return RULES[first][2]
    known = (step for start, step in NEXT_STEPS if first.startswith(start))
    return next(known, "Read more: `vemo-audit gate why DECISION_ID`.")
