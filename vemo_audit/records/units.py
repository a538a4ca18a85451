"""The facial action units that a recognizer here may estimate: their order, their names and what they look like."""

from types import MappingProxyType

NAMES = MappingProxyType({
    1: "inner brow raised", 2: "outer brow raised", 4: "brow lowered", 5: "upper lid raised", 6: "cheek raised",
    7: "lids tightened", 9: "nose wrinkled", 10: "upper lip raised", 12: "lip corners pulled", 14: "dimples",
    15: "lip corners lowered", 16: "lower lip lowered", 17: "chin raised", 18: "lips puckered", 20: "lips stretched",
    22: "lips funnelled", 24: "lips pressed", 25: "lips parted", 26: "jaw dropped", 43: "eyes closed",
})  # fmt: skip
"""Number -> appearance, after FACS. Source: Ekman, Friesen and Hager 2002, Facial Action Coding System.

Estimates are an approximation of FACS by a model: they are called `au12_estimate`, never "FACS coded".
"""
UNITS = tuple(f"au{number}" for number in NAMES)
"""Keys of the units in the order of every array of them."""
FACE_UNITS = MappingProxyType({
    1: ("browInnerUp",), 2: ("browOuterUp",), 4: ("browDown",), 5: ("eyeWide",), 6: ("cheekSquint",),
    7: ("eyeSquint",), 9: ("noseSneer",), 10: ("mouthUpperUp",), 12: ("mouthSmile",), 14: ("mouthDimple",),
    15: ("mouthFrown",), 16: ("mouthLowerDown",), 17: ("mouthShrugLower",), 18: ("mouthPucker",),
    20: ("mouthStretch",), 22: ("mouthFunnel",), 24: ("mouthPress",),
    25: ("mouthUpperUp", "mouthLowerDown", "jawOpen"), 26: ("jawOpen",), 43: ("eyeBlink",),
})  # fmt: skip
"""Number -> the face units (of the 52 of ARKit) that stand for it: the largest of them, each the mean of its sides."""
