"""Other runtimes in place of PyTorch, for the systems that export."""
import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from respike_mm.deployment import (RUNTIMES, export_onnx, fold_batch_norm,
                                   quantise_onnx, recognizer_graph)
from respike_mm.models import HybridReSpike

from .system import System, segments


def exported(system: System, args: argparse.Namespace, runtime: str,
             int8: str) -> System:
    """The system exported, norms folded, and run by a runtime.

    What comes out are scores.

    Args:
        system: ReSpike.
        args: Sizes of the clips, threads.
        runtime: A key of ``RUNTIMES``.
        int8: ``'none'``, ``'spikes'`` for their convolutions, or ``'all'``
            for all products, fitted to noise: what that costs in accuracy,
            ``tools/deployment/precision.py`` shows.

    Raises:
        ModuleNotFoundError: If the runtime is not installed.
        ValueError: If the system is another, or not for the CPU.
    """
    if not isinstance(system.model, HybridReSpike) or args.device != 'cpu':
        raise ValueError('only respike is exported, and for the CPU')
    # An exporter takes a batch of one for a fixed size.
    shape = max(2, args.batch), args.frames, 3, args.crop, args.crop
    clips = segments(torch.randn(shape), args.stride).squeeze(1)
    graph = recognizer_graph(fold_batch_norm(system.model), clips)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'recognizer.onnx')
        export_onnx(graph, file, opset=20)
        if int8 != 'none':
            source, file = file, file.with_name('int8.onnx')
            quantise_onnx(graph, source, file,
                          clips if int8 == 'all' else None)
        run = RUNTIMES[runtime](file, args.threads)
        run(dict(segments=clips[:args.batch].numpy()))  # reads the file

    def forward(_, clips: Tensor) -> Tensor:
        inputs = segments(clips, args.stride).squeeze(1).numpy()
        return torch.from_numpy(run(dict(segments=inputs))['scores'])

    return system._replace(forward=forward)
