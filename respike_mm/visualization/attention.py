"""Where a spiking token looks in the key frame (ReSpike figure 4).

Shapes: ``S`` time steps, ``B`` segments of all clips, ``h`` heads, ``L``
query tokens on a grid, ``M`` key-frame tokens on a grid, ``H, W`` a frame.
"""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Size = Tuple[int, int]


class StageAttention(NamedTuple):
    """Cross-attention of one stage.

    Args:
        weights: ``[S, B, h, L, M]``, each row sums to one.
        query_grid: Rows and columns of the ``L`` query tokens.
        key_grid: Rows and columns of the ``M`` key-frame tokens.
    """
    weights: Tensor
    query_grid: Size
    key_grid: Size

    def row(self,
            step: int,
            segment: int,
            query: int,
            head: Optional[int] = None) -> Tensor:
        """Weights ``[M]`` of one query token.

        Args:
            step: Time step, counted from 0.
            segment: Which of the ``B`` segments.
            query: Which of the ``L`` tokens.
            head: Which head; None is the mean of all.

        Raises:
            ValueError: If there is no such step, segment, token or head.
        """
        for name, index, size in zip(
                ('step', 'segment', 'head', 'query token'),
                (step, segment, head or 0, query), self.weights.shape):
            if not 0 <= index < size:
                raise ValueError(f'there is no {name} {index}: they are 0 to '
                                 f'{size - 1}')
        heads = self.weights[step, segment, :, query]
        return heads.mean(0) if head is None else heads[head]


def _pooled(size: Size, factor: int) -> Size:
    return -(-size[0] // factor), -(-size[1] // factor)


@torch.no_grad()
def attention_of(model: nn.Module, data: Dict[str, Any]
                 ) -> Tuple[Dict[int, StageAttention], list]:
    """Run a batch and record the cross-attention of every stage that fuses.

    Args:
        model: A ``HybridReSpike`` with a ``CrossAttentionNeck``.
        data: A batch as the test pipeline and ``pseudo_collate`` give it.

    Returns:
        Attention by stage, counted from 0, and the predictions.

    Raises:
        ValueError: If the model has no cross-attention.
    """
    neck = getattr(model, 'neck', None)
    if not hasattr(neck, 'record_attention'):
        raise ValueError(f'{type(model).__name__} has no cross-attention: the '
                         'config needs neck=dict(type="CrossAttentionNeck")')
    grids, handles = {}, []
    for name, block in neck.blocks.items():

        def record(block, args, stage=int(name)):
            grids[stage] = tuple(
                _pooled(x.shape[-2:], block.reduction) for x in args)

        handles.append(block.register_forward_pre_hook(record))
    try:
        with neck.record_attention() as weights:
            predictions = model.test_step(data)
    finally:
        for handle in handles:
            handle.remove()
    return {
        stage: StageAttention(weights[stage], *grids[stage])
        for stage in weights
    }, predictions


def token_at(x: int, y: int, frame_size: Size, grid: Size) -> int:
    """Token whose cell covers a pixel.

    Args:
        x, y: Column and row of the pixel.
        frame_size: ``(H, W)`` of the frame that the network sees.
        grid: Rows and columns of tokens.

    Raises:
        ValueError: If the pixel lies outside the frame.
    """
    height, width = frame_size
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f'query {x}, {y} lies outside the frame: x is 0 to '
                         f'{width - 1}, y is 0 to {height - 1} after cropping')
    return (y * grid[0] // height) * grid[1] + x * grid[1] // width


def busiest_token(residual: Tensor, grid: Size) -> int:
    """Token with the largest motion energy.

    Args:
        residual: Residual frame ``[H, W, 3]``; energy is the mean square.
        grid: Rows and columns of tokens.
    """
    energy = residual.double().square().mean(-1)
    return int(F.adaptive_avg_pool2d(energy[None], grid).argmax())


def top_tokens(row: Tensor, k: int) -> List[int]:
    """The ``k`` tokens with the largest weights, the largest first.

    Args:
        row: Weights ``[M]``.
        k: How many.

    Raises:
        ValueError: If there are not so many tokens.
    """
    if not 1 <= k <= len(row):
        raise ValueError(f'top-k must be from 1 to {len(row)}, the number of '
                         f'key-frame tokens at this stage, got {k}')
    return row.topk(k).indices.tolist()


def cell_box(token: int, frame_size: Size, grid: Size
             ) -> Tuple[float, float, float, float]:
    """Left, top, width and height of a token's cell, in pixels."""
    height, width = frame_size[0] / grid[0], frame_size[1] / grid[1]
    row, column = divmod(token, grid[1])
    return column * width, row * height, width, height
