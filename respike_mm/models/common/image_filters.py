"""Start a spiking ResNet from the filters of an image ResNet."""
from mmengine.logging import print_log
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from torch import nn


def spiking_name(name: str) -> str:
    """What :class:`MSResNet` calls a convolution that torchvision calls so."""
    if name == 'conv1.weight':
        return 'stem.conv.weight'
    layer = name.removesuffix('.weight')
    if layer.endswith('downsample.0'):
        layer = layer.replace('downsample.0', 'shortcut')
    return f'{layer}.conv.weight'


@WEIGHT_INITIALIZERS.register_module(name='ImageFilters')
class ImageFiltersInit:
    """Copy the convolutions of an image ResNet that have the same shape.

    An ``init_cfg`` of ``MSResNet`` and its kin, behind the initialisation of
    what the file lacks::

        init_cfg=[dict(type='Kaiming', layer='Conv2d'),
                  dict(type='ImageFilters', checkpoint='resnet18.pt')]

    With ``stem='conv7x7'`` the stem is among them.

    Normalisation is not copied: its scale and shift set how often a neuron
    fires, which an image network knows nothing of. Deviates: the paper trains
    the spiking branch from scratch, for which a few hundred clips are little.

    Args:
        checkpoint: File or address of weights by torchvision's names.

    Raises:
        ValueError: When applied, if no convolution fits.
    """

    def __init__(self, checkpoint: str) -> None:
        self.checkpoint = checkpoint

    def __call__(self, module: nn.Module) -> None:
        weights = CheckpointLoader.load_checkpoint(self.checkpoint, 'cpu')
        weights = weights.get('state_dict', weights)
        own = {n: p for n, p in module.named_parameters() if p.dim() == 4}
        # A shortcut's convolution may have pooling in front of it.
        names = {n.replace('shortcut.conv.1', 'shortcut.conv'): n for n in own}
        fitting = {}
        for theirs, value in weights.items():
            name = names.get(spiking_name(theirs))
            if name and own[name].shape == value.shape:
                fitting[name] = value
        if not fitting:
            raise ValueError(
                f'ImageFilters: no convolution of {self.checkpoint} fits '
                f'{type(module).__name__}; it takes weights by torchvision\'s '
                'names of a ResNet of the same depth and width')
        module.load_state_dict(fitting, strict=False)
        print_log(
            f'ImageFilters: {len(fitting)} of {len(own)} convolutions from '
            f'{self.checkpoint}; kept: {sorted(set(own) - set(fitting))}',
            logger='current')
