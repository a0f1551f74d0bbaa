"""Counts by epoch the videos that training went without."""
import json
from collections import Counter
from pathlib import Path
from typing import Dict

from mmaction.registry import HOOKS
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import Runner


@HOOKS.register_module()
class SkippedVideosHook(Hook):
    """Sums up what ``CheckedVideoDataset(on_error='skip')`` has skipped.

    The data set reads in worker processes, so every sample that stands for
    others carries their names, and they are counted here as the samples
    arrive: whatever the workers, their prefetching or persistence, the count
    is of the samples that were trained on. Processes are added up.

    After an epoch in which there were any, a warning names the first, the
    count is the scalar ``train/skipped_videos``, and a line of ``out`` in
    the log folder names all with their reasons. An iteration-based loop is
    one epoch. Of an epoch that a run resumes in its middle, only the samples
    since then are counted.

    Args:
        out: Name of the file, JSON, one line an epoch.
        num_named: How many the warning names. Defaults to 5.

    Raises:
        ValueError: If ``num_named`` is negative.
    """

    # Before the logger, which prints the count.
    priority = 'NORMAL'

    def __init__(self, out: str = 'skipped_videos.jsonl',
                 num_named: int = 5) -> None:
        if num_named < 0:
            raise ValueError('SkippedVideosHook: num_named must not be '
                             f'negative, got {num_named}')
        self.out = out
        self.num_named = num_named
        self._counts: Counter = Counter()
        self._reasons: Dict[str, str] = {}

    def before_train_epoch(self, runner: Runner) -> None:
        self._counts.clear()
        self._reasons.clear()

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: DATA_BATCH = None) -> None:
        if not isinstance(data_batch, dict):
            return
        for sample in data_batch.get('data_samples') or ():
            skipped = sample.get('skipped_videos', {})
            self._counts.update(skipped.keys())
            self._reasons.update(skipped)

    def after_train_epoch(self, runner: Runner) -> None:
        counts, reasons = Counter(), {}
        for part in all_gather_object((self._counts, self._reasons)):
            counts.update(part[0])
            reasons.update(part[1])
        total, key = counts.total(), 'train/skipped_videos'
        if total or key in runner.message_hub.log_scalars:
            # Else the last epoch's number would be logged on and on.
            runner.message_hub.update_scalar(key, total)
        if not total or not is_main_process():
            return
        path = Path(runner.log_dir, self.out)
        skipped = {
            name: dict(count=count, reason=reasons[name])
            for name, count in sorted(counts.items())
        }
        with path.open('a') as file:
            line = dict(epoch=runner.epoch + 1, total=total, skipped=skipped)
            file.write(json.dumps(line) + '\n')
        named = ', '.join(list(skipped)[:self.num_named])
        more = len(skipped) - self.num_named
        runner.logger.warning(
            f'Epoch {runner.epoch + 1}: {total} samples were replaced, since '
            f'{len(skipped)} videos cannot be read: {named}'
            f'{f" and {more} more" if more > 0 else ""}. Reasons: {path}')
