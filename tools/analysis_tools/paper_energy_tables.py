"""Recompute the operation counts and energies that the paper prints.

    python tools/analysis_tools/paper_energy_tables.py

writes ``docs/results/energy_tables.json`` and ``.md``: every figure of table
3 and the GFLOPs of table 2 beside ours, with the rule that gives it. The
networks run on the meta device, so neither weights nor data are needed.
"""
import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import torch
import torchvision
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope
from torch import nn

import respike_mm  # noqa: F401  (registers the components)
from respike_mm.evaluation.energy import EnergyConstants, EnergyMeter
from respike_mm.evaluation.energy.markdown import table
from respike_mm.evaluation.energy.measurement import Measurement
from respike_mm.evaluation.energy.rules.paper import paper as paper_rule

NUM_CLASSES, NUM_FRAMES, CROP = 51, 16, 224  # HMDB-51
CONSTANTS = EnergyConstants()
# SyOPs (G) that the paper measured; they need its weights and videos.
SYOPS = {
    'MS-ResNet-18': {'HMDB-51': 3.19, 'UCF-101': 3.27},
    'ReSpike R18': {'HMDB-51': 1.93, 'UCF-101': 1.97},
    'ReSpike R50': {'HMDB-51': 1.93, 'UCF-101': 2.01},
}
ENERGY = {
    'MS-ResNet-18': {'HMDB-51': 4.47, 'UCF-101': 4.55},
    'ReSpike R18': {'HMDB-51': 68.31, 'UCF-101': 68.35},
    'ReSpike R50': {'HMDB-51': 110.15, 'UCF-101': 110.21},
}
PAPER_CA = 7.22
WITH_NORM = ('convolutions, linear layers, 5 per batch-norm element, the '
             'pooled map once')


@dataclass
class Figure:
    """One printed figure.

    Args:
        row: Row of the table.
        quantity: What it is, with its unit.
        paper: As printed; None where the paper has no such figure.
        ours: Recomputed.
        rule: What is counted.
        digits: Decimals that the paper prints.
    """
    row: str
    quantity: str
    paper: Optional[float]
    ours: float
    rule: str
    digits: int = 2

    @property
    def printed(self) -> str:
        """The paper's figure as it stands there."""
        return '' if self.paper is None else f'{self.paper:.{self.digits}f}'

    @property
    def reproduced(self) -> str:
        """Whether ours rounds to the printed figure, or the difference."""
        if self.paper is None:
            return ''
        if f'{self.ours:.{self.digits}f}' == self.printed:
            return 'yes'
        return f'{self.ours - self.paper:+.{self.digits + 1}f}'


def observe(model: nn.Module, *inputs: torch.Tensor, **kwargs) -> Measurement:
    """Count one sample's forward pass."""
    model.eval()
    meter = EnergyMeter(model)
    with torch.no_grad(), meter.observe(num_samples=1):
        model(*inputs, **kwargs)
    return meter.measurement


def giga(measurement: Measurement, chosen: Callable = lambda x: True) -> float:
    """Dense multiply-accumulates of the chosen weighted sums, in G."""
    return sum(x.total.macs for x in measurement.layers.values()
               if x.kinds and chosen(x)) / 1e9


def paper_giga(measurement: Measurement) -> float:
    """FLOPs that the rule ``paper`` charges a network without neurons."""
    charges = paper_rule(list(measurement.layers.values()), CONSTANTS)
    return sum(charge.macs for charge in charges) / 1e9


def baselines() -> Dict[str, Measurement]:
    """The ANN rows of table 3."""
    frames = torch.empty(NUM_FRAMES, 3, CROP, CROP)
    models = torchvision.models
    c3d = dict(
        type='Recognizer3D',
        backbone=dict(type='C3D'),
        cls_head=dict(type='I3DHead', in_channels=4096, spatial_type=None,
                      num_classes=NUM_CLASSES, average_clips='prob'))
    return {
        'ResNet-18': observe(
            models.resnet18(num_classes=NUM_CLASSES), frames),
        'ResNet-50': observe(
            models.resnet50(num_classes=NUM_CLASSES), frames),
        # Four crops of its fixed size cover one of 224.
        'C3D': observe(
            MODELS.build(c3d), torch.empty(1, 4, 3, NUM_FRAMES, 112, 112),
            stage='head'),
        'Res3D': observe(
            models.video.r3d_18(num_classes=NUM_CLASSES),
            torch.empty(1, 3, NUM_FRAMES, CROP, CROP)),
    }


def respike(depth: int, stride: int, crop: int = CROP) -> Measurement:
    """ReSpike on one clip."""
    model = MODELS.build(
        dict(
            type='HybridReSpike',
            backbone=dict(type=f'torchvision.resnet{depth}'),
            snn_backbone=dict(type='MSResNet'),
            neck=dict(type='CrossAttentionNeck'),
            cls_head=dict(type='ReSpikeHead', num_classes=NUM_CLASSES)))
    clip = torch.empty(1, 1, NUM_FRAMES // stride, stride, 3, crop, crop)
    return observe(model, clip, stage='head')


def attention_of_authors(depth: int, stride: int) -> float:
    """Cross-attention with keys and values anew at every time step, in G."""
    widths = (64, 128, 256, 512)
    context = [width * (4 if depth >= 50 else 1) for width in widths]
    neck = MODELS.build(
        dict(type='CrossAttentionNeck', in_channels=widths,
             context_channels=context))
    residuals = NUM_FRAMES - NUM_FRAMES // stride
    total = 0.
    for stage, (width, other) in enumerate(zip(widths, context)):
        size = CROP // 2**(stage + 2)
        total += giga(
            observe(neck, torch.empty(1, residuals, width, size, size),
                    torch.empty(residuals, other, size, size), stage))
    return total


def table3() -> List[Figure]:
    """Table 3, and what it would be with one rule for all."""
    figures = []
    printed = {'ResNet-18': (29.22, 134.40), 'ResNet-50': (66.29, 304.92),
               'C3D': (154.19, 709.27), 'Res3D': (163.21, 750.78)}
    counts = baselines()
    for row, count in counts.items():
        flops = paper_giga(count)
        rule = WITH_NORM + (', 4 crops of 112x112' if row == 'C3D' else '')
        figures += [
            Figure(row, 'FLOPs (G)', printed[row][0], flops, rule),
            Figure(row, 'energy (mJ)', printed[row][1],
                   CONSTANTS.pj_mac * flops, '4.6 pJ a FLOP')
        ]
    snn = observe(MODELS.build(dict(type='MSResNet', num_steps=NUM_FRAMES)),
                  torch.empty(NUM_FRAMES, 3, CROP, CROP))
    stem = giga(snn, lambda x: x.name.startswith('stem'))
    figures.append(Figure('MS-ResNet-18', 'FLOPs (G)', 0.35, stem,
                          'the 3x3 stride-2 stem alone, 16 frames'))
    figures += energies('MS-ResNet-18', stem, "the stem and the paper's SyOPs")
    for depth, printed_ann in ((18, 7.25), (50, 16.35)):
        figures += respike_rows(depth, printed_ann)
    for row in ('ResNet-18', 'ResNet-50'):
        flops = giga(counts[row], lambda x: x.op == 'conv')
        figures.append(Figure(row, 'energy (mJ)', None,
                              CONSTANTS.pj_mac * flops, 'convolutions alone'))
    return figures


def energies(row: str, flops: float, rule: str) -> List[Figure]:
    """Energy of a spiking row on both data sets, with the paper's SyOPs."""
    return [
        Figure(row, f'energy (mJ), {data}', ENERGY[row][data],
               CONSTANTS.pj_mac * flops + CONSTANTS.pj_ac * syops,
               f'4.6 and 0.9 pJ; {rule}')
        for data, syops in SYOPS[row].items()
    ]


def respike_rows(depth: int, printed_ann: float) -> List[Figure]:
    """ReSpike at s = 4: the paper's rule, then everything."""
    row = f'ReSpike R{depth}'
    count = respike(depth, stride=4)
    convolutions = giga(count, lambda x: x.branch == 'ANN' and x.op == 'conv')
    ours = giga(count, lambda x: x.branch == 'cross-attention')
    theirs = attention_of_authors(depth, stride=4)
    # Stem and shortcuts take floats; every other convolution takes spikes.
    floats = giga(count, lambda x: x.branch == 'SNN' and (
        x.name.startswith('snn_backbone.stem') or 'shortcut' in x.name))
    everything = CONSTANTS.pj_mac * (convolutions + floats + theirs) + \
        CONSTANTS.pj_ac * SYOPS[row]['HMDB-51']
    return [
        Figure(row, 'ANN FLOPs (G)', printed_ann, convolutions,
               'convolutions alone, 4 key frames'),
        Figure(row, 'cross-attention FLOPs (G)', PAPER_CA, theirs,
               'every projection and attention product, keys and values at '
               "every time step (the authors' modules)"),
        Figure(row, 'cross-attention FLOPs (G)', None, ours,
               'the same, keys and values once a key frame (this package)'),
        *energies(row, convolutions + PAPER_CA,
                  "ANN convolutions, the paper's cross-attention and SyOPs"),
        Figure(row, 'energy (mJ), HMDB-51', None, everything,
               'the same with the true cross-attention, the float-driven '
               f'stem and shortcuts of the SNN ({floats:.3f} G)'),
    ]


def table2() -> List[Figure]:
    """Inference GFLOPs over ANN depth: s = 2, eight key frames at 256."""
    printed = {18: 23.8, 50: 47.5, 101: 86.3, 152: 125.0}
    attention = PAPER_CA * 8 / 12  # residual frames at s = 2 and s = 4
    return [
        Figure(f'ReSpike R{depth}', 'FLOPs (G)', paper, attention + giga(
            respike(depth, 2, 256),
            lambda x: x.branch == 'ANN' and x.op == 'conv'),
               'ANN convolutions, 8 key frames at 256x256, plus '
               f'{attention:.2f} (7.22 x 8 / 12 residual frames)', 1)
        for depth, paper in printed.items()
    ]


def to_markdown(tables: Dict[str, Sequence[Figure]]) -> str:
    parts = ["# The paper's operation counts and energies\n",
             'Made by `python tools/analysis_tools/paper_energy_tables.py`; '
             '*reproduced* says whether ours rounds to the printed figure, or '
             'by how much it differs. docs/energy.md discusses the rules.\n']
    for title, figures in tables.items():
        parts += [f'## {title}\n',
                  table(['row', 'figure', 'paper', 'ours', 'reproduced',
                         'what is counted'],
                        [[f.row, f.quantity, f.printed, f'{f.ours:.4f}',
                          f.reproduced, f.rule] for f in figures])]
    return '\n'.join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('docs/results/energy_tables'),
        help='path without suffix')
    args = parser.parse_args()
    init_default_scope('mmaction')
    with torch.device('meta'):
        tables = {'Table 3': table3(), 'Table 2': table2()}
    content = {
        title: [dict(asdict(f), reproduced=f.reproduced) for f in figures]
        for title, figures in tables.items()
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix('.json').write_text(
        json.dumps(content, indent=1) + '\n')
    text = to_markdown(tables)
    args.out.with_suffix('.md').write_text(text)
    print(text)


if __name__ == '__main__':
    main()
