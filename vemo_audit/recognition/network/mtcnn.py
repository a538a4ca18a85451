"""The three networks of MTCNN: proposals everywhere, a check, and a last check with five points.

Source: Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks", fig. 2
(doi:10.1109/LSP.2016.2603342). All take RGB pictures `[N, 3, h, w]` as (pixel - 127.5) / 128, and return the share that
is a face and four offsets, each in units of the box that was looked at.
"""

import torch
from torch import Tensor, nn

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


def load_cascade(device: str) -> tuple[ProposalNet, RefineNet, OutputNet]:
    """The three trained networks, ready to infer. Raises BadInput or EvidenceBroken without their weights."""
    nets = (ProposalNet(), RefineNet(), OutputNet())
    for net, stage in zip(nets, ("pnet", "rnet", "onet"), strict=True):
        net.load_state_dict(load_face_detector(stage), strict=True)
        # Channels last: on a processor three times as fast for one face, and what a GPU's tensor cores ask for.
        net.eval().requires_grad_(False).to(device=device, memory_format=torch.channels_last)
    return nets


def scaled(pictures: Tensor) -> Tensor:
    """Bytes `[N, h, w, 3]` to the networks' input `[N, 3, h, w]` (channels last), on the same device."""
    return pictures.permute(0, 3, 1, 2).to(torch.float32).sub_(127.5).mul_(0.0078125)
