"""Load a trained recognizer, strictly."""
from copy import deepcopy
from pathlib import Path
from typing import Dict, Union

from mmaction.apis import init_recognizer
from mmengine.config import Config
from mmengine.runner.checkpoint import (_load_checkpoint,
                                        _load_checkpoint_to_model)
from torch import Tensor, nn


def _differences(model: Dict[str, Tensor],
                 weights: Dict[str, Tensor]) -> Dict[str, list]:
    shared = model.keys() & weights.keys()
    return {
        'lacks': sorted(model.keys() - weights.keys()),
        'has besides': sorted(weights.keys() - model.keys()),
        'has in another shape': sorted(
            k for k in shared if model[k].shape != weights[k].shape),
    }


def load_recognizer(config: Union[str, Path, Config],
                    checkpoint: Union[str, Path],
                    device: str = 'cpu') -> nn.Module:
    """Build a config's recognizer and load its weights.

    ``init_recognizer`` of MMAction2 warns where a checkpoint does not fit and
    goes on with random weights; here that is an error.

    Args:
        config: A config, which stays as it is, or its file.
        checkpoint: A file or an address; a prefix ``module.`` of its names,
            as distributed models have it, is left out.
        device: Where to put the model.

    Returns:
        The recognizer in evaluation mode, its config as ``model.cfg``.

    Raises:
        ValueError: If the checkpoint holds no weights or another model's.
    """
    # init_recognizer writes into the config that it is given.
    model = init_recognizer(deepcopy(config), None, device='cpu')
    loaded = _load_checkpoint(str(checkpoint), map_location='cpu')
    if not isinstance(loaded, dict):
        raise ValueError(f'{checkpoint} holds no weights but a '
                         f'{type(loaded).__name__}')
    # As _load_checkpoint_to_model takes them.
    weights = {name.removeprefix('module.'): value
               for name, value in loaded.get('state_dict', loaded).items()}
    found = [
        f'{what} {len(names)} (such as {names[0]})' for what, names in
        _differences(model.state_dict(), weights).items() if names
    ]
    if found:
        raise ValueError(
            f'{checkpoint} is not a checkpoint of '
            f'{getattr(model.cfg, "filename", None) or "this config"}: of the '
            f"model's {len(model.state_dict())} tensors it "
            f'{", it ".join(found)}; give the config it was trained with')
    _load_checkpoint_to_model(model, loaded, strict=True)
    return model.to(device).eval()
