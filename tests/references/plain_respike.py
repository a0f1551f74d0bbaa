"""ReSpike written plainly: the oracle of the package's fast paths.

The spiking network runs one time step after another with spikingjelly's
single-step neurons, attention is two matrix products around a softmax, and
keys and values are computed at every step. Batch norm over time and batch
together needs all steps at a layer at once; the network then runs one layer
after another, with spikingjelly's multi-step neurons. Nothing comes from the
package; parameters and buffers carry the same names, so state dicts load
strictly.

Shapes: ``N`` clips of ``T`` frames, ``B`` segments of ``s`` frames in all,
``S = s - 1`` time steps, ``C, H, W`` a map, ``L, M`` tokens, ``D`` channels.
"""
from typing import Sequence

import torch
import torch.nn.functional as F
from spikingjelly.activation_based import functional, neuron, surrogate
from torch import Tensor, nn


def lif() -> nn.Module:
    """The authors' neuron: ``V <- 0.25 V + 0.75 X``, threshold 1."""
    return neuron.LIFNode(
        tau=4 / 3,
        decay_input=True,
        v_threshold=1.,
        v_reset=0.,
        surrogate_function=surrogate.ATan(alpha=2.),
        detach_reset=True)


def norm_merged(x: Tensor, norm: nn.BatchNorm2d, num_steps: int) -> Tensor:
    """Batch norm of ``[S * B, C, H, W]`` by the statistics of all of it.

    The running statistics keep as much of their old values as ``S`` updates
    would leave.
    """
    mean, var = norm.running_mean, norm.running_var
    if norm.training:
        kept, count = (1 - norm.momentum)**num_steps, x[:, 0].numel()
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        unbiased = var.detach() * count / (count - 1)
        norm.running_mean.mul_(kept).add_((1 - kept) * mean.detach())
        norm.running_var.mul_(kept).add_((1 - kept) * unbiased)
        norm.num_batches_tracked += 1
    mean, var, weight, bias = (
        y.view(-1, 1, 1) for y in (mean, var, norm.weight, norm.bias))
    return (x - mean) / (var + norm.eps).sqrt() * weight + bias


class ConvNorm(nn.Module):
    """One step ``[B, C, H, W]``, or all of them ``[S, B, C, H, W]``."""

    def __init__(self, conv: nn.Module, channels: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4:
            return self.norm(self.conv(x))
        out = norm_merged(self.conv(x.flatten(0, 1)), self.norm, len(x))
        return out.unflatten(0, x.shape[:2])


class Block(nn.Module):

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        self.lif1, self.lif2 = lif(), lif()
        self.conv1 = ConvNorm(
            nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), channels)
        self.conv2 = ConvNorm(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), channels)
        self.shortcut = nn.Identity()
        if stride > 1 or inputs != channels:
            self.shortcut = ConvNorm(
                nn.Sequential(
                    nn.AvgPool2d(stride),
                    nn.Conv2d(inputs, channels, 1, bias=False)), channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(self.lif2(self.conv1(self.lif1(x))))
        return out + self.shortcut(x)


class SpikingResNet(nn.Module):

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        self.stem = ConvNorm(
            nn.Conv2d(3, base_channels, 3, 2, 1, bias=False), base_channels)
        inputs = base_channels
        for i in range(4):
            channels = base_channels * 2**i
            self.add_module(
                f'layer{i + 1}',
                nn.Sequential(
                    Block(inputs, channels, 2), Block(channels, channels, 1)))
            inputs = channels


class Attention(nn.Module):

    def __init__(self, channels: int, context: int, head: int) -> None:
        super().__init__()
        self.head = head
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(context, channels, bias=False)
        self.to_v = nn.Linear(context, channels, bias=False)
        self.to_out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        batch, _, channels = x.shape
        q, k, v = (
            y.view(batch, -1, channels // self.head, self.head).transpose(1, 2)
            for y in (self.to_q(x), self.to_k(context), self.to_v(context)))
        scores = torch.matmul(q, k.transpose(2, 3)) / self.head**0.5
        out = torch.matmul(scores.softmax(dim=-1), v)  # [B, h, L, d]
        return self.to_out(out.transpose(1, 2).reshape(x.shape))


class FeedForward(nn.Module):

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj_in = nn.Linear(channels, 8 * channels)
        self.proj_out = nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj_in(x).chunk(2, dim=-1)
        return self.proj_out(value * F.gelu(gate))


class TransformerBlock(nn.Module):

    def __init__(self, channels: int, context: int, head: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)
        self.self_attn = Attention(channels, channels, head)
        self.cross_attn = Attention(channels, context, head)
        self.feed_forward = FeedForward(channels)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        y = self.norm1(x)
        x = self.self_attn(y, y) + x
        x = self.cross_attn(self.norm2(x), context) + x
        return self.feed_forward(self.norm3(x)) + x


class Fusion(nn.Module):
    """Fusion of one step's map with the key frame's, the authors' way."""

    def __init__(self, channels: int, context: int, reduction: int, head: int,
                 groups: int) -> None:
        super().__init__()
        self.reduction = reduction
        self.norm = nn.GroupNorm(groups, channels, eps=1e-6)
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.block = TransformerBlock(channels, context, head)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        size = x.shape[2:]
        if self.reduction > 1:
            x = F.avg_pool2d(x, self.reduction)
            context = F.avg_pool2d(context, self.reduction)
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)
        tokens = self.block(tokens, context.flatten(2).transpose(1, 2))
        x = self.proj_out(tokens.transpose(1, 2).reshape(x.shape)) + x
        if self.reduction > 1:
            x = F.interpolate(x, size, mode='bilinear')
        return x


class PlainReSpike(nn.Module):
    """The whole network.

    Args:
        ann: Key-frame backbone that gives its four stages.
        context_channels: Widths of those stages.
        num_classes: Number of classes.
        base_channels: Width of the spiking network's first stage.
        reductions: Pooling in front of the attention, per stage.
        head_channels: Width of an attention head.
        num_groups: Groups of the fusion's first normalisation.
        norm_mode: Batch statistics of the spiking network in training: of
            every time step alone (``'per_step'``), or of all (``'merged'``).
    """

    def __init__(self,
                 ann: nn.Module,
                 context_channels: Sequence[int],
                 num_classes: int,
                 base_channels: int = 64,
                 reductions: Sequence[int] = (4, 2, 1, 1),
                 head_channels: int = 32,
                 num_groups: int = 32,
                 norm_mode: str = 'per_step') -> None:
        super().__init__()
        self.backbone = ann
        self.snn_backbone = SpikingResNet(base_channels)
        self.all_steps_at_once = norm_mode == 'merged'
        if self.all_steps_at_once:
            functional.set_step_mode(self.snn_backbone, 'm')
        self.neck = nn.Module()
        self.neck.blocks = nn.ModuleDict({
            str(i): Fusion(base_channels * 2**i, context_channels[i],
                           reductions[i], head_channels, num_groups)
            for i in range(4)
        })
        self.cls_head = nn.Module()
        self.cls_head.fc_cls = nn.Linear(
            context_channels[-1] + 8 * base_channels, num_classes)

    def spiking_map(self, x: Tensor, context: Sequence[Tensor]) -> Tensor:
        """Residual frames of one step or of all, by their dimensions."""
        x = self.snn_backbone.stem(x)
        for i, key_map in enumerate(context):
            x = getattr(self.snn_backbone, f'layer{i + 1}')(x)
            fuse = self.neck.blocks[str(i)]
            if x.dim() == 4:
                x = fuse(x, key_map)
            else:
                x = torch.stack([fuse(step, key_map) for step in x])
        return x

    def forward(self, clip: Tensor, stride: int) -> Tensor:
        """Normalised clips ``[N, T, 3, H, W]`` to logits."""
        segments = clip.unflatten(1, (-1, stride)).flatten(0, 1)
        context = self.backbone(segments[:, 0])
        steps = (segments[:, t] - segments[:, 0] for t in range(1, stride))
        if self.all_steps_at_once:
            maps = self.spiking_map(torch.stack(tuple(steps)), context)
        else:
            maps = [self.spiking_map(step, context) for step in steps]
        # At rest for the next clip; their potentials would also hold on to
        # this one's graph.
        functional.reset_net(self.snn_backbone)
        spiking = sum(maps) / len(maps)
        pooled = torch.cat([context[-1].mean((2, 3)), spiking.mean((2, 3))], 1)
        logits = self.cls_head.fc_cls(pooled)  # [B, classes]
        return logits.view(len(clip), -1, logits.shape[1]).mean(1)
