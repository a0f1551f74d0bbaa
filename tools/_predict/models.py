"""The model that predicts: its name, and faster."""
import argparse
import hashlib

import torch
from torch import nn

from respike_mm.deployment import fold_batch_norm
from respike_mm.models import HybridReSpike


def fingerprint(model: nn.Module) -> str:
    """Eight digits that tell a model's weights from others of the same name.

    Of the weights, not their file, which may be an address.
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:8]


def accelerate(model: nn.Module, args: argparse.Namespace) -> nn.Module:
    """The model as ``--fold`` and ``--compile`` ask for it.

    Raises:
        ValueError: If it is no ``HybridReSpike``.
    """
    if not (args.fold or args.compile):
        return model
    if not isinstance(model, HybridReSpike):
        raise ValueError('--fold and --compile take a HybridReSpike, not a '
                         f'{type(model).__name__}')
    if args.fold:
        model = fold_batch_norm(model)
    if args.compile:
        model.forward_branches = torch.compile(model.forward_branches)
    return model
