"""Export a trained HybridReSpike, and check what was exported.

    python tools/deployment/export.py CONFIG CHECKPOINT --out DIR

writes the whole recognizer (``recognizer.pt2``, ``.onnx``) and, for video
frame by frame, ``key_frame`` and ``step``. Batch is dynamic; segments, stride
and frame size are those of the config's test pipeline and fixed. ONNX files
run in ONNX Runtime on other inputs, at another batch size, and must agree
with PyTorch: exit status 1 if not. docs/deployment.md describes the graphs.
"""
import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER)]

import _common  # noqa: E402
from _calibration import calibration_clips  # noqa: E402
from _loading import load_respike  # noqa: E402

if TYPE_CHECKING:
    from mmengine.config import Config
    from torch import Tensor, nn

    from respike_mm.deployment import Graph


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of the model')
    parser.add_argument('checkpoint', help='the weights: a file or address')
    parser.add_argument(
        '--out', type=Path, required=True, help='folder of the files')
    parser.add_argument(
        '--graphs',
        nargs='+',
        choices=['recognizer', 'streaming', 'nir'],
        default=['recognizer', 'streaming'],
        help='what to export; nir is the spiking branch without fusion, '
        'snn_branch.nir (default: recognizer streaming)')
    parser.add_argument(
        '--formats',
        nargs='+',
        choices=['pt2', 'onnx'],
        default=['pt2', 'onnx'],
        help='how, other than nir (default: both)')
    parser.add_argument(
        '--fold',
        action='store_true',
        help='fold batch norm into the convolutions first')
    parser.add_argument(
        '--int8',
        choices=['spikes', 'all'],
        help='write recognizer_int8.onnx too: convolutions of spikes in '
        'int8, or all products, fitted to training clips of the config')
    parser.add_argument(
        '--clips',
        type=int,
        default=64,
        help='training clips for --int8 all (default: 64)')
    parser.add_argument(
        '--weight-bits',
        type=int,
        choices=[7, 8],
        default=8,
        help='of --int8; 7 for x86 processors without VNNI (default: 8)')
    parser.add_argument(
        '--opset', type=int, default=20, help='of ONNX (default: 20)')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1e-4,
        help='largest difference between ONNX Runtime and PyTorch '
        '(default: 1e-4)')
    _common.add_common_options(parser)
    args = parser.parse_args()
    if args.opset < 18:
        parser.error(f'--opset {args.opset}: PyTorch writes 18 or later')
    if args.int8 and not ('recognizer' in args.graphs
                          and 'onnx' in args.formats):
        parser.error('--int8 needs the graph recognizer in the format onnx')
    return args


def noise_segments(cfg: 'Config', model: 'nn.Module', batch: int,
                   seed: int) -> 'Tensor':
    """Noise as the recognizer takes it, ``[B, K, s, C, H, W]``.

    One view each of random frames, through the config's test pipeline and
    data preprocessor.
    """
    from respike_mm.evaluation.energy.random_clips import random_batches
    pipeline = cfg.test_dataloader.dataset.pipeline
    data = next(random_batches(pipeline, batch, batch, seed=seed))
    return model.data_preprocessor(data)['inputs'][:, 0]


def build_graphs(model: 'nn.Module', segments: 'Tensor',
                 names: list) -> Dict[str, 'Graph']:
    """Graphs by the names of their files, for ``--graphs`` or those files."""
    from respike_mm.deployment import (key_frame_graph, recognizer_graph,
                                       step_graph)
    from respike_mm.models.recognizers.respike_step import ReSpikeStep
    graphs = {}
    if 'recognizer' in names:
        graphs['recognizer'] = recognizer_graph(model, segments)
    if 'streaming' in names or 'step' in names:
        network = ReSpikeStep(model)
        key, residual = segments[:, 0, 0], segments[:, 0, 1]
        graphs['key_frame'] = key_frame_graph(network, key)
        graphs['step'] = step_graph(network, key, residual)
    return graphs


def segment_logits(network: 'nn.Module', segment: 'Tensor') -> 'Tensor':
    """Logits ``[S, B, num_classes]`` after every frame of ``[B, s, ...]``."""
    import torch
    key_frame, state = network.key_frame(segment[:, 0]), None
    logits = []
    for residual in segment[:, 1:].unbind(1):
        out, state = network(residual, key_frame, state)
        logits.append(out)
    return torch.stack(logits)


def run_segment(run_key: Callable, run_step: Callable, step: 'Graph',
                segment: 'Tensor') -> 'Tensor':
    """The same by the exported graphs, the state handed back each time."""
    import torch
    from torch.utils._pytree import tree_leaves
    names = [name.removeprefix('next_') for name in step.output_names[1:]]
    examples = tree_leaves(step.inputs)[-len(names):]
    state = {  # at rest; the count of steps is a scalar
        name: torch.zeros((len(segment), *x.shape[1:])[:x.dim()]).numpy()
        for name, x in zip(names, examples)
    }
    key_frame = run_key(dict(key=segment[:, 0].numpy()))
    logits = []
    for residual in segment[:, 1:].unbind(1):
        out = run_step({'residual': residual.numpy(), **key_frame, **state})
        state = {name: out[f'next_{name}'] for name in names}
        logits.append(torch.from_numpy(out['logits']))
    return torch.stack(logits)


def report(name: str, found: 'Tensor', single: 'Tensor', double: 'Tensor',
           tolerance: float) -> bool:
    """Print the differences of ``[..., B, num_classes]``; are they small?

    Rounding can move a membrane potential across the threshold, on either
    side, and one spike shows in the scores. So every clip has to agree with
    PyTorch in float32 or with PyTorch in float64; a wrong graph does neither.
    Where ONNX Runtime alone moves one, single clips differ; for a wrong graph
    all do.
    """
    import torch
    differences = torch.stack([(found - x).abs().movedim(-2, 0).flatten(1)
                               for x in (single, double)]).amax(2)  # [2, B]
    closest = differences.amin(0)
    worst, close = closest.max().item(), (closest <= tolerance).sum()
    low, high = (f'{d.max():.1e}' for d in differences)
    own = (single - double).abs().max()
    verdict = 'within' if worst <= tolerance else 'ABOVE'
    print(f'{name}: {worst:.1e}, {verdict} {tolerance:g}. Exported - PyTorch '
          f'float32 {low}, - float64 {high}; PyTorch float32 - float64 '
          f'{own:.1e} (within: {close} of {len(closest)} clips or segments)')
    return worst <= tolerance


def check(model: 'nn.Module', graphs: Dict[str, 'Graph'], out: Path,
          segments: 'Tensor', tolerance: float) -> bool:
    """Run the ONNX files; print differences; whether all are small."""
    from copy import deepcopy

    import torch

    from respike_mm.deployment import load_onnxruntime
    runs = {name: load_onnxruntime(out / f'{name}.onnx') for name in graphs}
    wide = segments.double()
    double = build_graphs(deepcopy(model).double(), wide, list(graphs))
    good = []
    with torch.no_grad():
        if 'recognizer' in graphs:
            found = runs['recognizer'](dict(segments=segments.numpy()))
            good.append(
                report('recognizer', torch.from_numpy(found['scores']),
                       graphs['recognizer'].module(segments),
                       double['recognizer'].module(wide), tolerance))
        if 'step' in graphs:
            found = run_segment(runs['key_frame'], runs['step'],
                                graphs['step'], segments[:, 0])
            good.append(
                report(
                    'streaming', found,
                    segment_logits(graphs['step'].module.network,
                                   segments[:, 0]),
                    segment_logits(double['step'].module.network,
                                   wide[:, 0]), tolerance))
    return all(good)


def export_and_check_nir(model: 'nn.Module', segments: 'Tensor', path: Path,
                         tolerance: float) -> bool:
    """Write the spiking branch, read it again, compare its last maps."""
    from copy import deepcopy

    import torch

    from respike_mm.deployment import export_nir, run_nir
    branch = model.snn_backbone
    residual = model.split_segments(segments[:, None])[1]
    export_nir(branch, segments.shape[-2:], path)
    with torch.no_grad():
        maps = (run_nir(path, residual), branch(residual),
                deepcopy(branch).double()(residual.double()))
    return report(path.stem, *(x.flatten(2) for x in maps), tolerance)


def main() -> None:
    args = parse_args()
    _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    import torch

    from respike_mm.deployment import (export_onnx, export_program,
                                       fold_batch_norm, quantise_onnx)
    model = load_respike(cfg, args.checkpoint)
    if args.fold:
        model = fold_batch_norm(model)
    segments = noise_segments(cfg, model, 2, seed=0)
    graphs = build_graphs(model, segments, args.graphs)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, graph in graphs.items():
        for suffix in args.formats:
            path = args.out / f'{name}.{suffix}'
            if suffix == 'pt2':
                torch.export.save(export_program(graph), path)
            else:
                export_onnx(graph, path, args.opset)
            print(f'{path}: {path.stat().st_size / 2**20:.1f} MiB')
    if args.int8:
        clips = None
        if args.int8 == 'all':
            clips = calibration_clips(cfg, model, args.clips)
        quantise_onnx(graphs['recognizer'], args.out / 'recognizer.onnx',
                      args.out / 'recognizer_int8.onnx', clips,
                      args.weight_bits)
    _, num_segments, stride, _, height, width = segments.shape
    print(f'batch dynamic; fixed: {num_segments} segments of {stride} frames, '
          f'{height}x{width}; ONNX opset {args.opset}')
    good, fresh = True, noise_segments(cfg, model, 3, seed=1)
    if graphs and 'onnx' in args.formats:
        good = check(model, graphs, args.out, fresh, args.tolerance)
    if 'nir' in args.graphs:
        good &= export_and_check_nir(model, fresh,
                                     args.out / 'snn_branch.nir',
                                     args.tolerance)
    if not good:
        raise SystemExit(1)


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
