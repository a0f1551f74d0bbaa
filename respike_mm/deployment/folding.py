"""Fold batch norm into the convolution in front of it, for inference."""
from copy import deepcopy

from mmcv.cnn import fuse_conv_bn
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..models.common.conv_norm import ConvNorm


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """A copy of a model whose batch norms are part of their convolutions.

    Spiking convolutions take the scale in their weight and the shift in a new
    bias, which acts at every time step as the norm's did. Elsewhere, in the
    ANN, MMCV's rule applies: a batch norm registered right behind a
    convolution follows it, which holds for ResNets.

    Outputs equal the model's up to rounding, which now and then moves a
    potential across the threshold.

    Args:
        model: In evaluation mode.

    Raises:
        ValueError: If the model is in training mode, where batch norm
            depends on the batch.
    """
    if any(isinstance(m, _BatchNorm) and m.training for m in model.modules()):
        raise ValueError('batch norm can be folded in evaluation mode only; '
                         'call model.eval()')
    model = deepcopy(model)
    for module in model.modules():
        if isinstance(module, ConvNorm):
            _fold_into_conv(module)
    return fuse_conv_bn(model)


def _fold_into_conv(module: ConvNorm) -> None:
    norm = module.norm
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
        return
    if isinstance(module.conv, nn.Sequential):  # pooling, convolution
        module.conv[-1] = fuse_conv_bn_eval(module.conv[-1], norm)
    else:
        module.conv = fuse_conv_bn_eval(module.conv, norm)
    module.norm = nn.Identity()
