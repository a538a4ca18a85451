"""Tests of watch: what changed is seen, what is followed or equally brighter everywhere is not, and a cut is a cut."""

import numpy as np
import pytest

from vemo_audit.errors import BadInput
from vemo_audit.recognition.perception.halves import Halves
from vemo_audit.recognition.perception.watch import Watch, WatchSettings

WALL = np.random.default_rng(2).integers(60, 180, (96, 160, 3), dtype=np.uint8)
NOBODY = np.zeros((0, 4))


def watching(image=WALL):
    watch = Watch(WatchSettings(), min_face_px=40)
    assert not watch.see(Halves(image[None])) and watch.is_new
    watch.looked()
    return watch


def changed(watch, image, followed=NOBODY):
    watch.see(Halves(image[None]))
    return watch.changed(np.array(followed), (160, 96))


def test_a_patch_that_changed_is_marked_where_it_is():
    image = WALL.copy()
    image[32:64, 80:120] = 220
    mask = changed(watching(), image)
    assert mask.shape == (12, 20) and mask[4:8, 10:15].all() and mask.sum() == 20


def test_what_was_looked_at_is_known_from_then_on():
    image, watch = WALL.copy(), watching()
    image[32:64, 80:120] = 220
    first = changed(watch, image)
    watch.looked(first)
    assert not changed(watch, image).any()
    assert (changed(watch, WALL) == first).all(), "and going back is a change again"


def test_under_a_followed_face_nothing_is_new_until_it_leaves():
    image, watch = WALL.copy(), watching()
    image[32:64, 80:120] = 220
    assert not changed(watch, image, [[80, 32, 120, 64]]).any()
    assert changed(watch, WALL).sum() == 20


def test_slow_change_adds_up_and_light_alone_is_none():
    watch, image = watching(), WALL.astype(float)
    for _ in range(6):
        image[32:64, 80:120] += 2
        mask = changed(watch, image.astype(np.uint8))
    assert mask.any(), "six steps of 2 are more than 8"
    assert not changed(watching(), WALL + 20).any()


def test_impossible_rules_are_refused():
    with pytest.raises(BadInput, match="slow share"):
        WatchSettings(slow_share=0.5, share=0.2)
