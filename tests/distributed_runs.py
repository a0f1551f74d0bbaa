"""Train a tiny ReSpike in one process and in several, for comparison.

Run as a script, so that the imports are paid for once and every process of
every case is forked from here::

    python distributed_runs.py TOOLS VIDEOS LIST OUT

``LIST`` names eight videos of three classes in ``VIDEOS``.
``OUT/CASE-WORLD-RANK.pth`` then holds the losses of the steps, the weights
after them and the metrics of a test, if there was one.
"""
import copy
import os
import sys
from pathlib import Path

import torch
from free_port import free_port
from mmaction.registry import DATA_SAMPLERS, HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce
from torch.nn.modules.batchnorm import _BatchNorm

import respike_mm  # noqa: F401

UPDATES, GLOBAL_BATCH = 3, 8  # one update an epoch


@DATA_SAMPLERS.register_module()
class ByRank(torch.utils.data.Sampler):
    """First what rank 0 of two processes would see, then rank 1."""

    def __init__(self, dataset, seed):
        self.order = [*range(0, len(dataset), 2), *range(1, len(dataset), 2)]

    def __iter__(self):
        return iter(self.order)

    def __len__(self):
        return len(self.order)


@HOOKS.register_module()
class FreezeStatistics(Hook):
    """Batch norm with its running statistics: samples are independent."""

    def before_train_iter(self, runner, **kwargs):
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


class Losses(Hook):

    def __init__(self):
        self.values = []

    def after_train_iter(self, runner, outputs, **kwargs):
        self.values.append(outputs['loss'].item())


class SyncBatchNormOnCPU(_BatchNorm):
    """``SyncBatchNorm``, whose kernel needs a GPU, from sums over ranks."""

    def forward(self, x):
        dims = [d for d in range(x.dim()) if d != 1]
        count = x.new_tensor(x.numel() / x.shape[1])
        total, square, count = (all_reduce(part) for part in (
            x.sum(dims), x.square().sum(dims), count))
        mean = total / count
        var = square / count - mean.square()
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(var * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        shape = [1, -1] + [1] * (x.dim() - 2)
        mean, var, weight, bias = (part.view(shape) for part in (
            mean, var, self.weight, self.bias))
        return (x - mean) / (var + self.eps).sqrt() * weight + bias


def without_augmentation(loader):
    for transform in loader.dataset.pipeline:
        if transform.type == 'RandomCrop':
            transform.update(
                type='CenterCrop', crop_size=transform.pop('size'))
        if transform.type == 'SampleFrames':
            transform.test_mode = True


def frozen(cfg, world):
    """Also tested, with the energy meter on all samples."""
    cfg.custom_hooks = [dict(type='FreezeStatistics'),
                        dict(type='EnergyHook')]
    cfg.test_dataloader = copy.deepcopy(cfg.train_dataloader)
    cfg.test_dataloader.update(
        batch_size=2, sampler=dict(type='DefaultSampler', shuffle=False))
    without_augmentation(cfg.test_dataloader)
    cfg.test_cfg = dict(type='TestLoop')
    cfg.test_evaluator = dict(type='AccMetric')


def sync_bn(cfg, world):
    cfg.sync_bn = 'torch'
    nn.modules.batchnorm.SyncBatchNorm = SyncBatchNormOnCPU


def accumulated(cfg, world):
    """Two updates of two batches each; alone, of a batch twice as large."""
    frozen(cfg, world)
    if world > 1:
        cfg.optim_wrapper.accumulative_counts = 2
        cfg.train_dataloader.batch_size //= 2


def amp(cfg, world):
    frozen(cfg, world)
    cfg.optim_wrapper.type = 'AmpOptimWrapper'


def batch_norm(cfg, world):
    """Statistics per process; alone, per batch of two that are accumulated.

    Alone, the samples come in the order of the ranks.
    """
    without_augmentation(cfg.train_dataloader)
    cfg.train_dataloader.sampler.shuffle = False
    if world == 1:
        cfg.optim_wrapper.accumulative_counts = 2
        cfg.train_dataloader.batch_size //= 2
        cfg.train_dataloader.sampler = dict(type='ByRank')


CASES = {frozen: (1, 2, 4), sync_bn: (1, 2), accumulated: (1, 2),
         amp: (1, 2), batch_norm: (1, 2)}


def config(case, world, videos, ann_file, work_dir):
    from _tiny_run import tiny_config
    cfg = tiny_config(Path(videos), work_dir)
    data = dict(ann_file=ann_file, num_classes=3)
    cfg.train_dataloader.dataset.update(data)
    cfg.train_dataloader.update(
        batch_size=GLOBAL_BATCH // world, num_workers=0,
        persistent_workers=False)
    cfg.model.cls_head.update(num_classes=3, dropout_ratio=0.)
    cfg.param_scheduler = None
    cfg.optim_wrapper.clip_grad = None
    cfg.train_cfg.max_epochs = UPDATES
    cfg.default_hooks.checkpoint.interval = -1
    cfg.launcher = 'pytorch' if world > 1 else 'none'
    cfg.env_cfg.dist_cfg.backend = 'gloo'
    case(cfg, world)
    return cfg


def run(rank, case, world, port, videos, ann_file, out):
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world),
        MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    torch.set_num_threads(1)
    name = f'{case.__name__}-{world}'
    runner = Runner.from_cfg(
        config(case, world, videos, ann_file, Path(out, name)))
    losses = Losses()
    runner.register_hook(losses)
    runner.train()
    metrics = runner.test() if case is frozen else {}
    model = getattr(runner.model, 'module', runner.model)
    torch.save(
        dict(losses=losses.values, weights=model.state_dict(),
             metrics=metrics),
        Path(out, f'{name}-{rank}.pth'))
    if world > 1:
        distributed.destroy_process_group()
    os._exit(0)  # gloo's threads do not like the interpreter's own exit


def main(tools, *args):
    sys.path.insert(0, str(Path(tools, 'analysis_tools')))
    for case, worlds in CASES.items():
        for world in worlds:
            torch.multiprocessing.start_processes(
                run, args=(case, world, free_port(), *args), nprocs=world,
                start_method='fork')


if __name__ == '__main__':
    main(*sys.argv[1:])
