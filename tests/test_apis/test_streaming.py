"""Streams against the recognizer on the same frames as clips."""
import gc

import numpy as np
import pytest
import torch
from action_samples import score_of
from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from tiny_respike import settled

from respike_mm.apis import StreamingReSpike, stream_options
from respike_mm.datasets.transforms import KeyResidualSampler

CENTRE = [dict(type='CenterCrop', crop_size=32)]


def video(num_frames, size=32, streams=None, seed=0):
    shape = (num_frames, size, size, 3)
    if streams is not None:
        shape = (shape[0], streams, *shape[1:])
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@torch.no_grad()
def clip_scores(model, frames, stride, emit='segments'):
    """What the test pipeline and the recognizer make of ``[T, H, W, C]``."""
    sampler = KeyResidualSampler(stride, emit)
    results = sampler(dict(imgs=list(frames), clip_len=len(frames)))
    inputs = [torch.from_numpy(results['imgs'])]
    data = model.data_preprocessor(
        dict(inputs=inputs, data_samples=[ActionDataSample()]))
    return score_of(model(**data, mode='predict')[0])


def run(stream, frames):
    return [stream.step(frame) for frame in frames]


HEAD = dict(type='ReSpikeHead', num_classes=5)


@pytest.mark.parametrize('options', [
    dict(),
    dict(cls_head=dict(average_clips='prob', dropout_ratio=0.5, **HEAD)),
    dict(cls_head=dict(average_clips='score', key_weight=0.3, **HEAD)),
    dict(neck=None),
    dict(snn_backbone=dict(
        type='MSResNet', base_channels=8, stem='conv7x7', final_neuron=True,
        norm_mode='merged', neuron=dict(
            type='LIFNeuron', decay_input=False, v_threshold=0.5))),
    dict(snn_backbone=dict(type='SNNResNet', base_channels=8)),
    dict(data_preprocessor=dict(
        type='KeyResidualDataPreprocessor', mean=[99., 110., 120.],
        std=[50., 60., 70.], to_rgb=True)),
    dict(data_preprocessor=dict(
        type='KeyResidualDataPreprocessor', mean=[127.] * 3, std=[60.] * 3,
        residual=False)),
], ids=['plain', 'prob-dropout', 'key-weight', 'no-neck', 'ms-resnet',
        'snn-resnet', 'bgr', 'raw-frames'])
def test_equals_clips(options):
    model = settled(**options)
    frames = video(12)
    stream = StreamingReSpike(model, 4, 2, 1, ())
    scores = run(stream, frames)
    assert [s is None for s in scores] == [True, False, False, False] * 3
    for end in (8, 12):  # the last two segments
        torch.testing.assert_close(
            scores[end - 1], clip_scores(model, frames[end - 8:end], 4),
            rtol=0, atol=1e-5)
    assert (scores[7] - scores[11]).abs().max() > 1e-4


@pytest.mark.parametrize('stride', [2, 4, 8])
@pytest.mark.parametrize('stock', [True, False], ids=['stock', 'random'])
def test_every_stride_and_part_of_a_segment(stride, stock):
    """Stopped anywhere, a segment scores as a shorter one."""
    model = settled(stock_statistics=stock)
    frames = video(stride)
    stream = StreamingReSpike(model, stride, 1, 1, ())
    for t, scores in enumerate(run(stream, frames)[1:], 2):
        torch.testing.assert_close(
            scores, clip_scores(model, frames[:t], t), rtol=0, atol=1e-5)


def test_a_preprocessor_that_does_not_subtract():
    model = settled(data_preprocessor=dict(
        type='ActionDataPreprocessor', mean=[0.] * 3, std=[60.] * 3))
    frames = video(8)
    scores = run(StreamingReSpike(model, 4, 2, 1, ()), frames)[-1]
    torch.testing.assert_close(
        scores, clip_scores(model, frames, 4, emit='both'), rtol=0, atol=1e-5)


def test_state_is_reset_at_key_frames_and_by_reset():
    """A segment scores the same whatever came before it."""
    model = settled()
    segment = video(4)
    alone = StreamingReSpike(model, 4, 1, 1, ())
    expected = run(alone, segment)[-1]
    later = StreamingReSpike(model, 4, 1, 1, ())
    run(later, video(8, seed=1))
    assert torch.equal(run(later, segment)[-1], expected)
    run(later, video(2, seed=2))
    later.reset()
    assert later.scores is None
    assert torch.equal(run(later, segment)[-1], expected)


def test_keys_and_values_are_computed_once_a_key_frame():
    model, calls = settled(), []
    for block in model.neck.blocks.values():
        attention = block.block.cross_attn
        for layer in (attention.to_k, attention.to_v):
            layer.register_forward_hook(lambda *_: calls.append(1))
    run(StreamingReSpike(model, 4, 1, 1, ()), video(8))
    assert len(calls) == 2 * 2 * len(model.neck.blocks)


def test_membranes_are_carried():
    """The order of a segment's frames counts: they are not single frames."""
    model = settled()
    frames = video(4)
    stream = StreamingReSpike(model, 4, 1, 1, ())
    forward = run(stream, frames)[-1]
    backward = run(stream, frames[[0, 3, 2, 1]])[-1]
    assert (forward - backward).abs().max() > 1e-4


def test_streams_in_step_are_independent():
    model = settled()
    frames = video(8, streams=3)
    together = run(StreamingReSpike(model, 4, 2, 1, ()), frames)[-1]
    assert together.shape == (3, 5)
    for i in range(3):
        alone = run(StreamingReSpike(model, 4, 2, 1, ()), frames[:, i])[-1]
        torch.testing.assert_close(alone, together[i], rtol=0, atol=1e-5)


def test_streams_in_step_keep_their_crops():
    """Two streams of three crops each; every stream averages its own."""
    model = settled()
    frames = video(8, size=40, streams=2)[:, :, :32]
    options = (4, 2, 1, [dict(type='ThreeCrop', crop_size=32)])
    together = run(StreamingReSpike(model, *options), frames)[-1]
    assert together.shape == (2, 5)
    for i in range(2):
        alone = run(StreamingReSpike(model, *options), frames[:, i])[-1]
        torch.testing.assert_close(together[i], alone, rtol=0, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 1e-4


@TRANSFORMS.register_module()
class Darker(BaseTransform):
    """Gives frames that are no bytes."""

    def transform(self, results):
        results['imgs'] = [x * np.float32(0.7) for x in results['imgs']]
        return results


def test_frames_that_transforms_make_floats():
    """Their residuals are the stream's to take."""
    model = settled()
    frames = video(8)
    stream = StreamingReSpike(model, 4, 2, 1, [dict(type='Darker')])
    expected = clip_scores(model, frames * np.float32(0.7), 4, 'both')
    torch.testing.assert_close(run(stream, frames)[-1], expected, rtol=0,
                               atol=1e-5)


def test_views_that_the_head_leaves_apart():
    """What ``VideoAccuracy`` tells a config to set."""
    model = settled()
    crops = [dict(type='ThreeCrop', crop_size=32)]
    frames = video(4, size=40, streams=2)[:, :, :32]
    outputs = []
    for average in ('score', None):
        model.cls_head.average_clips = average
        for frame in (frames, frames[:, 0]):
            stream = StreamingReSpike(model, 4, 1, 1, crops)
            outputs.append(run(stream, frame)[-1])
    assert [x.shape for x in outputs[2:]] == [(2, 5), (5, )]
    for found, expected in zip(outputs[2:], outputs[:2]):
        torch.testing.assert_close(found, expected)


def test_layouts_and_containers_agree():
    model = settled()
    frames = video(4)
    expected = run(StreamingReSpike(model, 4, 1, 1, ()), frames)[-1]
    chw = torch.from_numpy(frames).permute(0, 3, 1, 2)
    stream = StreamingReSpike(model, 4, 1, 1, (), layout='CHW')
    assert torch.equal(run(stream, chw)[-1], expected)
    mirrored = frames[..., ::-1].copy()[..., ::-1]  # negative strides
    stream = StreamingReSpike(model, 4, 1, 1, ())
    assert torch.equal(run(stream, mirrored)[-1], expected)


def test_one_prediction_a_segment():
    stream = StreamingReSpike(settled(), 4, 1, 1, (), every='segment')
    scores = run(stream, video(8))
    assert [i for i, s in enumerate(scores) if s is not None] == [3, 7]


def test_config_gives_the_options():
    """Interval, crops and stride of the pipeline; views are averaged."""
    model = settled()
    model.cfg = Config(dict(test_pipeline=[
        dict(type='VideoInit'),
        dict(type='SampleFrames', clip_len=8, frame_interval=2),
        dict(type='VideoDecode'),
        dict(type='ThreeCrop', crop_size=32),
        dict(type='KeyResidualSampler', stride=4),
        dict(type='PackActionInputs'),
    ]))
    stream = StreamingReSpike(model)
    frames = np.random.default_rng(0).integers(0, 256, (16, 32, 48, 3),
                                               np.uint8)
    scores = run(stream, frames)
    assert all(s is None for s in scores[1::2])
    crops = [frames[::2, :, left:left + 32] for left in (0, 8, 16)]
    expected = sum(clip_scores(model, crop, 4) for crop in crops) / 3
    torch.testing.assert_close(scores[14], expected, rtol=0, atol=1e-5)


def test_video_that_ends_inside_a_segment():
    model = settled()
    frames = video(7)
    stream = StreamingReSpike(model, 4, 2, 1, ())
    run(stream, frames[:5])
    # Nothing is known of the second segment yet: the first one stands.
    torch.testing.assert_close(
        stream.scores, clip_scores(model, frames[:4], 4), rtol=0, atol=1e-5)
    last = run(stream, frames[5:])[-1]
    assert torch.equal(stream.scores, last)
    parts = clip_scores(model, frames[:4], 4), clip_scores(
        model, frames[4:], 3)
    torch.testing.assert_close(last, sum(parts) / 2, rtol=0, atol=1e-5)


@pytest.mark.parametrize('bad, message', [
    (video(1, size=40)[0], r'frame 6 has shape \(40, 40, 3\), those before'),
    (video(1)[0].astype(np.float32), 'frame 6 is float32.*uint8'),
    (video(1)[0, 0], r'shape \(32, 3\).*HWC'),
    (video(1)[0].transpose(2, 0, 1), 'HWC'),
    (None, 'frame 6 is NoneType'),
])
def test_bad_frame_leaves_the_stream_as_it_was(bad, message):
    model = settled()
    frames = video(8)
    stream = StreamingReSpike(model, 4, 2, 1, ())
    before = run(stream, frames[:6])[-1]
    with pytest.raises(ValueError, match=message):
        stream.step(bad)
    assert torch.equal(stream.scores, before)
    torch.testing.assert_close(
        run(stream, frames[6:])[-1], clip_scores(model, frames, 4), rtol=0,
        atol=1e-5)


def test_bad_options():
    model = settled()
    for options in (dict(stride=1), dict(num_segments=0),
                    dict(frame_interval=0), dict(every='second'),
                    dict(layout='NCHW')):
        good = dict(stride=4, num_segments=1, frame_interval=1, transforms=())
        with pytest.raises(ValueError, match=next(iter(options))):
            StreamingReSpike(model, **{**good, **options})
    with pytest.raises(ValueError, match='model.cfg.*num_segments'):
        StreamingReSpike(model, stride=4)
    pipeline = [dict(type='SampleFrames', clip_len=8),
                dict(type='VideoDecode')]
    with pytest.raises(ValueError, match='must end in KeyResidualSampler'):
        stream_options(Config(dict(test_pipeline=pipeline)))
    with pytest.raises(ValueError, match='samples clips and decodes them'):
        stream_options(Config(dict(test_pipeline=pipeline[:1])))
    stream = StreamingReSpike(model, 4, 1, 1, ())
    model.train()
    with pytest.raises(ValueError, match='evaluation mode'):
        stream.step(video(1)[0])


@MODELS.register_module()
class OneNeuron(torch.nn.Module):
    """The smallest spiking backbone, for thousands of steps."""
    stage_channels = (3, 3, 3, 3)

    def __init__(self):
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))
        self.neuron = MODELS.build(dict(type='LIFNeuron'))

    def forward_stem(self, x):
        return x * self.gain

    def forward_stage(self, x, stage):
        return self.neuron(x)


def live_tensors():
    gc.collect()
    found = [o for o in gc.get_objects() if isinstance(o, torch.Tensor)]
    return len(found), sum(t.numel() for t in found)


def test_memory_is_bounded():
    model = settled(snn_backbone=dict(type='OneNeuron'), neck=None)
    stream = StreamingReSpike(model, 16, 3, 1, ())
    frames = video(16, size=8)
    counts = []
    for _ in range(2):
        for i in range(1023):
            stream.step(frames[i % 16])
        stream.step(frames[15])
        counts.append(live_tensors())
    assert counts[0] == counts[1]
