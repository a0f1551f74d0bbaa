"""Compiles the part of a model that computes on tensors."""
from types import MethodType
from typing import Any, Sequence

import torch
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from .bare_model import bare_model


@HOOKS.register_module()
class CompileHook(Hook):
    """Run one method of the model through ``torch.compile``.

    MMEngine's ``compile`` option takes the whole training step, with data
    samples, log and optimizer, which falls into many graphs that are compiled
    again and again. ``HybridReSpike.forward_branches`` is one graph, in
    training and in evaluation.

    By default evaluation stays as it is, so that hooks and meters there see
    every layer: compiled code calls no hooks of layers. Numbers differ from
    uncompiled ones by rounding, which may flip single spikes.

    Args:
        method: Name of the method. Defaults to ``'forward_branches'``.
        phases: Among ``'train'``, ``'val'`` and ``'test'``. Defaults to
            training alone.
        **options: Passed to ``torch.compile``, such as
            ``mode='reduce-overhead'`` (CUDA graphs) or ``dynamic=True``.

    Raises:
        ValueError: If there is no such phase; at the start of a phase whose
            model has no such method.
    """

    def __init__(self,
                 method: str = 'forward_branches',
                 phases: Sequence[str] = ('train', ),
                 **options: Any) -> None:
        if not phases or not set(phases) <= {'train', 'val', 'test'}:
            raise ValueError('CompileHook: phases must be among train, val '
                             f'and test, got {phases!r}')
        self.method = method
        self.phases = tuple(phases)
        self.options = options
        self._evaluation = 'val'

    def before_train(self, runner: Runner) -> None:
        if 'train' in self.phases:
            self._install(bare_model(runner))

    def before_val(self, runner: Runner) -> None:
        self._before_evaluation(runner, 'val')

    def before_test(self, runner: Runner) -> None:
        self._before_evaluation(runner, 'test')

    def _before_evaluation(self, runner: Runner, phase: str) -> None:
        self._evaluation = phase
        if phase in self.phases:
            self._install(bare_model(runner))

    def _install(self, model: nn.Module) -> None:
        if self.method in vars(model):  # by an earlier phase
            return
        function = getattr(type(model), self.method, None)
        if not callable(function):
            raise ValueError(
                f'CompileHook: {type(model).__name__} has no method '
                f"{self.method!r}; set method='extract_feat' or another that "
                'takes and returns tensors')
        compiled = torch.compile(function, **self.options)

        def run(model: nn.Module, *args: Any, **kwargs: Any) -> Any:
            phase = 'train' if model.training else self._evaluation
            chosen = compiled if phase in self.phases else function
            return chosen(model, *args, **kwargs)

        # Bound, so that a copy of the model (EMA) runs on its own weights.
        setattr(model, self.method, MethodType(run, model))
