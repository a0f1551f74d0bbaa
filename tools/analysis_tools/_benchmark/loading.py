"""A config's training loader, and its transforms one by one."""
import argparse
import statistics
import time
from copy import deepcopy
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
from mmengine.config import ConfigDict
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from .timing import alternate, summary
from .videos import Clip, generate

VIDEO = Clip('h264', 340, 256, 250, 16)


def read_generated_video(loader: ConfigDict, folder: Path,
                         batches: int) -> None:
    """Have a loader's config read one generated video again and again."""
    video = generate(VIDEO, folder).resolve()
    listed = video.with_name('train_list.txt')
    listed.write_text(f'{video.name} 0\n' * batches * loader.batch_size)
    dataset = loader.dataset
    while 'dataset' in dataset:  # a wrapper
        dataset = dataset.dataset
    dataset.update(ann_file=str(listed), delimiter=' ',
                   data_prefix=dict(video=str(video.parent)))


def build_loader(cfg: ConfigDict, args: argparse.Namespace) -> DataLoader:
    """The training loader as MMEngine's runner builds it.

    Args:
        cfg: With ``train_dataloader``.
        args: ``workers`` and ``batch``, None for the config's own;
            ``own_videos``, or else ``videos``, the generated one's folder;
            ``rounds``.
    """
    loader = deepcopy(cfg.train_dataloader)
    loader.persistent_workers = False  # they end with the iteration
    if args.workers is not None:
        loader.num_workers = args.workers
    if args.batch is not None:
        loader.batch_size = args.batch
    if not loader.num_workers:
        loader.pop('prefetch_factor', None)
    if not args.own_videos:
        # Twice what is read: no worker runs out of work before the end.
        rounds = 2 * (1 + args.rounds)
        read_generated_video(loader, args.videos,
                             rounds * max(1, loader.num_workers))
    return Runner.build_dataloader(loader, seed=0)


def time_loader(loader: DataLoader, rounds: int) -> Tuple[Dict, Any]:
    """Time rounds of as many batches as there are workers.

    A first round goes uncounted: workers start in it, and all load their
    first batches at once.

    Returns:
        Wall seconds a clip: median, lowest, highest; and the last batch.

    Raises:
        SystemExit: If the data set is too small.
    """
    batches, size, last = iter(loader), max(1, loader.num_workers), []

    def one_round() -> None:
        for _ in range(size):
            last[:] = [next(batches)]

    try:
        times, = alternate([one_round], 1, rounds, cuda=False)
    except StopIteration:
        raise SystemExit(
            f'the data set has fewer than the {size * (1 + rounds)} batches '
            f'of {loader.batch_size} that are read: lower --rounds, '
            '--workers or --batch') from None
    clips = size * loader.batch_size
    return {key: value / clips for key, value in summary(times).items()
            if key.startswith('wall_s')}, last[0]


def time_transforms(dataset: Dataset, rounds: int) -> List[Dict]:
    """Median CPU seconds a clip of every transform, in this process."""
    while hasattr(dataset, 'dataset'):  # a wrapper
        dataset = dataset.dataset
    transforms = dataset.pipeline.transforms
    taken = [[] for _ in transforms]
    chosen = np.random.default_rng(0).integers(len(dataset), size=rounds + 1)
    for index in chosen:
        sample = dataset.get_data_info(int(index))
        for times, transform in zip(taken, transforms):
            start = time.process_time()
            sample = transform(sample)
            times.append(time.process_time() - start)
    return [dict(part=type(transform).__name__, s=statistics.median(times[1:]))
            for transform, times in zip(transforms, taken)]
