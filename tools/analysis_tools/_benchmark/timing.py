"""Time of a step: several systems in turn, in one process."""
import statistics
import time
from typing import Callable, Dict, List

import torch


def once(step: Callable[[], None], cuda: bool) -> Dict[str, float]:
    """Wall and CPU seconds of one step."""
    start = time.perf_counter(), time.process_time()
    step()
    if cuda:
        torch.cuda.synchronize()
    return dict(
        wall_s=time.perf_counter() - start[0],
        cpu_s=time.process_time() - start[1])


def alternate(steps: List[Callable[[], None]], warmup: int, rounds: int,
              cuda: bool) -> List[List[Dict[str, float]]]:
    """Run every step once a round, so that all meet the same machine."""
    times = [[] for _ in steps]
    for i in range(warmup + rounds):
        for taken, step in zip(times, steps):
            clocks = once(step, cuda)
            if i >= warmup:
                taken.append(clocks)
    return times


def summary(times: List[Dict[str, float]]) -> Dict[str, float]:
    """Median, lowest and highest of both clocks."""
    found = {}
    for clock in times[0]:
        values = [t[clock] for t in times]
        found[clock] = statistics.median(values)
        found[f'{clock}_min'], found[f'{clock}_max'] = min(values), max(values)
    return found
