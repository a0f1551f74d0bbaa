"""Rows of the report: every system, at every value of the sweep."""
import argparse
from typing import Callable, Dict, List, Tuple

import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope

from .capacity import largest_batch
from .memory import count_kernels, peak_bytes, per_clip, saved_bytes
from .roofline import roofline
from .system import System
from .systems import CLASSES, build
from .timing import alternate, summary

Case = Tuple[System, argparse.Namespace]


def cases(args: argparse.Namespace) -> List[Case]:
    """Systems and their options; those of a sweep differ in one."""
    if not args.sweep:
        return [(build(name, args), args) for name in args.systems]
    name = args.sweep['name']
    found = []
    for value in args.sweep['values']:
        chosen = argparse.Namespace(**{**vars(args), name: value})
        found += [(build(system, chosen), chosen) for system in args.systems]
    return found


def make_step(system: System, args: argparse.Namespace, batch: int,
              backward: bool = True) -> Callable:
    """A step on clips of its own; returns what the forward pass gave."""
    generator = torch.Generator().manual_seed(batch)
    clips = torch.randn(
        batch, args.frames, 3, args.crop, args.crop, generator=generator)
    labels = torch.arange(batch) % CLASSES
    clips, labels = clips.to(args.device), labels.to(args.device)
    training = args.mode == 'train'
    device = torch.device(args.device).type

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=system.bf16), \
                torch.set_grad_enabled(training):
            out = F.cross_entropy(system.logits(clips).float(), labels)
        if training and backward:
            out.backward()
            return None
        return out

    return step


def memory(system: System, args: argparse.Namespace) -> Dict:
    """MiB a clip, and those of every module."""
    make_step(system, args, 1)()  # from here on gradients exist
    device = torch.device(args.device)
    peak = per_clip(*(peak_bytes(system.model, make_step(system, args, n),
                                 device) for n in (1, 2)))
    system.model.zero_grad(set_to_none=True)
    found = dict(peak_mib=peak[''])
    saved = {}
    if args.mode == 'train':
        saved = per_clip(*(saved_bytes(
            system.model, make_step(system, args, n, backward=False))
                           for n in (1, 2)))
        found['saved_mib'] = saved[''] = sum(saved.values())
    if args.modules:
        found['modules'] = {
            name: dict(peak_mib=size, **{
                'saved_mib': saved.get(name, 0.)} if saved else {})
            for name, size in sorted(peak.items(), key=lambda i: i[0] != '')
        }
    return found


def timed_step(system: System, args: argparse.Namespace) -> Callable:
    """A step that leaves no gradients to the next."""
    step = make_step(system, args, args.batch)

    def clean_step() -> None:
        system.model.zero_grad(set_to_none=True)
        step()

    return clean_step


def times_of(chosen: List[Case], args: argparse.Namespace) -> List[Dict]:
    """Both clocks of every case, and what follows from them."""
    cuda = args.device.startswith('cuda')
    clock = 'wall_s' if cuda else 'cpu_s'
    steps = [timed_step(*case) for case in chosen]
    found = [summary(times)
             for times in alternate(steps, args.warmup, args.rounds, cuda)]
    for row, (_, options) in zip(found, chosen):
        row['speed'] = found[0][clock] / row[clock]
        row['clips_per_s'] = options.batch / row['wall_s']
    return found


def counts(system: System, args: argparse.Namespace) -> Dict:
    """What there is to a step beside its time: kernels, least seconds."""
    found = {}
    if args.device.startswith('cuda'):
        found['kernels'] = count_kernels(timed_step(system, args))
    if args.peak_tflops:
        least = roofline(timed_step(system, args),
                         (1e12 * args.peak_tflops, 1e9 * args.peak_gbs))
        if least:
            found['roofline_s'] = least
    return found


def largest(system: System, args: argparse.Namespace) -> int:
    """Clips of the largest step that fits."""

    def run(batch: int) -> None:
        torch.cuda.empty_cache()
        chosen = argparse.Namespace(**{**vars(args), 'batch': batch})
        timed_step(system, chosen)()

    found = largest_batch(run)
    system.model.zero_grad(set_to_none=True)  # room for the next system
    return found


def measure(args: argparse.Namespace) -> List[Dict]:
    """Measure what the options of ``benchmark.py`` ask for."""
    init_default_scope('mmaction')
    torch.set_num_threads(args.threads)
    chosen = cases(args)
    rows = [dict(system=system.name) for system, _ in chosen]
    if args.sweep:
        name = args.sweep['name']
        for row, (_, options) in zip(rows, chosen):
            row[name] = getattr(options, name)
    if args.rounds:
        for row, times in zip(rows, times_of(chosen, args)):
            row.update(times)
    for row, case in zip(rows, chosen):
        row.update(counts(*case))
        if 'roofline_s' in row:
            row['roofline'] = row['roofline_s'] / row['wall_s']
        if not args.no_memory:
            row.update(memory(*case))
    if args.largest_batch:
        for system, _ in chosen:
            system.model.zero_grad(set_to_none=True)
        for row, case in zip(rows, chosen):
            row['largest_batch'] = largest(*case)
    return rows
