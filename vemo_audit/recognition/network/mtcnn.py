"""The three networks of MTCNN: proposals everywhere, a check, and a last check with five points.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", fig. 2
(doi:10.1109/LSP.2016.2603342). All take RGB pictures `[N, 3, h, w]` as (pixel - 127.5) / 128, and return the share that
is a face and four offsets, each in units of the box that was looked at.
"""

import torch
from torch import Tensor, nn

from vemo_audit.recognition.network import devices
from vemo_audit.recognition.network.load import load_face_detector


class ProposalNet(nn.Module):
    """Slides a 12 x 12 window by 2 pixels: face share `[N, h', w']` and offsets `[N, 4, h', w']`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.pool1 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(pictures)))
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_1(x).softmax(dim=1)[:, 1], self.conv4_2(x)


class FoldedProposalNet(nn.Module):
    """What a `ProposalNet` answers, in two thirds of its time: the first PReLU comes after pooling, on a quarter.

    Where its slope a is not below 0 it never falls, so the largest of four after it is that of the largest. Where a is
    below 0 it is max(x, a x), and the largest of four is that of the largest x and of the largest a x: such channels
    are there twice, once times a. Both last layers are one, and a share is the sigmoid of the difference of its logits.
    """

    def __init__(self, net: ProposalNet) -> None:
        super().__init__()
        slope = net.prelu1.weight
        order = torch.argsort(slope >= 0, stable=True)  # the falling ones first
        self.falling = int((slope < 0).sum())
        twice = order[: self.falling]
        share, shift = net.conv4_1, net.conv4_2
        self.conv1 = _convolution(
            torch.cat((net.conv1.weight[order], net.conv1.weight[twice] * slope[twice, None, None, None])),
            torch.cat((_bias(net.conv1)[order], _bias(net.conv1)[twice] * slope[twice])),
        )
        self.prelu1 = nn.PReLU(len(slope))
        self.prelu1.weight.data = slope[order]
        self.conv2, self.prelu2 = _convolution(net.conv2.weight[:, order], _bias(net.conv2)), net.prelu2
        self.conv3, self.prelu3 = net.conv3, net.prelu3
        self.conv4 = _convolution(
            torch.cat((share.weight[1:] - share.weight[:1], shift.weight)),
            torch.cat((_bias(share)[1:] - _bias(share)[:1], _bias(shift))),
        )

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x = _largest_of_four(self.conv1(pictures))
        once = self.prelu1(x[:, : self.prelu1.num_parameters])
        falling = once[:, : self.falling]
        torch.maximum(falling, x[:, self.prelu1.num_parameters :], out=falling)
        x = self.conv4(self.prelu3(self.conv3(self.prelu2(self.conv2(once)))))
        return x[:, 0].sigmoid(), x[:, 1:]


def _convolution(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    made = nn.Conv2d(weight.shape[1], weight.shape[0], (weight.shape[2], weight.shape[3]))
    made.weight.data, made.bias = weight.detach(), nn.Parameter(bias.detach())
    return made


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None  # noqa: S101 - for the type checker
    return layer.bias


def _largest_of_four(x: Tensor) -> Tensor:
    """Pooling by 2 x 2, a last odd row or column by itself: in channels-last memory a fifth of the library's time."""
    odd_rows, odd_columns = x.shape[2] % 2, x.shape[3] % 2
    if odd_rows or odd_columns:
        x = nn.functional.pad(x, (0, odd_columns, 0, odd_rows), mode="replicate")
    x = torch.maximum(x[:, :, ::2], x[:, :, 1::2])
    return torch.maximum(x[..., ::2], x[..., 1::2])


class RefineNet(nn.Module):
    """Crops `[M, 3, 24, 24]`: face share `[M]` and offsets `[M, 4]`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(crops)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = _column_major(self.prelu3(self.conv3(x)))
        x = self.prelu4(self.dense4(x))
        return self.dense5_1(x).softmax(dim=1)[:, 1], self.dense5_2(x)


class OutputNet(nn.Module):
    """Crops `[M, 3, 48, 48]`: face share, offsets `[M, 4]`, points `[M, 2, 5]` (x, then y, in shares of the box)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.pool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.pool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.pool3 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.pool1(self.prelu1(self.conv1(crops)))
        x = self.pool2(self.prelu2(self.conv2(x)))
        x = self.pool3(self.prelu3(self.conv3(x)))
        x = self.prelu5(self.dense5(_column_major(self.prelu4(self.conv4(x)))))
        return self.dense6_1(x).softmax(dim=1)[:, 1], self.dense6_2(x), self.dense6_3(x).view(-1, 2, 5)


def _column_major(x: Tensor) -> Tensor:
    """`[M, C, h, w]` to `[M, w * h * C]`: the order in which the dense layers were trained."""
    return x.permute(0, 3, 2, 1).flatten(1)


def load_cascade(device: str) -> tuple[FoldedProposalNet, RefineNet, OutputNet]:
    """The three trained networks, ready to infer. Raises BadInput or EvidenceBroken without their weights."""
    trained = (ProposalNet(), RefineNet(), OutputNet())
    for net, stage in zip(trained, ("pnet", "rnet", "onet"), strict=True):
        net.load_state_dict(load_face_detector(stage), strict=True)
    nets = (FoldedProposalNet(trained[0]), *trained[1:])
    for net in nets:
        # Channels last: on a processor three times as fast for one face, and what a GPU's tensor cores ask for.
        net.eval().requires_grad_(False).to(device=devices.exact(device), memory_format=torch.channels_last)
    return nets


def scaled(pictures: Tensor) -> Tensor:
    """Bytes `[N, h, w, 3]` to the networks' input `[N, 3, h, w]` (channels last), on the same device."""
    return pictures.permute(0, 3, 1, 2).to(torch.float32).sub_(127.5).mul_(0.0078125)
