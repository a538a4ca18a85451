"""The face expert: shapes, blindness to colour, mirror symmetry, and weights that must fit."""

import pytest
import torch

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.encoders import ENCODERS, to_luma
from vemo_audit.recognition.network.face_expert import FaceExpert, FaceExpertSettings, build


def test_tokens_are_eight_times_the_width() -> None:
    encoder = ENCODERS["resnet18-w24"]().eval()
    assert encoder(torch.zeros(2, 1, 48, 48)).shape == (2, 192) and encoder.token_size == 192


def test_grey_in_three_channels_equals_grey_in_one() -> None:
    grey = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(to_luma(grey.expand(2, 3, 8, 8)), grey)


def test_luma_weighs_the_channels_as_the_standard_says() -> None:
    green = torch.zeros(1, 3, 1, 1)
    green[0, 1] = 1
    assert to_luma(green).item() == pytest.approx(0.587)


def test_a_face_and_its_mirror_image_get_the_same_token() -> None:
    torch.manual_seed(1)
    expert = FaceExpert(FaceExpertSettings(encoder="resnet18-w24")).eval()
    crops = torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8)
    torch.testing.assert_close(expert.tokens(crops), expert.tokens(crops.flip(3)), atol=1e-5, rtol=1e-5)


def test_weights_that_do_not_fit_are_refused() -> None:
    settings = FaceExpertSettings(encoder="resnet18-w24")
    weights = FaceExpert(settings).state_dict()
    weights.pop("head.linear.bias")
    with pytest.raises(BadInput, match="do not fit"):
        build(settings, weights)


def test_an_unknown_encoder_is_named_with_those_that_exist() -> None:
    with pytest.raises(BadInput, match="resnet18-half"):
        FaceExpertSettings(encoder="resnet9000")
