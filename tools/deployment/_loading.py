"""The trained recognizer that all of these tools take."""
from typing import TYPE_CHECKING

import _common

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import nn


def load_respike(cfg: 'Config', checkpoint: str) -> 'nn.Module':
    """A config's HybridReSpike with the weights of a checkpoint, on the CPU.

    Raises:
        SystemExit: If the config is of another recognizer, or the checkpoint
            of another model.
    """
    from respike_mm.models import HybridReSpike
    model = _common.load_model(cfg, checkpoint)
    if not isinstance(model, HybridReSpike):
        raise SystemExit(f'{cfg.filename} is no HybridReSpike but a '
                         f'{type(model).__name__}')
    return model
