"""Counting of weighted sums: convolutions, matrix products, attention.

Shapes: ``N`` batch times time, ``C`` channels in, ``D`` channels out, ``m, k,
n`` rows, inner size and columns of a matrix product, ``B`` batch of products;
``L`` query and ``M`` context tokens, ``d`` channels of each head.
"""
from math import prod
from typing import Callable, List, Optional, Sequence

import torch
from torch import Tensor

from .spikes import count_ones, is_binary, spikes_and_reach
from .work import Work


def kind_of(ones: Optional[int]) -> str:
    """Input kind from the ones of a binary tensor, None for others."""
    if ones is None:
        return 'float'
    return 'spike' if ones else 'silent'


def conv_macs(x_shape: Sequence[int], weight_shape: Sequence[int],
              out_shape: Sequence[int], transposed: bool) -> int:
    """Dense multiply-accumulates (paper, eq. 9), zero padding included.

    Args:
        x_shape: ``[N, C, *spatial]``.
        weight_shape: ``[D, C / groups, *kernel]``; transposed
            ``[C, D / groups, *kernel]``.
        out_shape: ``[N, D, *spatial]``.
        transposed: Whether it is a transposed convolution.
    """
    places = (x_shape if transposed else out_shape)[2:]
    return x_shape[0] * prod(places) * prod(weight_shape)


def conv(x: Tensor, weight: Tensor, bias: Optional[Tensor],
         stride: Sequence[int], padding: Sequence[int],
         dilation: Sequence[int], transposed: bool,
         output_padding: Sequence[int], groups: int, out: Tensor,
         look: bool) -> Work:
    """A convolution, with the arguments of ``aten.convolution``.

    A spike drives one addition for every output it reaches: at the border,
    under a stride and with groups fewer than kernel times channels. ``look``
    says whether to look for spikes among the inputs.
    """
    macs = conv_macs(x.shape, weight.shape, out.shape, transposed)
    biases = 0 if bias is None else bias.numel()
    work = Work(
        'conv',
        kind='float',
        macs=macs,
        inputs=x.numel(),
        outputs=out.numel(),
        adds=out.numel() if biases else 0,
        baseline_flops=macs,
        input_words=prod(x.shape[1:]),
        weight_words=weight.numel() + biases,
        kernel_words=out.shape[1] * prod(weight.shape[2:]),
        output_words=prod(out.shape[1:]))
    if look and is_binary(x):
        spatial = len(x.shape) - 2
        axes = tuple(
            (*sizes, transposed) for sizes in zip(
                x.shape[2:], out.shape[2:], weight.shape[2:],
                _per_axis(stride, spatial), _per_axis(padding, spatial),
                _per_axis(dilation, spatial)))
        work.spikes, taps = spikes_and_reach(x, axes)
        work.kind = kind_of(work.spikes)
        work.accumulates = taps * (out.shape[1] // groups)
    return work


def _per_axis(value: Sequence[int], axes: int) -> Sequence[int]:
    """aten allows one value for all axes."""
    return value if len(value) == axes else tuple(value) * axes


def product(op: str, x: Tensor, y: Tensor, look_x: bool,
            look_y: bool) -> Work:
    """A matrix product ``[*B, m, k] @ [*B, k, n]``.

    Either operand may be spikes. Where both are, a pair of ones drives one
    addition, and the rate is that of the first.

    Args:
        op: How to call the operation.
        x, y: The operands.
        look_x, look_y: Whether to look for spikes among them. Weights are
            none, even where they are all zero or one.
    """
    batch, (m, k), n = prod(x.shape[:-2]), x.shape[-2:], y.shape[-1]
    macs = batch * m * k * n
    work = Work(
        op,
        kind='float',
        macs=macs,
        inputs=x.numel(),
        outputs=batch * m * n,
        baseline_flops=macs,
        input_words=k,
        weight_words=k * n,
        output_words=n)
    ones_x = count_ones(x) if look_x and is_binary(x) else None
    ones_y = count_ones(y) if look_y and is_binary(y) else None
    if ones_x is not None and ones_y is not None:
        pairs = (x.sum(-2, dtype=torch.float64) *
                 y.sum(-1, dtype=torch.float64)).sum()
        work.kind, work.spikes = kind_of(ones_x), ones_x
        work.accumulates = int(pairs.item())
    elif ones_x is not None:
        work.kind, work.spikes = kind_of(ones_x), ones_x
        work.accumulates = ones_x * n
    elif ones_y:
        # An all-zero second operand does not make a float one spikes.
        work.kind, work.spikes, work.inputs = 'spike', ones_y, y.numel()
        work.accumulates = ones_y * m
        # As in the transposed product, where its columns are the rows.
        work.weight_words, work.output_words = m * k, m
    return work


def attention(query: Tensor, key: Tensor, value: Tensor, masked: bool,
              look: Callable[[str], bool]) -> List[Work]:
    """``softmax(Q K^T / sqrt(d)) V`` as three operations (paper, eq. 7).

    Args:
        query: ``[..., L, d]``.
        key: ``[..., M, d]``; may have fewer heads than the query.
        value: ``[..., M, d']``.
        masked: Whether a mask is added to the scores; masked pairs are
            computed all the same.
        look: Whether to look for spikes in the operation of that name.
    """
    groups = prod(query.shape[:-2]) // prod(key.shape[:-2])
    # Heads that share a key are more rows of the same product.
    rows = query.reshape(*key.shape[:-2], groups * query.shape[-2],
                         query.shape[-1])
    first, second = 'attention Q K^T', 'attention A V'
    scores = product(first, rows, key.transpose(-1, -2), look(first),
                     look(first))
    pairs = scores.outputs
    scores.muls = pairs  # 1 / sqrt(d)
    scores.adds = pairs if masked else 0
    # The weights are not handed out; only their shape matters.
    weights = rows.new_empty((), device='meta').expand(
        *rows.shape[:-1], key.shape[-2])
    mixed = product(second, weights, value, False, look(second))
    return [scores, softmax(pairs, prod(rows.shape[:-1]), 'attention softmax'),
            mixed]


def softmax(size: int, rows: int, op: str = 'softmax') -> Work:
    """Maximum, shift, exponential, sum; one division a row, then scaling."""
    return Work(
        op,
        inputs=size,
        outputs=size,
        compares=size - rows,
        adds=2 * size - rows,
        specials=size + rows,
        muls=size)
