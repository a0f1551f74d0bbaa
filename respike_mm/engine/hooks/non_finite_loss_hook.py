"""Stops a training whose loss is not finite, and says where that began."""
import json
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import torch
from mmaction.registry import HOOKS
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner
from torch import Tensor, nn

from .bare_model import bare_model


def is_finite(value: Any) -> bool:
    """Whether all tensors in (nested) lists and dicts are finite."""
    if isinstance(value, Tensor):
        return not value.is_floating_point() or bool(
            torch.isfinite(value).all())
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return True
    return all(is_finite(item) for item in value)


def non_finite(model: nn.Module, state: Dict[str, Any]) -> List[str]:
    """Names of parameters and norms' statistics that are not finite.

    Other buffers may be infinite, as masks of attention are.

    Args:
        model: Whose state it is.
        state: Its state dict.
    """
    others = {name for name, _ in model.named_buffers()
              if not name.rpartition('.')[2].startswith('running_')}
    return [name for name, value in state.items()
            if name not in others and not is_finite(value)]


def first_non_finite(model: nn.Module,
                     run: Callable[[], Any]) -> Optional[str]:
    """Name of the layer that is first to give NaN or infinity.

    Args:
        model: Its layers are watched.
        run: Runs the model.

    Returns:
        The name by ``named_modules``; None if all outputs are finite, or
        only that of the whole.
    """
    found = []

    def watch(name: str) -> Callable:

        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if not found and not is_finite(output):
                found.append(name)

        return hook

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if name:
                handle = module.register_forward_hook(watch(name))
                stack.callback(handle.remove)
        run()
    return found[0] if found else None


def statistics(x: Tensor) -> Dict[str, Any]:
    """Shape, type, range of the finite values, and count of the others."""
    finite = x[torch.isfinite(x)].double()
    some = len(finite) > 0
    return dict(
        shape=list(x.shape),
        dtype=str(x.dtype),
        min=finite.min().item() if some else None,
        max=finite.max().item() if some else None,
        mean=finite.mean().item() if some else None,
        nan=int(torch.isnan(x).sum()),
        inf=int(torch.isinf(x).sum()))


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stops before a NaN or infinite loss reaches the weights.

    The loss is looked at on its way to the optimizer, while the weights are
    those that gave it; MMEngine has no such hook, and one that looks at the
    step's outputs comes too late. The batch then goes through the model once
    more, under the same precision, to find the first layer whose output is
    not finite. ``non_finite_loss_rank{N}.json`` in the work dir names the
    layer and the batch's files, and holds statistics of its inputs.

    Spikes hide what is not finite: a NaN potential does not fire, and the
    loss of a network that passes spikes alone stays finite. So weights and
    statistics are looked at once more before a checkpoint is written, and the
    one before remains the last.

    On a GPU, looking costs one synchronisation an iteration. In the second
    pass synchronised batch norm takes its running statistics, since the
    other processes are not in it. Models with several optimizers are not
    watched.

    Raises:
        FloatingPointError: While training, if the loss is not finite, or
            what is to be saved is not.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: DATA_BATCH = None) -> None:
        wrapper = runner.optim_wrapper
        update = wrapper.update_params

        def update_if_finite(loss: Tensor, *args, **kwargs) -> None:
            if not is_finite(loss):
                self._stop(runner, loss, data_batch)
            update(loss, *args, **kwargs)

        wrapper.update_params = update_if_finite

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: DATA_BATCH = None,
                         outputs: Optional[dict] = None) -> None:
        """Give the optimizer wrapper its own method back."""
        vars(runner.optim_wrapper).pop('update_params', None)

    def before_save_checkpoint(self, runner: Runner,
                               checkpoint: dict) -> None:
        """Refuse to write weights that are not finite."""
        found = non_finite(bare_model(runner), checkpoint['state_dict'])
        if found:
            raise FloatingPointError(
                f'{len(found)} of the weights and statistics are not finite '
                f'at iteration {runner.iter}, {found[0]} the first; they are '
                'not saved. The loss was finite: spikes hide it. Look for NaN '
                'in the inputs since the last checkpoint, or for gradients '
                'that overflow (optim_wrapper.clip_grad), and go on from '
                'there with train.py --resume')

    def _stop(self, runner: Runner, loss: Tensor,
              data_batch: DATA_BATCH) -> None:
        model = bare_model(runner)
        weights = non_finite(model, model.state_dict())
        report = dict(
            iteration=runner.iter + 1,
            epoch=runner.epoch + 1,
            loss=str(loss.tolist()),
            cause=self._cause(runner, model, data_batch, weights),
            non_finite_weights=weights,
            files=self._files(data_batch),
            inputs=self._inputs(data_batch))
        path = Path(runner.work_dir, f'non_finite_loss_rank{get_rank()}.json')
        path.write_text(json.dumps(report, indent=1))
        raise FloatingPointError(
            f'loss is {report["loss"]} at iteration {report["iteration"]}; '
            f'{report["cause"]}. Files of the batch: '
            f'{", ".join(report["files"]) or "unknown"}. Details: {path}')

    @staticmethod
    @torch.no_grad()
    def _cause(runner: Runner, model: nn.Module, data_batch: DATA_BATCH,
               weights: List[str]) -> str:
        """Run the batch again and say where it goes wrong."""
        if weights:
            return f'weights are not finite already, {weights[0]} the first'
        for module in model.modules():
            if isinstance(module, nn.SyncBatchNorm):
                module.eval()
        with runner.optim_wrapper.optim_context(model):
            data = model.data_preprocessor(data_batch, True)
            if not is_finite(data):
                return 'the preprocessed inputs are not finite'
            # Compiled code calls no hooks of layers, or fails at them.
            with torch.compiler.set_stance('force_eager'):
                layer = first_non_finite(
                    model, lambda: model._run_forward(data, mode='loss'))
        if layer is None:
            return 'every layer is finite in a second pass'
        return f'the first layer with a non-finite output is {layer}'

    @staticmethod
    def _files(data_batch: DATA_BATCH) -> List[str]:
        samples = data_batch.get('data_samples') or () if isinstance(
            data_batch, dict) else ()
        return [x.get('video_path', x.get('filename', '?')) for x in samples]

    @staticmethod
    def _inputs(data_batch: DATA_BATCH) -> List[Dict[str, Any]]:
        inputs = data_batch.get('inputs', ()) if isinstance(
            data_batch, dict) else ()
        if isinstance(inputs, dict):  # by modality
            inputs = chain.from_iterable(inputs.values())
        return [statistics(x) for x in inputs]
