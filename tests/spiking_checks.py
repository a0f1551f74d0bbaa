"""What every spiking backbone must do, and a neuron to compare it with."""
from typing import Iterable

import torch
from torch import Tensor, nn


class ReferenceNeuron:
    """LIF neuron that takes one time step a call, written apart from ours."""

    def __init__(self, decay: float, gain: float, threshold: float) -> None:
        self.decay, self.gain, self.threshold = decay, gain, threshold
        self.potential = 0.

    def __call__(self, x: Tensor) -> Tensor:
        charged = self.decay * self.potential + self.gain * x
        spikes = (charged >= self.threshold).to(x)
        self.potential = charged * (1 - spikes)
        return spikes

    def run(self, steps: Iterable[Tensor]) -> Tensor:
        """Spikes of a whole sequence ``[S, ...]``."""
        return torch.stack([self(x) for x in steps])


def settle(net: nn.Module, frames: Tensor) -> nn.Module:
    """Evaluation mode, with statistics that let the neurons fire."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # plain average over all steps
    with torch.no_grad():
        net(frames)
        net(frames)
    return net.eval()


@torch.no_grad()
def check_clips(net: nn.Module, clips: Tensor) -> None:
    """Clips are independent, steps are in order, nothing is remembered.

    Args:
        net: Backbone in evaluation mode, ``num_steps`` set.
        clips: Two clips ``[2, S, C, H, W]``.
    """

    def run(clips):
        return net(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])

    both = run(clips)
    assert both.unique().numel() > 1
    torch.testing.assert_close(run(clips), both, rtol=0, atol=0)
    torch.testing.assert_close(run(clips[:1]), both[:1])
    torch.testing.assert_close(run(clips[1:]), both[1:])
    # The order of the frames counts, not only which they are.
    assert (run(clips.flip(1)).sum(1) - both.sum(1)).abs().max() > 0
    # A step knows the past alone.
    late = clips.clone()
    late[:, -1] = -late[:, -1]
    changed = (run(late) - both).flatten(2).abs().sum((0, 2)) > 0
    assert changed.tolist() == [False] * (clips.shape[1] - 1) + [True]


def check_gradients(net: nn.Module, frames: Tensor) -> None:
    """Every parameter gets a finite gradient that is not zero."""
    out = net(frames)
    (out * torch.randn_like(out)).sum().backward()
    for name, param in net.named_parameters():
        assert param.grad.isfinite().all(), name
        assert param.grad.any(), name
