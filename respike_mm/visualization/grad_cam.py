"""Grad-CAM of a hybrid network, one branch at a time.

Selvaraju et al., "Grad-CAM". Shapes: ``V`` clips and crops of one video,
``K`` segments of ``s`` frames, ``S = s - 1`` time steps, ``B = V * K``,
``C', h, w`` the target layer's map, ``H, W`` a frame.
"""
from typing import Any, Dict, List, Tuple

import torch
import torch.nn.functional as F
from matplotlib import colormaps
from mmaction.utils import GradCAM
from torch import Tensor, nn

from ..models.recognizers import HybridReSpike
from ..structures import label_of
from .segments import segments_of


def localization_maps(activations: Tensor, gradients: Tensor) -> Tensor:
    """``relu(sum_c mean(gradient_c) * activation_c)``, map by map.

    Args:
        activations, gradients: Of the target layer, ``[..., C', h, w]``.

    Returns:
        ``[..., h, w]``, not normalised.
    """
    weights = gradients.mean((-2, -1), keepdim=True)
    return (weights * activations).sum(-3).relu()


class HybridGradCAM(GradCAM):
    """MMAction2's ``GradCAM`` for :class:`HybridReSpike`.

    The target layer chooses the branch: a layer of the ANN gives a map for
    every key frame, one of the spiking branch a map for every residual frame,
    each from its own time step's gradient. Colours, call and returned values
    are MMAction2's: blended frames ``[V, T, H, W, 3]`` in 0 to 1, ``T`` key
    or residual frames of a clip, and scores.

    Args:
        model: The recognizer; it is put into evaluation mode.
        target_layer_name: Path of the layer, such as ``'backbone/layer4'`` or
            ``'snn_backbone/layer4'``.
        colormap: Matplotlib's name of a colour map.

    Raises:
        ValueError: If the model is another, or there is no such layer.
    """

    # MMAction2's constructor takes Recognizer2D and Recognizer3D only, so it
    # is not called; what it sets is set here.
    def __init__(self,
                 model: nn.Module,
                 target_layer_name: str,
                 colormap: str = 'viridis') -> None:
        if not isinstance(model, HybridReSpike):
            raise ValueError('HybridGradCAM is for HybridReSpike, got '
                             f'{type(model).__name__}; MMAction2 has GradCAM '
                             'for Recognizer2D and Recognizer3D')
        self.model = model.eval()
        self.colormap = colormaps[colormap]
        self.target_activations = self.target_gradients = None
        self._in_snn = target_layer_name.startswith('snn_backbone')
        self._spiking = self._in_snn  # set anew by every call
        try:
            self.target_layer = model.get_submodule(
                target_layer_name.replace('/', '.'))
        except AttributeError as error:
            raise ValueError(f'target layer {target_layer_name!r}: {error}; '
                             'name one such as backbone/layer4') from error

    def _bad_target(self) -> ValueError:
        return ValueError(
            'the target layer must give one map [B, C, H, W] or spiking maps '
            '[S, B, C, H, W] or [S * B, C, H, W]; '
            f'{type(self.target_layer).__name__} does not')

    def _keep(self, layer: nn.Module, args: tuple, output: Any) -> None:
        if not isinstance(output, Tensor) or output.dim() not in (4, 5):
            raise self._bad_target()
        self.target_activations = output.detach()
        output.register_hook(self._keep_gradient)

    def _keep_gradient(self, gradient: Tensor) -> None:
        self.target_gradients = gradient

    @torch.enable_grad()
    def _backward(self, data: Dict[str, Any], use_labels: bool) -> Tensor:
        """Run forward and backward; scores ``[1, num_classes]``."""
        batch = self.model.data_preprocessor(data, False)
        # Without it, nothing reaches the layers of a frozen backbone.
        inputs = batch['inputs'].requires_grad_()
        handle = self.target_layer.register_forward_hook(self._keep)
        try:
            logits, _ = self.model.extract_feat(inputs, stage='head')
        finally:
            handle.remove()
        scores = logits.mean(0)
        label = label_of(batch['data_samples'][0]) if use_labels else int(
            scores.argmax())
        if not 0 <= label < len(scores):
            raise ValueError(f'the sample has no label of this model: {label}')
        self.target_gradients = None
        torch.autograd.grad(scores[label], inputs)
        if self.target_gradients is None:
            raise ValueError('the scores do not depend on the target layer')
        return scores.detach()[None]

    def _by_step(self, maps: Tensor, num_segments: int,
                 num_steps: int) -> Tensor:
        """``[S, B, h, w]`` of spiking maps, ``[B, h, w]`` of others.

        Args:
            maps: The same, or spiking maps ``[S * B, h, w]`` of a layer that
                sees time as more batch.
            num_segments: ``B``.
            num_steps: ``S``.

        Raises:
            ValueError: If there are other numbers of maps.
        """
        # With one step, the numbers do not tell the branches apart.
        merged = len(maps) != num_segments or self._in_snn and num_steps == 1
        if maps.dim() == 3 and merged:
            if len(maps) != num_steps * num_segments:
                raise self._bad_target()
            maps = maps.unflatten(0, (num_steps, num_segments))
        return maps

    def _calculate_localization_map(self,
                                    data: Dict[str, Any],
                                    use_labels: bool,
                                    delta: float = 1e-20
                                    ) -> Tuple[Tensor, Tensor]:
        """Maps ``[V, T, H, W]`` in 0 to 1 by clip, and scores.

        Raises:
            ValueError: If the batch holds more than one video, or the layer
                does not give a map for every key or residual frame.
        """
        if len(data['inputs']) != 1:
            raise ValueError('HybridGradCAM takes one video at a time, got '
                             f'{len(data["inputs"])}')
        scores = self._backward(data, use_labels)
        maps = localization_maps(self.target_activations,
                                 self.target_gradients)
        views, segments, stride, _, height, width = data['inputs'][0].shape
        maps = self._by_step(maps, views * segments, stride - 1)
        self._spiking = maps.dim() == 4
        if self._spiking:  # [S, B, h, w] -> [B, S, h, w] -> [B * S, h, w]
            maps = maps.transpose(0, 1).flatten(0, 1)
        maps = F.interpolate(maps[None], (height, width), mode='bilinear',
                             align_corners=False)[0]
        maps = maps.unflatten(0, (views, -1))  # [V, T, H, W]
        low, high = maps.amin((1, 2, 3), True), maps.amax((1, 2, 3), True)
        return ((maps - low) / (high - low + delta)).cpu(), scores.cpu()

    def _alpha_blending(self, localization_map: Tensor,
                        input_imgs: List[Tensor], alpha: float) -> Tensor:
        """Heat over the key frames, or over the frames of the residuals."""
        heat = torch.from_numpy(
            self.colormap(localization_map.numpy())[..., :3])
        frames = []
        for view in range(len(heat)):
            clip = segments_of(input_imgs[0].cpu(), view)
            if self._spiking:  # every frame but the first of each segment
                numbers = torch.arange(len(clip.frames))
                stride = clip.residual.shape[1] + 1
                frames.append(clip.frames[numbers % stride != 0])
            else:
                frames.append(clip.key)
        return alpha * heat + (1 - alpha) * torch.stack(frames) / 255
