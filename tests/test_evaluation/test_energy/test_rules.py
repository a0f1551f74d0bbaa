"""The rules, on networks small enough to price by hand."""
import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from respike_mm.evaluation.energy import (EnergyConstants, EnergyMeter,
                                          EnergyReport, measure_energy)
from respike_mm.evaluation.energy.rules.paper import paper
from respike_mm.evaluation.energy.work import LayerRecord, Work
from respike_mm.models import LIFNeuron

RULES = ('paper', 'strict', 'memory')


class SNN(nn.Module):
    """Stem 1 -> 2, neuron, 1x1 convolution 2 -> 3, classifier 3 -> 4."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 2, 1, bias=False)
        self.lif = LIFNeuron()
        self.conv = nn.Conv2d(2, 3, 1, bias=False)
        self.head = nn.Linear(3, 4, bias=False)
        nn.init.ones_(self.stem.weight)

    def forward(self, x):  # [S, N, 1, H, W]
        spikes = self.lif(self.stem(x.flatten(0, 1)).unflatten(0, x.shape[:2]))
        return self.head(self.conv(spikes.flatten(0, 1)).mean((2, 3)))


@pytest.fixture
def snn_report():
    # 2 steps, 1 sample, 2 x 2: half of the pixels drive both channels.
    x = torch.tensor([2., 0, 2, 0]).view(1, 1, 1, 2, 2).expand(2, -1, -1, -1,
                                                              -1)
    meter = EnergyMeter(SNN().eval())
    with torch.no_grad(), meter.observe(1):
        meter.model(x)
    return meter.report(RULES)


def rows(report: EnergyReport) -> dict:
    return {(row['name'], row['op']): row for row in report.layer_rows()}


def test_paper_on_a_spiking_network(snn_report):
    layers = rows(snn_report)
    stem, conv = 2 * 4 * 2, 2 * 4 * 6
    assert layers['stem', 'conv']['paper_macs'] == stem
    # 8 spikes of 16 neurons-and-steps: rate 1/2 a step, 1 over both.
    assert layers['conv', 'conv']['rate'] == 0.5
    assert layers['conv', 'conv']['rate_summed'] == 1
    assert layers['conv', 'conv']['paper_syops'] == conv / 2
    assert 'stem alone' in layers['head', 'linear']['paper_excluded']
    for key in (('lif', 'neuron'), ('', 'mean')):
        assert 'weighted sums only' in layers[key]['paper_excluded']
    assert snn_report.totals()['paper'] == pytest.approx(
        dict(
            macs=stem,
            syops=conv / 2,
            energy_mj=(4.6 * stem + 0.9 * conv / 2) * 1e-9))


def test_strict_on_a_spiking_network(snn_report):
    updates, means = 16, 2 * 3
    macs = 2 * 4 * 2 + updates + 2 * 12
    syops, adds = 8 * 3, 2 * 3 * (4 - 1)
    energy = 4.6 * macs + 0.9 * (syops + adds + 2 * updates) + 3.7 * means
    assert snn_report.totals()['strict'] == pytest.approx(
        dict(macs=macs, syops=syops, energy_mj=energy * 1e-9))
    assert not any(row['strict_excluded'] for row in rows(snn_report).values())


def test_every_record_is_charged_or_says_why_not(snn_report):
    for row in snn_report.layer_rows():
        for rule in RULES:
            charged = row[f'{rule}_energy_mj'] > 0
            assert charged != bool(row[f'{rule}_excluded']), row


@pytest.fixture(scope='module')
def hybrid_report():
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='HybridReSpike',
            backbone=dict(type='mmpretrain.ResNet', depth=18, stem_channels=8,
                          base_channels=8),
            snn_backbone=dict(type='MSResNet', base_channels=8),
            neck=dict(type='CrossAttentionNeck', reductions=(2, 1, 1, 1),
                      head_channels=8, num_groups=4),
            cls_head=dict(type='ReSpikeHead', num_classes=3),
            data_preprocessor=dict(
                type='KeyResidualDataPreprocessor', mean=[0.] * 3,
                std=[1.] * 3)))
    for name, module in model.named_modules():
        if 'snn' in name and isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.bias, 2.)
    batch = dict(inputs=list(torch.randn(2, 1, 2, 4, 3, 32, 32)),
                 data_samples=[None, None])

    def forward(data):
        model.extract_feat(model.data_preprocessor(data)['inputs'], 'head')

    return measure_energy(model, [batch], rules=RULES, forward=forward)


def test_branches_of_the_hybrid(hybrid_report):
    assert set(hybrid_report.branches) == {
        'preprocessing', 'ANN', 'SNN', 'cross-attention', 'head'
    }
    total = hybrid_report.totals()
    for rule in RULES:
        parts = [x[rule]['energy_mj'] for x in hybrid_report.branches.values()]
        assert sum(parts) == pytest.approx(total[rule]['energy_mj'])


def test_paper_on_the_hybrid(hybrid_report):
    """Convolutions of the ANN, spikes of the SNN, attention; nothing else."""
    charged, spiking = {}, 0
    for row in hybrid_report.layer_rows():
        if not row['paper_excluded']:
            charged.setdefault(row['branch'], set()).add(row['op'])
        if row['branch'] == 'SNN' and row['op'] == 'conv':
            is_float = 'stem' in row['name'] or 'shortcut' in row['name']
            assert row['input'] == ('float' if is_float else 'spike'), row
            assert bool(row['paper_excluded']) == is_float
            spiking += not is_float
    assert spiking == 16
    assert charged == {
        'ANN': {'conv'},
        'SNN': {'conv'},
        'cross-attention': {'conv', 'linear', 'attention Q K^T',
                            'attention A V'}
    }
    assert hybrid_report.branches['SNN']['paper']['macs'] == 0


def test_paper_takes_only_convolutions_of_a_hybrids_ann():
    """A ConvNeXt or a transformer as ANN has linear layers too."""
    records = []
    for branch, op in (('ANN', 'conv'), ('ANN', 'linear'), ('SNN', 'neuron')):
        records.append(LayerRecord(f'{branch}.{op}', branch, op))
        kind = '' if op == 'neuron' else 'float'
        records[-1].add(Work(op, kind=kind, macs=7))
    conv, linear, _ = paper(records, EnergyConstants())
    assert conv.macs == 7 and linear.macs == 0
    assert 'convolutions alone' in linear.excluded


def test_strict_on_the_hybrid_leaves_nothing_out(hybrid_report):
    for row in hybrid_report.layer_rows():
        assert not row['strict_excluded'] and row['strict_energy_mj'] > 0
    snn = hybrid_report.branches['SNN']
    assert snn['strict']['macs'] > snn['paper']['macs']
    # At the border spikes reach less than the dense count assumes.
    assert 0 < snn['strict']['syops'] < snn['paper']['syops']


def test_paper_on_an_ann_counts_as_the_baseline_rows():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    report = measure_energy(model, [torch.randn(1, 3, 6, 6)])
    conv, norm, pool, linear = 36 * 27 * 4, 5 * 144, 144, 20
    assert report.totals()['paper']['macs'] == conv + norm + pool + linear
    assert rows(report)['2', 'activation']['paper_excluded']


def test_constants_are_what_is_charged(snn_report):
    meter_report = EnergyReport.of(
        snn_report.measurement, RULES,
        EnergyConstants(pj_mac=1, pj_ac=0, pj_mul=0, pj_compare=0,
                        pj_special=0))
    for rule in ('paper', 'strict'):
        total = meter_report.totals()[rule]
        assert total['energy_mj'] == pytest.approx(total['macs'] * 1e-9)
    flat = EnergyReport.of(snn_report.measurement, RULES,
                           EnergyConstants(pj_byte=0.))
    assert 0 < flat.totals()['memory']['energy_mj'] < \
        snn_report.totals()['memory']['energy_mj']


@pytest.mark.parametrize('name', ['pj_mac', 'pj_byte'])
@pytest.mark.parametrize('value', [-1, float('nan')])
def test_impossible_constants_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        EnergyConstants(**{name: value})


def test_unknown_rules_are_refused(snn_report):
    with pytest.raises(ValueError, match='strikt.*paper'):
        EnergyReport.of(snn_report.measurement, ['strikt'], EnergyConstants())
