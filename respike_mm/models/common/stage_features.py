"""Turn any image backbone into one that yields its four stages."""
import inspect
from contextlib import contextmanager, nullcontext
from typing import Iterator, List, Optional, Sequence, Set, Tuple, Union

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

# Which argument makes each library's backbones return every stage.
_STAGE_OPTIONS = {
    'timm': dict(features_only=True, out_indices=(-4, -3, -2, -1)),
    'torchvision': dict(),
    'openmmlab': dict(out_indices=(0, 1, 2, 3)),
}
# Sizes of frames to try a backbone with. The first is cheap, and wider than
# high, so that a channels-last map shows; some transformers need the second.
_PROBE_SIZES = ((64, 96), (224, 224))


def with_stage_outputs(backbone: dict) -> dict:
    """Complete a backbone config so that it asks for all four stages.

    Args:
        backbone: Config; its ``type`` may be MMAction2's or start with
            ``mmpretrain.``, ``timm.`` or ``torchvision.``, or be what that
            names.

    Returns:
        A copy; options that the config sets itself stay as they are. HRNet
        and others without ``out_indices`` get none.
    """
    kind = backbone['type']
    name = kind if isinstance(kind, str) else kind.__module__
    library = name.split('.')[0]
    options = _STAGE_OPTIONS.get(library)
    if options is None:
        options = _STAGE_OPTIONS['openmmlab'] if _takes_indices(kind) else {}
    return {**options, **backbone}


def _takes_indices(kind: Union[str, type]) -> bool:
    """Whether a backbone of OpenMMLab has ``out_indices``."""
    network = MODELS.get(kind) if isinstance(kind, str) else kind
    if network is None:  # building it says so
        return True
    return any(x.name == 'out_indices' or x.kind is x.VAR_KEYWORD
               for x in inspect.signature(network).parameters.values())


def torchvision_stages(model: nn.Module) -> nn.Module:
    """Cut a torchvision ResNet-like model open after ``layer1`` .. ``4``.

    Raises:
        ValueError: If the model has no such layers.
    """
    from torchvision.models.feature_extraction import create_feature_extractor
    nodes = [f'layer{i}' for i in range(1, 5)]
    if not all(hasattr(model, node) for node in nodes):
        raise ValueError(
            f'torchvision {type(model).__name__} has no layer1..layer4; use '
            'its timm. or mmpretrain. counterpart')
    return create_feature_extractor(model, nodes)


def as_stages(features) -> Tuple[Tensor, ...]:
    """A backbone's output (tuple, list or dict of maps) as a tuple."""
    if isinstance(features, dict):
        return tuple(features.values())
    return tuple(features) if isinstance(features, (list, tuple)) else (
        features, )


def frame_channels(network: nn.Module) -> int:
    """Channels of the frames that a network's first convolution reads; 3 where
    there is none."""
    convolutions = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    first = next(convolutions, None)
    return 3 if first is None else first.in_channels


@torch.no_grad()
def infer_stage_channels(backbone: nn.Module,
                         whole: bool = False) -> Tuple[int, ...]:
    """Widths of the four stages, found by one small forward pass.

    Args:
        backbone: The network.
        whole: Refuse one that goes on behind the deepest map: for
            ``out_indices`` that the user did not choose.

    Returns:
        Channels of every map.

    Raises:
        ValueError: If no frame goes through the backbone, it does not yield
            four maps ``[N, C, H, W]``, or they are not of the ``whole``.
    """
    training = backbone.training
    backbone.eval()
    with _recorded(backbone) if whole else nullcontext():
        maps = _probe(backbone)
    backbone.train(training)
    if whole:
        _check_whole(backbone, maps)
    return tuple(x.shape[1] for x in maps)


def _probe(backbone: nn.Module) -> Tuple[Tensor, ...]:
    """The maps of one frame, checked."""
    name, failures = type(backbone).__name__, []
    for size in _PROBE_SIZES:
        frame = torch.zeros(1, frame_channels(backbone), *size)
        try:
            maps = as_stages(backbone(frame))
        except Exception as error:  # libraries refuse a size by any of them
            failures.append(error)
        else:
            _check_maps(name, maps, frame)
            return maps
    raise ValueError(
        f'{name}: neither a 64x96 nor a 224x224 frame goes through it '
        f'({failures[-1]!r}); set its options so that one does, such as '
        'img_size=224 or, in timm, dynamic_img_size=True'
    ) from failures[-1]


def _check_maps(name: str, maps: Sequence[Tensor], frame: Tensor) -> None:
    height, width = frame.shape[2:]
    shapes = [tuple(getattr(x, 'shape', ())) for x in maps]
    well_formed = all(
        len(s) == 4 and s[2] <= s[3] <= width and
        (height < width or s[2] == s[3]) for s in shapes)
    if len(shapes) != 4 or not well_formed:
        raise ValueError(
            f'{name} must yield four maps [N, C, H, W], one a stage; a '
            f'{tuple(frame.shape)} input gave {shapes}. Set out_indices of '
            'the backbone to four stages and, where it has one, the option '
            "for maps: gap_before_final_norm=False (mmpretrain's ConvNeXt), "
            "out_type='featmap' (its transformers), feature_cls='getter' "
            '(timm, channels last)')


@contextmanager
def _recorded(network: nn.Module) -> Iterator[None]:
    """Let autograd record the use of all parameters, frozen ones too."""
    frozen = [p for p in network.parameters()
              if p.is_floating_point() and not p.requires_grad]
    for param in frozen:
        param.requires_grad_(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        for param in frozen:
            param.requires_grad_(False)


def _check_whole(network: nn.Module, maps: Sequence[Tensor]) -> None:
    """Refuse maps that leave out layers, but for one linear layer: that is a
    classifier. Norms may go unused, too, and biases that evaluation caches."""
    used = _parameters_of(maps)
    if used is None:
        return
    layers = {name: layer for name, layer in network.named_modules()
              if isinstance(layer, (nn.Conv2d, nn.Linear))}
    unused = [name for name, layer in layers.items()
              if not any(id(p) in used for p in layer.parameters())]
    if not unused or len(unused) == 1 and isinstance(layers[unused[0]],
                                                     nn.Linear):
        return
    raise ValueError(
        f'{type(network).__name__}: {len(unused)} of its {len(layers)} '
        f'convolutions and linear layers, such as {unused[0]!r}, do not '
        'enter the maps of out_indices=(0, 1, 2, 3), the default; set '
        'out_indices of the backbone to four stages, the deepest last, for '
        'instance (1, 2, 4, 7) for MobileNetV2')


def _parameters_of(maps: Sequence[Tensor]) -> Optional[Set[int]]:
    """Ids of the parameters that maps are computed from, read off their graph
    without a backward pass.

    None where that cannot tell: there is no graph, or a reentrant checkpoint
    (``with_cp``) hides part of it.
    """
    nodes: List = [x.grad_fn for x in maps if x.grad_fn is not None]
    seen, used = set(nodes), set()
    while nodes:
        node = nodes.pop()
        if node.name() == 'CheckpointFunctionBackward':
            return None
        if hasattr(node, 'variable'):  # where a parameter's gradient ends up
            used.add(id(node.variable))
        before = {n for n, _ in node.next_functions if n is not None} - seen
        seen |= before
        nodes += before
    return used or None
