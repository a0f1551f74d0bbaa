"""Convert a checkpoint of the authors' ReSpike to this package's names."""
import argparse

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

import respike_mm  # noqa: F401  (registers the components)
from mmaction.registry import MODELS
from respike_mm.models.common.authors_checkpoint import \
    convert_authors_state_dict

# How training scripts commonly nest the weights in what they save.
WEIGHT_KEYS = ('state_dict', 'model', 'model_state_dict', 'net')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('src', help="the authors' checkpoint")
    parser.add_argument('dst', help='where to write the converted one')
    parser.add_argument(
        '--without-stage1-fusion',
        action='store_true',
        help='drop the first fusion block, which the authors\' network '
        'without token reduction stores and never runs')
    parser.add_argument(
        '--config',
        help='also load the result strictly into the model of this config')
    return parser.parse_args()


def load_weights(path: str) -> dict:
    """Read the weights of a checkpoint, nested or not.

    Raises:
        SystemExit: If the file is not a checkpoint of plain tensors.
    """
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise SystemExit(f'{path}: no such file')
    except Exception as error:  # unpickling fails in many ways
        raise SystemExit(f'{path}: cannot be read as plain weights: {error}')
    for key in WEIGHT_KEYS:
        if isinstance(checkpoint, dict) and isinstance(
                checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
    if not isinstance(checkpoint, dict) or not all(
            isinstance(value, torch.Tensor) for value in checkpoint.values()):
        raise SystemExit(f'{path}: holds no state dict, nor under any of '
                         f'{", ".join(WEIGHT_KEYS)}')
    return checkpoint


def main() -> None:
    args = parse_args()
    try:
        weights = convert_authors_state_dict(
            load_weights(args.src),
            stage1_fusion=not args.without_stage1_fusion)
    except KeyError as error:
        raise SystemExit(f'{args.src}: {error.args[0]}')
    if args.config:
        config = Config.fromfile(args.config)
        init_default_scope(config.get('default_scope', 'mmaction'))
        MODELS.build(config.model).load_state_dict(weights, strict=True)
        print(f'{args.config}: all {len(weights)} tensors fit')
    torch.save(dict(state_dict=weights), args.dst)
    print(f'{args.dst}: {len(weights)} tensors')


if __name__ == '__main__':
    main()
