import numpy as np
import pytest
import torch
from mmaction.registry import MODELS, TRANSFORMS
from mmengine.config import Config
from small_respike import small_respike

from respike_mm.apis import stream_options
from respike_mm.apis.live_pipeline import after_decoding
from respike_mm.apis.sliding_clip import SlidingClip
from respike_mm.structures import scores_of

PIPELINE = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=8, frame_interval=2, num_clips=3),
    dict(type='VideoDecode'),
    dict(type='Resize', scale=(-1, 40)),
    dict(type='CenterCrop', crop_size=32),
    dict(type='KeyResidualSampler', stride=4),
    dict(type='PackActionInputs'),
]


def frames(num=24):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (num, 48, 64, 3), dtype=np.uint8)


@pytest.fixture
def model():
    model = small_respike()
    model.cfg = Config(dict(test_pipeline=PIPELINE))
    return model


def test_predictions_are_those_of_the_clip(model):
    video = frames()
    recognizer = SlidingClip(model, every=3)
    outputs = [recognizer.step(frame) for frame in video]
    # Eight frames, every other one: the first clip ends with frame 14.
    assert [i for i, x in enumerate(outputs) if x is not None] == [14, 17, 20,
                                                                   23]
    for end in (14, 23):
        clip = video[end - 14:end + 1:2]
        clip = torch.stack([
            torch.from_numpy(_crop(frame)).permute(2, 0, 1) for frame in clip
        ]).short().unflatten(0, (1, 2, 4))
        clip[:, :, 1:] -= clip[:, :, :1]
        data = dict(inputs=[clip], data_samples=[_sample()])
        with torch.no_grad():
            expected = scores_of(model.test_step(data)[0])
        torch.testing.assert_close(outputs[end], expected)
    assert not torch.equal(outputs[14], outputs[23])
    assert len(recognizer._frames) == recognizer.span == 15


def test_a_model_in_training_is_refused(model):
    recognizer = SlidingClip(model.train(), every=3)
    with pytest.raises(ValueError, match='evaluation mode'):
        recognizer.step(frames()[0])


def _sample():
    from action_samples import labelled
    return labelled(0)


def _crop(frame):
    import cv2
    resized = cv2.resize(frame, (53, 40), interpolation=cv2.INTER_LINEAR)
    return resized[4:36, 10:42]


def test_single_frames_make_one_clip():
    """TSN: as many frames as it has segments, and not one."""
    torch.manual_seed(0)
    tsn = MODELS.build(dict(
        type='Recognizer2D',
        backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
                      dilations=(1, ), out_indices=(0, )),
        cls_head=dict(type='TSNHead', num_classes=5, in_channels=64,
                      init_std=1., average_clips='score'))).eval()
    tsn.init_weights()
    tsn.cfg = Config(dict(test_pipeline=[
        dict(type='VideoInit'),
        dict(type='SampleFrames', clip_len=1, num_clips=3, test_mode=True),
        dict(type='VideoDecode'),
        dict(type='FormatShape', input_format='NCHW'),
        dict(type='PackActionInputs'),
    ]))
    with pytest.raises(ValueError, match='frame_interval .*--interval'):
        SlidingClip(tsn, every=1)
    recognizer, video = SlidingClip(tsn, 1, frame_interval=4), frames(10)
    outputs = [recognizer.step(frame) for frame in video]
    assert [x is not None for x in outputs] == [False] * 8 + [True] * 2
    images = torch.from_numpy(video[[1, 5, 9]]).permute(0, 3, 1, 2).float()
    with torch.no_grad():  # logits of every frame, and their mean
        maps = tsn.backbone(images).mean((2, 3))
        expected = tsn.cls_head.fc_cls(maps).mean(0)
    torch.testing.assert_close(outputs[9], expected, rtol=1e-4, atol=1e-4)


def test_views_that_the_head_leaves_apart(model):
    """What ``VideoAccuracy`` tells a config to set."""
    model.cfg.test_pipeline[4] = dict(type='ThreeCrop', crop_size=40)
    outputs = []
    for average in ('score', None):
        model.cls_head.average_clips = average
        recognizer = SlidingClip(model, every=1)
        outputs.append([recognizer.step(x) for x in frames(15)][-1])
    assert outputs[1].shape == (5, )
    torch.testing.assert_close(outputs[1], outputs[0])


@pytest.mark.parametrize('sampler, frames, interval', [
    (dict(type='SampleFrames', clip_len=8), 8, 1),
    (dict(type='SampleFrames', clip_len=1), 1, 1),
    (dict(type='DenseSampleFrames', clip_len=4, frame_interval=8,
          num_clips=2), 4, 8),
    (dict(type='SampleFrames', clip_len=1, num_clips=8), 8, None),
    (dict(type='mmaction.UniformSample', clip_len=16, num_clips=4), 16, None),
    (dict(type='SampleFrames', clip_len=8, frame_interval=2, target_fps=15),
     8, None),
])
def test_frames_of_samplers(sampler, frames, interval):
    live = after_decoding([sampler, dict(type='VideoDecode')])
    assert (live.num_frames, live.frame_interval) == (frames, interval)


def test_transforms_may_be_classes(model):
    """MMEngine's new style of configs."""
    pipeline = [dict(step, type=TRANSFORMS.get(step['type']))
                for step in PIPELINE]
    assert after_decoding(pipeline) == (8, 1, 2, pipeline[3:])
    uniform = dict(type=TRANSFORMS.get('UniformSample'), clip_len=8)
    assert after_decoding([uniform, pipeline[2]]).frame_interval is None
    names, classes = (stream_options(Config(dict(test_pipeline=x)))
                      for x in (PIPELINE, pipeline))
    assert classes == {**names, 'transforms': pipeline[3:5]}


def test_pipelines_that_do_not_suit(model):
    assert after_decoding(PIPELINE) == (8, 1, 2, PIPELINE[3:])
    with pytest.raises(ValueError, match='samples clips and decodes them'):
        after_decoding(PIPELINE[3:])
    with pytest.raises(ValueError, match='every must be positive'):
        SlidingClip(model, every=0)
