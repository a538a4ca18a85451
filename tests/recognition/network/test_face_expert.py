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


def trained(name: str) -> torch.nn.Module:
    """An encoder whose norms have seen something: at their beginning they do nothing, and folding would be no feat."""
    torch.manual_seed(2)
    encoder = ENCODERS[name]()
    for part in encoder.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            for tensor in (part.weight.data, part.running_var):
                tensor.uniform_(0.5, 1.5)
            for tensor in (part.bias.data, part.running_mean):
                tensor.normal_(0, 0.3)
    return encoder.eval()


def apart(one: torch.nn.Module, other: torch.nn.Module) -> float:
    crops = torch.rand(5, 1, 48, 48, generator=torch.Generator().manual_seed(3)) * 2 - 1
    with torch.no_grad():
        return float((one(crops) - other(crops)).abs().max())


def test_folded_norms_answer_as_before_and_leave_the_original_alone() -> None:
    encoder = trained("resnet18-w24")
    names, folded = list(encoder.state_dict()), encoder.folded()
    assert apart(encoder, folded) < 1e-5 and list(encoder.state_dict()) == names
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())


def test_a_norm_that_is_left_out_shows() -> None:
    """Seeded fault: one norm is dropped instead of folded."""
    encoder = trained("resnet18-w24")
    folded = encoder.folded()
    folded.stages[1][0].conv2 = encoder.stages[1][0].conv2
    assert apart(encoder, folded) > 1e-3


def test_what_is_built_reads_by_the_folded_encoder_and_keeps_its_weights() -> None:
    settings = FaceExpertSettings(encoder="resnet18-w24", units=20)
    expert = FaceExpert(settings).eval()
    expert.encoder = trained("resnet18-w24")
    built = build(settings, expert.state_dict())
    crops = torch.randint(0, 256, (3, 1, 48, 48), dtype=torch.uint8)
    assert built.folded is not None and built.encoder.state_dict().keys() == expert.encoder.state_dict().keys()
    torch.testing.assert_close(built.tokens_once(crops), expert.tokens_once(crops), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(built.tokens(crops), expert.tokens(crops), atol=1e-5, rtol=1e-5)
