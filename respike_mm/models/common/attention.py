"""Transformer block with self- and cross-attention (ReSpike section 4.3).

Shapes: ``B`` sequences, ``L`` query tokens, ``M`` context tokens, ``D``
channels, ``h`` heads of ``d`` channels each (``D = h * d``).
"""
from typing import Optional, Tuple, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .made_again import keep_source
from .pointwise import Linear

gelu_backward = torch.ops.aten.gelu_backward
# A context, or keys and values [B, h, M, d] made of it before.
Context = Union[Tensor, Tuple[Tensor, Tensor]]


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``softmax(Q K^T / sqrt(d)) V`` of ``[B, h, L, d]`` and ``[B, h, M, d]``.

    PyTorch's fused kernel, except in half precision on CPU: its backward pass
    there takes three to ten times as long as that of matrix products.
    """
    if q.device.type != 'cpu' or q.dtype.itemsize > 2:
        return F.scaled_dot_product_attention(q, k, v)
    scores = q * q.shape[-1]**-0.5 @ k.transpose(2, 3)
    return scores.softmax(dim=-1) @ v


class Attention(nn.Module):
    """``softmax(Q K^T / sqrt(d)) V`` over several heads (equations 7, 8).

    Args:
        channels: Width ``D`` of the query tokens.
        head_channels: Width ``d`` of a head.
        context_channels: Width of the context tokens; defaults to
            ``channels``.

    Raises:
        ValueError: If heads of that width do not fill ``channels``.
    """

    def __init__(self,
                 channels: int,
                 head_channels: int,
                 context_channels: Optional[int] = None) -> None:
        super().__init__()
        if channels % head_channels:
            raise ValueError(f'{channels} channels do not divide into heads '
                             f'of {head_channels}; set head_channels')
        context_channels = context_channels or channels
        self.head_channels = head_channels
        self.to_q = Linear(channels, channels, bias=False)
        self.to_k = Linear(context_channels, channels, bias=False)
        self.to_v = Linear(context_channels, channels, bias=False)
        self.to_out = Linear(channels, channels)

    def _split_heads(self, x: Tensor) -> Tensor:
        """``[B, L, D]`` to ``[B, h, L, d]``."""
        return x.unflatten(2, (-1, self.head_channels)).transpose(1, 2)

    def keys_values(self, context: Context) -> Tuple[Tensor, Tensor]:
        """What queries meet; passed on if it has been computed before."""
        if isinstance(context, tuple):
            return context
        return (self._split_heads(self.to_k(context)),
                self._split_heads(self.to_v(context)))

    def _queries(self, x: Tensor, norm: Optional[nn.Module]) -> Tensor:
        q = self.to_q(x) if norm is None else keep_source(norm, self.to_q, x)
        return self._split_heads(q.flatten(1, -2))

    def forward(self, x: Tensor, context: Context,
                norm: Optional[nn.Module] = None) -> Tensor:
        """Let tokens read a context.

        Args:
            x: Query tokens ``[B, L, D]``, or ``[B, ..., L, D]``: every one
                reads the same context, whatever the axes in between mean.
            context: Context tokens ``[B, M, D']``, or what
                :meth:`keys_values` made of them.
            norm: Normalises the query tokens first.

        Returns:
            The shape of ``x``.
        """
        out = attend(self._queries(x, norm), *self.keys_values(context))
        return self.to_out(out.transpose(1, 2).reshape(x.shape))

    def weights(self, x: Tensor, context: Context,
                norm: Optional[nn.Module] = None) -> Tensor:
        """The softmax matrix ``[B, h, ..., L, M]`` that the call applies."""
        q = self._queries(x, norm)
        k, _ = self.keys_values(context)
        scores = q @ k.transpose(2, 3) * self.head_channels**-0.5
        return scores.softmax(dim=-1).unflatten(2, x.shape[1:-1])


class _GEGLU(torch.autograd.Function):
    """``value * gelu(gate)``; saves its input alone.

    Autograd would keep ``gelu(gate)`` too, and put the gradients of the two
    halves together in a copy.
    """

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        value, gate = x.chunk(2, dim=-1)
        return F.gelu(gate).mul_(value)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tensor:
        x, = ctx.saved_tensors
        grad_x = torch.empty_like(x)
        (value, gate), grads = x.chunk(2, -1), grad_x.chunk(2, -1)
        torch.mul(grad, F.gelu(gate), out=grads[0])
        grads[1].copy_(gelu_backward(grad * value, gate))
        return grad_x


def geglu(x: Tensor) -> Tensor:
    """Gated GELU, ``[..., 2 D]`` (value, gate) to ``[..., D]``."""
    value, gate = x.chunk(2, dim=-1)
    if torch.compiler.is_compiling():  # it decides itself what to keep
        return F.gelu(gate) * value
    if torch.is_grad_enabled() and x.requires_grad:
        return _GEGLU.apply(x)
    return F.gelu(gate).mul_(value)


class GEGLUFeedForward(nn.Module):
    """Two linear layers around a gated GELU; inner width ``ratio * D``."""

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        self.proj_in = Linear(channels, 2 * ratio * channels)
        self.proj_out = Linear(ratio * channels, channels)

    def forward(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Tokens ``[..., D]``, normalised first, to ``[..., D]``."""
        hidden = keep_source(norm, self.proj_in, x)
        return keep_source(geglu, self.proj_out, hidden)


class CrossAttentionBlock(nn.Module):
    """Self-attention, cross-attention and feed-forward, each pre-normed.

    Args:
        channels: Width ``D`` of the spiking tokens.
        context_channels: Width of the key-frame tokens.
        head_channels: Width of an attention head.
    """

    def __init__(self, channels: int, context_channels: int,
                 head_channels: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.self_attn = Attention(channels, head_channels)
        self.norm2 = nn.LayerNorm(channels)
        self.cross_attn = Attention(channels, head_channels, context_channels)
        self.norm3 = nn.LayerNorm(channels)
        self.feed_forward = GEGLUFeedForward(channels)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """Fuse all time steps with one key frame.

        Args:
            x: Spiking tokens ``[S, N, L, D]``.
            context: Key-frame tokens ``[N, M, D']``, or their keys and
                values.

        Returns:
            The shape of ``x``.
        """
        num_steps, batch = x.shape[:2]
        x = x.flatten(0, 1)  # [S * N, L, D]
        y = self.norm1(x)
        x = self.self_attn(y, y) + x
        # [N, S, L, D]: the queries of all steps meet one key frame, whose
        # keys and values are thus computed once, not once a step.
        x = x.unflatten(0, (num_steps, batch)).transpose(0, 1)
        x = self.cross_attn(x, context, self.norm2) + x
        x = self.feed_forward(x, self.norm3) + x
        return x.transpose(0, 1)
