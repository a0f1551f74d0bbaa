"""Names of the authors' checkpoints in terms of this package's modules."""
import re
from typing import Dict

from torch import Tensor

_SNN_BLOCK = {
    'conv1': 'conv1.conv',
    'bn1': 'conv1.norm',
    'conv2': 'conv2.conv',
    'bn2': 'conv2.norm',
    # The shortcut is pool (no parameters), convolution, normalisation.
    'shortcut.1': 'shortcut.conv.1',
    'shortcut.2': 'shortcut.norm',
}
_ANN_BLOCK = {
    **{f'conv{i}': f'conv{i}.conv' for i in (1, 2, 3)},
    **{f'bn{i}': f'conv{i}.bn' for i in (1, 2, 3)},
    'downsample.0': 'downsample.conv',
    'downsample.1': 'downsample.bn',
}
_FUSION = {
    'norm': 'norm',
    'proj_in': 'proj_in',
    'proj_out': 'proj_out',
    **{
        f'transformer_blocks.0.{theirs}': f'block.{ours}'
        for theirs, ours in {
            **{f'norm{i}': f'norm{i}' for i in (1, 2, 3)},
            **{
                f'{a}.to_{x}': f'{b}.to_{x}'
                for a, b in (('attn1', 'self_attn'), ('attn2', 'cross_attn'))
                for x in 'qkv'
            },
            'attn1.to_out.0': 'self_attn.to_out',
            'attn2.to_out.0': 'cross_attn.to_out',
            'ff.net.0.proj': 'feed_forward.proj_in',
            'ff.net.2': 'feed_forward.proj_out',
        }.items()
    },
}
_PATTERNS = (
    (r'ann_layer0\.0', 'backbone.conv1.conv', None),
    (r'ann_layer0\.1', 'backbone.conv1.bn', None),
    (r'ann_layer(\d)\.(\d+)\.(.+)', 'backbone.layer{}.{}.{}', _ANN_BLOCK),
    (r'snn_backbone\.conv1', 'snn_backbone.stem.conv', None),
    (r'snn_backbone\.bn1', 'snn_backbone.stem.norm', None),
    (r'snn_backbone\.layer(\d)\.(\d+)\.(.+)', 'snn_backbone.layer{}.{}.{}',
     _SNN_BLOCK),
    (r'snn_backbone\.fusion(\d)\.(.+)', 'neck.blocks.{}.{}', _FUSION),
    (r'fc', 'cls_head.fc_cls', None),
)


def convert_name(name: str) -> str:
    """One parameter or buffer name; KeyError if it is not the authors'."""
    module, _, leaf = name.rpartition('.')
    for pattern, target, inner in _PATTERNS:
        match = re.fullmatch(pattern, module)
        if match is None:
            continue
        groups = list(match.groups())
        if inner is not None:
            if groups[-1] not in inner:
                break
            groups[-1] = inner[groups[-1]]
        if target.startswith('neck'):
            groups[0] = int(groups[0]) - 1  # fusion1 belongs to stage 0
        return f'{target.format(*groups)}.{leaf}'
    raise KeyError(f'{name!r} is not a name of the authors\' ReSpike')


def convert_authors_state_dict(state_dict: Dict[str, Tensor],
                               stage1_fusion: bool = True
                               ) -> Dict[str, Tensor]:
    """Rename the authors' weights to those of :class:`HybridReSpike`.

    Args:
        state_dict: Weights by the authors' names; ``module.`` in front of
            all of them (a wrapped model) is removed.
        stage1_fusion: Keep the first fusion block. The authors' network
            without token reduction stores that block and never runs it; its
            config has no such block, so False drops it.

    Returns:
        The same tensors by this package's names.

    Raises:
        KeyError: If a name is unknown.
    """
    converted = {}
    for name, value in state_dict.items():
        name = name.removeprefix('module.')
        if not stage1_fusion and name.startswith('snn_backbone.fusion1.'):
            continue
        converted[convert_name(name)] = value
    return converted
