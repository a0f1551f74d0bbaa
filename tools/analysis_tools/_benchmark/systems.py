"""The systems that are compared, all fed with the same clips.

Shapes: ``N`` clips of ``T`` frames ``[N, T, 3, H, W]``, ``K = T / s``
segments of ``s`` frames.
"""
import sys
from functools import partial
from pathlib import Path
from typing import Dict

import torch
from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from torch import Tensor, nn

from respike_mm.deployment import fold_batch_norm, quantise_spike_convs

from .backends import exported
from .system import System, segments

ROOT = Path(__file__).resolve().parents[3]
CLASSES = 101
# Widths of the four stages of a ResNet, with blocks of two or three layers.
BASIC, BOTTLENECK = (64, 128, 256, 512), (256, 512, 1024, 2048)
WIDTHS = {18: BASIC, 34: BASIC,
          50: BOTTLENECK, 101: BOTTLENECK, 152: BOTTLENECK}


def quarters(clips: Tensor) -> Tensor:
    """Clips to four views ``[N, 4, 3, T, H / 2, W / 2]``."""
    height, width = (size // 2 for size in clips.shape[3:])
    views = clips.unfold(3, height, height).unfold(4, width, width)
    # [N, T, 3, 2, 2, H / 2, W / 2]
    return views.flatten(3, 4).permute(0, 3, 2, 1, 4, 5)


def base_model(name: str, options: dict) -> nn.Module:
    """A model of ``configs/_base_/models`` without pretrained weights."""
    cfg = Config.fromfile(ROOT / f'configs/_base_/models/{name}.py')
    cfg.merge_from_dict({
        'model.backbone.pretrained': None,
        'model.cls_head.num_classes': CLASSES,
        **{f'model.{key}': value
           for key, value in options.items()}
    })
    return MODELS.build(cfg.model)


def plain(args, options: dict) -> System:
    """The reference of the tests: time loop, eager attention."""
    sys.path.insert(0, str(ROOT / 'tests'))
    from references.plain_respike import PlainReSpike
    depth = args.depth
    ann = dict(type='ResNet', depth=depth, out_indices=(0, 1, 2, 3))
    model = PlainReSpike(
        MODELS.build(ann), WIDTHS[depth], CLASSES, **options)
    return System('plain', model,
                  lambda model, clips: model(clips, args.stride))


def shapes(state: Dict[str, Tensor]) -> Dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def respike(args, options: dict) -> System:
    """With the weights of ``plain``, where options leave their shapes.

    Its own fusion starts as the identity, with no gradients but its last
    layer's.
    """
    # First, as where it is a system of its own: from the same random numbers.
    reference = plain(args, {}).model.state_dict()
    model = base_model('respike_r50',
                       {'backbone.depth': args.depth, **options})
    if shapes(model.state_dict()) == shapes(reference):
        model.load_state_dict(reference)
    return System(
        'respike', model,
        lambda model, clips: model(
            segments(clips, args.stride), stage='head'))


def frames_2d(args, options: dict) -> System:
    model = base_model('tsn_r50', {'clip_len': args.frames, **options})
    return System('tsn_r50', model,
                  lambda model, clips: model(clips, stage='head'))


def frames_3d(name: str, args, options: dict) -> System:
    model = base_model(name, options)
    return System(
        name, model,
        lambda model, clips: model(
            clips.transpose(1, 2).unsqueeze(1), stage='head'))


def c3d(args, options: dict) -> System:
    """Its fully connected layers fix the input to 16 frames of 112x112, so
    that a clip is four views to it (the paper's table 3 counts the same)."""
    if args.frames != 16 or args.crop != 224:
        raise SystemExit('c3d takes four views of 16 frames of 112x112: leave '
                         '--frames at 16 and --crop at 224')
    model = base_model('c3d', options)
    return System(
        'c3d', model,
        lambda model, clips: model(quarters(clips), stage='head').unflatten(
            0, (-1, 4)).mean(1))


BUILDERS = {
    'plain': plain,
    'respike': respike,
    'tsn_r50': frames_2d,
    'i3d_r50': partial(frames_3d, 'i3d_r50'),
    'res3d_r18': partial(frames_3d, 'res3d_r18'),
    'c3d': c3d,
}


MODIFIERS = {
    'bf16': lambda system, _: system._replace(bf16=True),
    'compile': lambda system, _: system._replace(
        forward=torch.compile(system.forward)),
    'fold': lambda system, _: system._replace(
        model=fold_batch_norm(system.model)),
    'int8': lambda system, _: system._replace(
        model=quantise_spike_convs(system.model)),
    'onnxruntime': partial(exported, runtime='onnxruntime', int8='none'),
    'openvino': partial(exported, runtime='openvino', int8='none'),
    'openvino_bf16': partial(exported, runtime='openvino_bf16', int8='none'),
    'openvino_int8': partial(exported, runtime='openvino_bf16',
                             int8='spikes'),
    'openvino_int8_all': partial(exported, runtime='openvino_bf16',
                                 int8='all'),
}
FOR_TRAINING = {'bf16', 'compile'}


def build(variant: str, args) -> System:
    """Build ``NAME[+MODIFIER...][:key=value,...]``, keys as in the config.

    Raises:
        SystemExit: If there is no such system, modifier or option.
    """
    head, _, options = variant.partition(':')
    name, *modifiers = head.split('+')
    if name not in BUILDERS:
        raise SystemExit(f'no system {name!r}; there are {list(BUILDERS)}')
    unknown = set(modifiers) - set(MODIFIERS)
    if unknown:
        raise SystemExit(f'{variant}: no such modifiers {sorted(unknown)}; '
                         f'there are {list(MODIFIERS)}')
    if args.mode == 'train' and set(modifiers) - FOR_TRAINING:
        raise SystemExit(f'{variant} needs --mode test')
    pairs = {}
    for option in filter(None, options.split(',')):
        key, equals, value = option.partition('=')
        if not equals:
            raise SystemExit(f'{variant}: write options as key=value')
        pairs[key] = DictAction._parse_iterable(value)
    torch.manual_seed(0)
    try:
        system = BUILDERS[name](args, pairs)
    except TypeError as error:
        raise SystemExit(f'{variant}: {error}') from None
    system.model.to(args.device).train(args.mode == 'train')
    try:
        for modifier in modifiers:
            system = MODIFIERS[modifier](system, args)
    except (ModuleNotFoundError, ValueError) as error:
        raise SystemExit(f'{variant}: {error}') from None
    return system._replace(name=variant)
