"""MMAction2's ``VisualizationHook`` passes ``show``, which its visualizer does
not take, and permutes every input as if it were ``[C, T, H, W]``, which no
stock pipeline packs. It is given its inputs as it expects them."""
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Sequence

from .patching import when_imported, wrap

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def clip_for_display(inputs: 'Tensor') -> 'np.ndarray':
    """Turn the packed inputs of one sample into frames to look at.

    Notation for the shapes: ``M`` frames, ``V`` views, ``T`` frames of a
    view, ``K`` key frames of a view, each the first of ``s`` frames.

    Args:
        inputs: RGB frames as ``[M, C, H, W]`` or ``[V, C, T, H, W]``, or key
            frames with residuals as ``[V, K, s, C, H, W]``: ``[:, :, 0]`` are
            the key frames and the others are frame minus key frame, or
            frames where the segments are uint8.

    Returns:
        The frames of the first view as ``[T, H, W, C]`` uint8.

    Raises:
        ValueError: If the shape is none of these.
    """
    import torch
    channel = {4: 1, 5: 1, 6: 3}.get(inputs.ndim)
    if channel is None or inputs.shape[channel] != 3:
        raise ValueError(
            'can show RGB inputs of shape [M, 3, H, W], [V, 3, T, H, W] or '
            f'[V, K, s, 3, H, W], but got {list(inputs.shape)}')
    if inputs.ndim == 4:
        frames = inputs
    elif inputs.ndim == 5:
        frames = inputs[0].transpose(0, 1)  # [T, C, H, W]
    else:
        view = inputs[0]  # [K, s, C, H, W]
        if view.dtype != torch.uint8:
            key = view[:, :1]
            view = torch.cat([key, key + view[:, 1:]], dim=1)
        frames = view.flatten(0, 1)
    frames = frames.clamp(0, 255).to(torch.uint8)
    return frames.permute(0, 2, 3, 1).cpu().numpy()


class _ChannelFirstClips:
    """Serves inputs as the ``[C, T, H, W]`` that the hook permutes back."""

    def __init__(self, inputs: Sequence['Tensor']) -> None:
        self.inputs = inputs

    def __getitem__(self, index: int) -> 'Tensor':
        import torch
        frames = torch.from_numpy(clip_for_display(self.inputs[index]))
        return frames.permute(3, 0, 1, 2)


def _rename_show(init: Callable) -> Callable:

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self.draw_args['show_frames'] = self.draw_args.pop('show')

    return __init__


def _convert_inputs(draw_samples: Callable) -> Callable:

    def _draw_samples(self, batch_idx: int, data_batch: dict,
                      data_samples: Sequence, step: int = 0) -> None:
        data_batch = {
            **data_batch, 'inputs': _ChannelFirstClips(data_batch['inputs'])
        }
        draw_samples(self, batch_idx, data_batch, data_samples, step=step)

    return _draw_samples


def _patch(hook: ModuleType) -> None:
    from mmaction.visualization import ActionVisualizer
    if 'show' not in signature(ActionVisualizer.add_datasample).parameters:
        wrap(hook.VisualizationHook, '__init__', _rename_show)
        wrap(hook.VisualizationHook, '_draw_samples', _convert_inputs)


def apply() -> None:
    """Make ``VisualizationHook`` work, for key and residual frames too."""
    when_imported('mmaction.engine.hooks.visualization_hook', _patch)
