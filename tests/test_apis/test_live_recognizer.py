import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from tiny_respike import SMALLEST, settled, write_config
from torch import nn

from respike_mm.apis.live_recognizer import StreamedClip, live_recognizer
from respike_mm.apis.sliding_clip import SlidingClip

OTHER = dict(
    type='Recognizer2D',
    backbone=dict(type='ResNet', depth=18, num_stages=1, strides=(1, ),
                  dilations=(1, ), out_indices=(0, )),
    cls_head=dict(type='TSNHead', num_classes=3, in_channels=64))


@pytest.fixture
def model(tmp_path):
    model = settled(**SMALLEST)
    model.cfg = Config.fromfile(write_config(tmp_path / 'tiny.py'))
    return model


def test_a_stream_predicts_what_clips_do(model):
    """Segments of three: at multiples of 3 frames after the first clip."""
    model.cfg.test_pipeline[1].frame_interval = 2
    frames = np.random.default_rng(0).integers(
        0, 256, (24, 40, 48, 3), np.uint8)
    outputs = []
    for clips in (False, True):
        recognizer = live_recognizer(model, every=6, clips=clips)
        outputs.append([recognizer.step(frame) for frame in frames])
        assert recognizer.span == 11
    stream, clip = outputs
    due = [i for i, scores in enumerate(stream) if scores is not None]
    assert due == [i for i, scores in enumerate(clip) if scores is not None]
    assert due == [10, 16, 22]
    for i in due:
        torch.testing.assert_close(stream[i], clip[i], rtol=0, atol=1e-5)
    assert (stream[10] - stream[16]).abs().max() > 1e-4


def test_frames_spread_over_a_file(model):
    """Live video has no length: the interval has to be given."""
    model.cfg.test_pipeline[1] = dict(
        type='UniformSample', clip_len=6, num_clips=4, test_mode=True)
    for clips in (False, True):
        with pytest.raises(ValueError, match='frame_interval .*--interval'):
            live_recognizer(model, 1, clips)
        with pytest.raises(ValueError, match='>= 1, got 0'):
            live_recognizer(model, 1, clips, frame_interval=0)
    frames = np.random.default_rng(0).integers(
        0, 256, (16, 40, 48, 3), np.uint8)
    outputs = []
    for clips in (False, True):
        recognizer = live_recognizer(model, 1, clips, frame_interval=3)
        outputs.append([recognizer.step(frame) for frame in frames])
    for scores in outputs:
        assert [i for i, x in enumerate(scores) if x is not None] == [15]
    torch.testing.assert_close(outputs[0][15], outputs[1][15], rtol=0,
                               atol=1e-5)


def test_who_runs_as_a_stream(model):
    assert type(live_recognizer(model, 1)) is StreamedClip
    assert type(live_recognizer(model, 1, clips=True)) is SlidingClip
    other = MODELS.build(OTHER).eval()
    other.cfg = Config(dict(test_pipeline=model.cfg.test_pipeline))
    assert type(live_recognizer(other, 1)) is SlidingClip


def test_no_silent_fallback(model):
    """What cannot run as a stream is an error unless clips are asked for."""
    temporal = settled(**{
        **SMALLEST, 'neck': None,
        'snn_backbone': dict(type='STSResNet', base_channels=8)})
    temporal.cfg = model.cfg
    with pytest.raises(ValueError, match='cannot run step by step'):
        live_recognizer(temporal, 1)
    assert type(live_recognizer(temporal, 1, clips=True)) is SlidingClip
    other = settled(**SMALLEST)
    other.neck, other.cfg = nn.Identity(), model.cfg
    with pytest.raises(ValueError, match='Identity .* method `remember`'):
        live_recognizer(other, 1)
    with pytest.raises(ValueError, match='every must be positive'):
        live_recognizer(model, 0)
