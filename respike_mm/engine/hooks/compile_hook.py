"""Compiles the part of a model that computes on tensors."""
from types import MethodType
from typing import Any

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner


@HOOKS.register_module()
class CompileHook(Hook):
    """Run one method of the model through ``torch.compile`` in training.

    MMEngine's ``compile`` option takes the whole training step, with data
    samples, log and optimizer, which falls into many graphs that are compiled
    again and again. ``HybridReSpike.forward_branches`` is one graph.

    Evaluation stays as it is, so that hooks and meters there see every
    layer. Numbers differ from uncompiled ones by rounding, which may flip
    single spikes.

    Args:
        method: Name of the method. Defaults to ``'forward_branches'``.
        **options: Passed to ``torch.compile``, such as
            ``mode='reduce-overhead'`` (CUDA graphs) or ``dynamic=True``.

    Raises:
        ValueError: At the start of a training whose model has no such method.
    """

    def __init__(self, method: str = 'forward_branches',
                 **options: Any) -> None:
        self.method = method
        self.options = options

    def before_train(self, runner: Runner) -> None:
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        function = getattr(type(model), self.method, None)
        if not callable(function):
            raise ValueError(
                f'CompileHook: {type(model).__name__} has no method '
                f"{self.method!r}; set method='extract_feat' or another that "
                'takes and returns tensors')
        compiled = torch.compile(function, **self.options)

        def run(self, *args: Any, **kwargs: Any) -> Any:
            chosen = compiled if self.training else function
            return chosen(self, *args, **kwargs)

        # Bound, so that a copy of the model (EMA) runs on its own weights.
        setattr(model, self.method, MethodType(run, model))
