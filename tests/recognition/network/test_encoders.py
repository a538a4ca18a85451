"""Encoders: shapes of tokens and maps, the same token by both roads, and names that are known or refused."""

import pytest
import torch
from torch import nn

from vemo_audit.errors import BadInput
from vemo_audit.recognition.network.encoders import ENCODERS, encoder
from vemo_audit.recognition.network.vit import VisionTransformer


class Tiny(nn.Module):
    token_size = 1

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return crops.mean(dim=(1, 2, 3))[:, None]


@pytest.mark.parametrize(
    ("name", "side", "channels", "cells"),
    [("resnet18-w24", 48, 48, 12), ("vit-tiny", 48, 192, 6), ("vit-tiny-112", 112, 192, 7)],
)
def test_maps_come_with_the_same_tokens(name: str, side: int, channels: int, cells: int) -> None:
    torch.manual_seed(0)
    made = encoder(name).eval().requires_grad_(False)
    crops = torch.rand(2, 1, side, side) * 2 - 1
    tokens, maps = made.maps(crops)
    assert tokens.shape == (2, made.token_size) and maps.shape == (2, channels, cells, cells)
    assert made.map_size == channels
    torch.testing.assert_close(tokens, made(crops))
    torch.testing.assert_close(made(crops.expand(2, 3, side, side)), tokens, atol=1e-4, rtol=1e-4)


def test_the_small_transformer_has_the_stated_size_and_refuses_other_pictures() -> None:
    made = VisionTransformer(48, 8)
    assert 2.6e6 < sum(p.numel() for p in made.parameters()) < 2.9e6
    with pytest.raises(BadInput, match="48 x 48"):
        made(torch.zeros(1, 1, 64, 64))


def test_anybodys_module_is_an_encoder_by_its_name() -> None:
    assert encoder(f"{__name__}:Tiny")(torch.ones(2, 1, 4, 4)).shape == (2, 1)
    with pytest.raises(BadInput, match=", ".join(ENCODERS)):
        encoder("resnet9000")
    with pytest.raises(BadInput, match="token_size"):
        encoder("torch.nn:ReLU")
