import numpy as np
import pytest
import torch
from mmengine.config import Config
from small_respike import small_respike

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


def _sample():
    from action_samples import labelled
    return labelled(0)


def _crop(frame):
    import cv2
    resized = cv2.resize(frame, (53, 40), interpolation=cv2.INTER_LINEAR)
    return resized[4:36, 10:42]


def test_pipelines_that_do_not_suit(model):
    assert after_decoding(PIPELINE) == (8, 2, PIPELINE[3:])
    with pytest.raises(ValueError, match='samples clips and decodes them'):
        after_decoding(PIPELINE[3:])
    with pytest.raises(ValueError, match='every must be positive'):
        SlidingClip(model, every=0)
