"""Checkpoints that a kill or a full disk cannot take away."""
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Dict, Optional

from mmaction.registry import HOOKS
from mmengine.dist import all_reduce_params, is_distributed
from mmengine.fileio import BaseStorageBackend
from mmengine.hooks import CheckpointHook, EMAHook
from mmengine.runner import Runner

from ... import fileio  # noqa: F401  registers the backend


class _RemoveLater:
    """A file backend that notes what to remove in place of removing it."""

    def __init__(self, backend: BaseStorageBackend) -> None:
        self._backend = backend
        self.removals: Dict[str, Callable[[str], None]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self.removals[path] = self._backend.remove

    def rmtree(self, path: str) -> None:
        self.removals[path] = self._backend.rmtree


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's checkpoint hook, made safe.

    - A checkpoint is written under another name and renamed: what bears its
      name is whole (:class:`AtomicBackend`).
    - Outdated checkpoints go after the new one is on disk. MMEngine removes
      them first, so that with ``max_keep_ckpts=1``, and for the best
      checkpoint always, a failing write leaves none.
    - Within an epoch (``by_epoch=False``) the running statistics of all
      processes are averaged first, as ``SyncBuffersHook`` does at an epoch's
      end: only those of the first process are saved.

    Args:
        interval: Epochs, or iterations, from one checkpoint to the next.
        backend_args: Where files go. Defaults to ``dict(backend='atomic')``,
            the local disk.
        **kwargs: Further arguments of ``CheckpointHook``.
    """

    def __init__(self,
                 interval: int = -1,
                 backend_args: Optional[dict] = None,
                 **kwargs: Any) -> None:
        super().__init__(
            interval,
            backend_args=backend_args or dict(backend='atomic'),
            **kwargs)

    @contextmanager
    def _removing_last(self) -> Iterator[None]:
        backend = self.file_backend
        if isinstance(backend, _RemoveLater):  # within saving the best
            yield
            return
        self.file_backend = later = _RemoveLater(backend)
        try:
            yield
        finally:
            self.file_backend = backend
        best = getattr(self, 'best_ckpt_path_dict', None) or {}
        current = {self.last_ckpt, getattr(self, 'best_ckpt_path', None),
                   *best.values()}
        for path, remove in later.removals.items():
            if path not in current:
                remove(path)

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        if not self.by_epoch and is_distributed():
            all_reduce_params(runner.model.buffers(), op='mean')
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):  # it swaps in its own
                    all_reduce_params(hook.ema_model.buffers(), op='mean')
        with self._removing_last():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner,
                              metrics: Dict[str, float]) -> None:
        with self._removing_last():
            super()._save_best_checkpoint(runner, metrics)
