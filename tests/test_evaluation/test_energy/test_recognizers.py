"""The meter on whole recognizers of both packages."""
import numpy as np
import pytest
import torch
from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample
from torch.utils.data import Subset

from respike_mm.evaluation.energy import EnergyMeter, measure_energy
from respike_mm.evaluation.energy.clips import clips_per_sample, pipeline_of

FRAMES = dict(
    type='ActionDataPreprocessor', mean=[114.] * 3, std=[58.] * 3)
SMALL = dict(type='mmpretrain.ResNet', depth=18, stem_channels=8,
             base_channels=8)
HYBRID = dict(
    type='HybridReSpike',
    backbone=SMALL,
    snn_backbone=dict(type='MSResNet', base_channels=8),
    neck=dict(type='CrossAttentionNeck', reductions=(2, 1, 1, 1),
              head_channels=8, num_groups=4),
    cls_head=dict(type='ReSpikeHead', num_classes=3, average_clips='prob'),
    data_preprocessor=dict(
        type='KeyResidualDataPreprocessor', mean=[114.] * 3, std=[58.] * 3))
TSN = dict(
    type='Recognizer2D',
    backbone=SMALL,
    cls_head=dict(type='TSNHead', num_classes=3, in_channels=64,
                  average_clips='prob'),
    data_preprocessor=dict(FRAMES, format_shape='NCHW'))
SNN = dict(
    TSN, backbone=dict(type='MSResNet', base_channels=8, num_steps=4))
R3D = dict(
    type='Recognizer3D',
    backbone=dict(type='ResNet3d', depth=18, base_channels=8,
                  conv1_kernel=(3, 7, 7), pretrained=None),
    cls_head=dict(type='I3DHead', num_classes=3, in_channels=64,
                  average_clips='prob'),
    data_preprocessor=dict(FRAMES, format_shape='NCTHW'))

CASES = {
    'hybrid': (HYBRID, (1, 2, 4, 3, 32, 32)),
    'tsn': (TSN, (4, 3, 32, 32)),
    'snn': (SNN, (4, 3, 32, 32)),
    'r3d': (R3D, (2, 3, 4, 32, 32)),
}


@pytest.fixture(params=CASES)
def case(request):
    config, shape = CASES[request.param]
    torch.manual_seed(0)
    model = MODELS.build(config).eval()
    for name, module in model.named_modules():
        # So that neurons fire.
        if 'layer' in name and isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.bias, 1.)
    dtype = torch.int16 if request.param == 'hybrid' else torch.uint8
    batch = dict(
        inputs=list(torch.randint(0, 255, (2, *shape), dtype=dtype)),
        data_samples=[ActionDataSample(), ActionDataSample()])
    return request.param, model, batch


def scores(model, batch):
    batch = dict(batch, data_samples=[x.clone() for x in
                                      batch['data_samples']])
    return [x.pred_score if 'pred_score' in x else x.pred_scores.item
            for x in model.test_step(batch)]


@pytest.mark.parametrize('amp', [False, True])
def test_predictions_stay_bit_for_bit(case, amp):
    _, model, batch = case
    state = {k: v.clone() for k, v in model.state_dict().items()}
    meter = EnergyMeter(model)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=amp):
        plain = scores(model, batch)
        with meter.observe(2):
            metered = scores(model, batch)
    assert all(torch.equal(*pair) for pair in zip(plain, metered))
    assert all(torch.equal(state[k], v)
               for k, v in model.state_dict().items())
    assert not meter.measurement.unknown and not meter.measurement.outside


def test_every_weighted_layer_is_there(case):
    name, model, batch = case
    report = measure_energy(model, [batch], rules=['paper', 'strict',
                                                   'memory'])
    rows = {row['name']: row for row in report.layer_rows() if row['input']}
    for layer, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d,
                               torch.nn.Conv3d)):
            assert rows[layer]['macs'] > 0, layer
    spiking = {row['name'] for row in rows.values()
               if row['input'] == 'spike'}
    assert bool(spiking) == (name in ('hybrid', 'snn'))
    assert bool(report.firing_rates) == bool(spiking)
    assert all(0 <= rate <= 1 for rate in report.firing_rates.values())
    assert not spiking or max(report.firing_rates.values()) > 0.1
    branches = set(report.branches)
    if name == 'hybrid':
        assert {'ANN', 'SNN', 'cross-attention', 'head'} < branches
    else:
        assert branches == {'preprocessing', 'model'}


def test_figures_are_per_clip():
    """Two clips of a video cost what one costs."""
    torch.manual_seed(0)
    model = MODELS.build(R3D).eval()
    clip = torch.randint(0, 255, (1, 3, 4, 32, 32), dtype=torch.uint8)
    totals = []
    for clips in (1, 2):
        batch = dict(inputs=[clip.repeat(clips, 1, 1, 1, 1)],
                     data_samples=[ActionDataSample()])
        report = measure_energy(model, [batch], clips_per_sample=clips)
        assert report.measurement.clips == clips
        totals.append(report.branches['model']['paper'])
    assert totals[0] == pytest.approx(totals[1])


@pytest.mark.parametrize('built', [False, True])
@pytest.mark.parametrize('pipeline, clips', [
    ([dict(type='SampleFrames', clip_len=16, num_clips=10),
      dict(type='mmaction.ThreeCrop', crop_size=8)], 30),
    ([dict(type='SampleFrames', clip_len=1, num_clips=25),
      dict(type='TenCrop', crop_size=8)], 10),
    ([dict(type='UniformSample', clip_len=16, num_clips=4)], 4),
    ([dict(type='CenterCrop', crop_size=8)], 1),
    ([dict(type='DenseSampleFrames', clip_len=8, num_clips=2, test_mode=True)],
     20),
    # Segments of one clip at each of three positions.
    ([dict(type='DenseSampleFrames', clip_len=1, num_clips=8, test_mode=True,
           num_sample_positions=3, twice_sample=True)], 3),
    ([dict(type='DenseSampleFrames', clip_len=8, num_clips=2)], 2),
    ([dict(type='SampleFrames', clip_len=8, num_clips=3, test_mode=True,
           twice_sample=True)], 6),
    ([dict(type='SampleFrames', clip_len=1, num_clips=8, test_mode=True,
           twice_sample=True)], 2),
    ([dict(type='SampleFrames', clip_len=8, num_clips=3, twice_sample=True)],
     3),
    ([dict(type='MMUniformSampleFrames', clip_len=dict(RGB=8, Pose=32),
           num_clips=10)], 10),
    ([dict(type='MMUniformSampleFrames', clip_len=dict(RGB=1, Pose=32),
           num_clips=10)], 10),
    ([dict(type='UniformSampleFrames', clip_len=4, num_clips=3),
      dict(type='GeneratePoseTarget')], 3),
])
def test_clips_of_a_sample_follow_from_the_pipeline(pipeline, clips, built):
    if built:
        pipeline = [TRANSFORMS.build(step) for step in pipeline]
    assert clips_per_sample(pipeline) == clips


@pytest.mark.parametrize('sampler, clips', [
    (dict(type='DenseSampleFrames', num_clips=2), 20),
    (dict(type='SampleFrames', num_clips=3, twice_sample=True), 6),
])
def test_clips_are_those_that_mmaction_samples(sampler, clips):
    sampler = dict(sampler, clip_len=4, test_mode=True)
    frames = TRANSFORMS.build(sampler).transform(
        dict(total_frames=90, start_index=0))['frame_inds']
    assert len(frames) == 4 * clips_per_sample([sampler]) == 4 * clips


def test_clips_of_heatmaps_with_their_mirror_images():
    """The test pipeline of PoseC3D."""
    pipeline = [
        dict(type='UniformSampleFrames', clip_len=4, num_clips=3,
             test_mode=True),
        dict(type='PoseDecode'),
        dict(type='GeneratePoseTarget', double=True),
        dict(type='FormatShape', input_format='NCTHW_Heatmap')
    ]
    sample = dict(total_frames=20, img_shape=(8, 8), modality='Pose',
                  keypoint=np.full((1, 20, 17, 2), 3., np.float32),
                  keypoint_score=np.ones((1, 20, 17), np.float32))
    for step in pipeline:
        sample = TRANSFORMS.build(step).transform(sample)
    assert len(sample['imgs']) == clips_per_sample(pipeline) == 6


def test_pipelines_of_unusual_data_sets():

    class Slotted:
        __slots__ = ()

    class Computed:
        pipeline = property(lambda self: ['a', 'b'])

    assert list(pipeline_of(Slotted())) == list(pipeline_of(iter(()))) == []
    assert pipeline_of(Computed()) == ['a', 'b']
    assert pipeline_of(Subset(Computed(), [0])) == ['a', 'b']
    assert pipeline_of(dict(datasets=[dict(pipeline=['c'])])) == ['c']
