"""The machine that a report's figures are from."""
import platform
from pathlib import Path
from typing import Dict

import torch

CPUINFO = Path('/proc/cpuinfo')


def processor() -> str:
    """Name of the CPU; off Linux and x86 what Python knows of it."""
    if CPUINFO.is_file():
        for line in CPUINFO.read_text().splitlines():
            key, _, value = line.partition(':')
            if key.strip() == 'model name' and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def machine(device: str) -> Dict[str, str]:
    """``processor``, PyTorch's ``cpu_capability`` and, on a GPU, ``gpu``.

    Args:
        device: As PyTorch writes it, such as ``'cuda:1'``.
    """
    found = dict(
        processor=processor(),
        cpu_capability=torch.backends.cpu.get_cpu_capability())
    if device.startswith('cuda'):
        found['gpu'] = torch.cuda.get_device_name(device)
    return found


def in_words(found: Dict[str, str]) -> str:
    """What computes, for the line over a table."""
    return found.get('gpu') or (
        f'{found["processor"]}, {found["cpu_capability"]}')
