"""Blocks that take keyword arguments, such as mmpretrain's Swin stages."""
import copy

import torch
from torch import nn

from respike_mm.models.common.checkpointing import checkpoint_blocks


class Block(nn.Module):

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x, other, scale=1.):
        return scale * self.conv(x).tanh() + other.exp()


class Net(nn.Module):

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block()])

    def forward(self, x, other):
        return self.blocks[0](x, other=other, scale=3.)


def test_same_outputs_and_gradients():
    torch.manual_seed(0)
    plain = Net().double()
    inputs = [torch.randn(1, 2, 5, 5, dtype=torch.float64) for _ in range(2)]
    expected = run(plain, inputs)
    for keep in (False, True):
        net = copy.deepcopy(plain)
        checkpoint_blocks(net, keep_convolutions=keep)
        for found, value in zip(run(net, inputs), expected):
            torch.testing.assert_close(found, value, rtol=0, atol=0)


def run(net, inputs):
    """Output, and gradients of both inputs and the weight."""
    net.zero_grad()
    inputs = [x.clone().requires_grad_() for x in inputs]
    out = net(*inputs)
    out.square().sum().backward()
    return [out.detach(), *(x.grad for x in inputs),
            net.blocks[0].conv.weight.grad]
