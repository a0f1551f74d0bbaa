"""Accuracy of a recognizer in bfloat16 and int8, beside float32.

    python tools/deployment/precision.py CONFIG CHECKPOINT [CHECKPOINT ...] \\
        --out docs/results/performance/precision_NAME.md

Every batch of the config's test set goes through all variants: float32,
float32 with norms folded, bfloat16 (autocast), int8 spike convolutions with
the rest in float32, and with the rest in bfloat16; with --openvino also
through OpenVINO in bfloat16, with int8 spike convolutions, and with all
products in int8, fitted to training clips. The table has one line a variant,
over all checkpoints together.
"""
import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Tuple

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER)]

import _common  # noqa: E402
from _calibration import calibration_clips  # noqa: E402
from _loading import load_respike  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor, nn

# Models, and whether they run under autocast to bfloat16.
Variants = Dict[str, Tuple['nn.Module', bool]]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of a HybridReSpike')
    parser.add_argument(
        'checkpoints', nargs='+', help='the weights: files or addresses')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument(
        '--openvino',
        action='store_true',
        help='OpenVINO too; writes ONNX files to the work dir')
    parser.add_argument(
        '--clips',
        type=int,
        default=64,
        help='training clips for int8 of all products (default: 64)')
    parser.add_argument('--out', type=Path, help='write the table to this')
    _common.add_common_options(parser)
    return parser.parse_args()


def variants(model: 'nn.Module') -> Variants:
    """In PyTorch."""
    from respike_mm.deployment import fold_batch_norm, quantise_spike_convs
    folded, int8 = fold_batch_norm(model), quantise_spike_convs(model)
    return {
        'float32': (model, False),
        'float32, norms folded': (folded, False),
        'bfloat16': (model, True),
        'int8 spike convolutions, rest float32': (int8, False),
        'int8 spike convolutions, rest bfloat16': (int8, True),
    }


def openvino_variants(model: 'nn.Module', clips: 'Tensor',
                      folder: Path) -> Variants:
    """Exported, norms folded; int8 fitted to clips ``[B, K, s, C, H, W]``."""
    import torch

    from respike_mm.deployment import (ExportedRecognizer, export_onnx,
                                       fold_batch_norm, quantise_onnx,
                                       recognizer_graph)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f'recognizer{suffix}.onnx'
             for suffix in ('', '_int8_spikes', '_int8_all')]
    # An exporter takes a batch of one for a fixed size.
    graph = recognizer_graph(fold_batch_norm(model), clips[[0, 0]])
    export_onnx(graph, files[0], opset=20)
    quantise_onnx(graph, *files[:2])
    quantise_onnx(graph, files[0], files[2], clips)
    names = ('OpenVINO, bfloat16',
             'OpenVINO, int8 spike convolutions, rest bfloat16',
             'OpenVINO, int8, rest bfloat16')
    return {
        name: (ExportedRecognizer(
            str(file), None, 'openvino_bf16', torch.get_num_threads()), False)
        for name, file in zip(names, files)
    }


def predict(models: Variants, preprocess: 'nn.Module',
            loader) -> Tuple[Dict[str, 'Tensor'], 'Tensor']:
    """Scores ``[samples, classes]`` of every variant, and labels."""
    import torch

    from respike_mm.structures import label_of, video_scores
    scores, labels = {name: [] for name in models}, []
    for batch in loader:
        data = preprocess(batch)
        for name, (network, bf16) in models.items():
            with torch.no_grad(), torch.autocast(
                    'cpu', torch.bfloat16, enabled=bf16):
                found = network(**data, mode='predict')
            scores[name] += [video_scores(x).float() for x in found]
        labels += map(label_of, data['data_samples'])
    return ({name: torch.stack(rows) for name, rows in scores.items()},
            torch.tensor(labels))


def table(scores: Dict[str, 'Tensor'], labels: 'Tensor') -> List[str]:
    """Markdown; predictions and scores are compared with the first row's."""
    lines = [
        '| precision | right | top-1 | points | other predictions | '
        'largest difference of a score | mean difference |',
        '|---|---|---|---|---|---|---|'
    ]
    first = next(iter(scores.values()))
    base = (first.argmax(1) == labels).sum().item()
    for name, rows in scores.items():
        right = (rows.argmax(1) == labels).sum().item()
        moved = (rows.argmax(1) != first.argmax(1)).sum().item()
        difference = (rows - first).abs()
        lines.append(
            f'| {name} | {right} of {len(labels)} | '
            f'{100 * right / len(labels):.2f} | '
            f'{100 * (right - base) / len(labels):+.2f} | {moved} | '
            f'{difference.max():.1e} | {difference.mean():.1e} |')
    return lines


def main() -> None:
    args = parse_args()
    for checkpoint in args.checkpoints:
        _common.check_checkpoint(checkpoint)
    cfg = _common.load_config(args)
    import torch
    from mmengine.runner import Runner
    torch.set_num_threads(args.threads)
    found = []
    for checkpoint in args.checkpoints:
        model = load_respike(cfg, checkpoint)
        models = variants(model)
        loader = Runner.build_dataloader(cfg.test_dataloader)
        if args.openvino:
            models.update(
                openvino_variants(model,
                                  calibration_clips(cfg, model, args.clips),
                                  Path(cfg.work_dir, 'precision')))
        found.append(predict(models, model.data_preprocessor, loader))
    scores = {name: torch.cat([run[0][name] for run in found])
              for name in found[0][0]}
    labels = torch.cat([run[1] for run in found])
    command = shlex.join(
        ['python', 'tools/deployment/precision.py', *sys.argv[1:]])
    text = '\n'.join([
        f'`{command}`', '', f'{len(found)} training run(s), '
        f'{len(labels) // len(found)} test videos each:', '',
        *table(scores, labels), ''
    ])
    print(text, end='')
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text)


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    main()
