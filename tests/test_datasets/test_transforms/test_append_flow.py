import cv2
import numpy as np
import pytest
import torch
from mmaction.registry import MODELS, TRANSFORMS

from respike_mm.datasets import AppendFlow
from respike_mm.datasets.transforms.append_flow import (dense_flow,
                                                        quantise_flow)


def drifting(num_frames, right, down, size=48):
    """A smooth texture that moves by so many pixels a frame."""
    noise = np.random.default_rng(0).normal(size=(120, 120, 3))
    texture = cv2.GaussianBlur(noise, (0, 0), 2)
    texture = cv2.normalize(texture, None, 0, 255,
                            cv2.NORM_MINMAX).astype(np.uint8)
    return [
        texture[30 - down * t:30 - down * t + size,
                30 - right * t:30 - right * t + size].copy()
        for t in range(num_frames)
    ]


def pixels(imgs, bound=20.):
    """Median flow of every frame, in pixels."""
    flow = np.stack(imgs)[..., 3:].astype(float)
    return np.median((flow - 128) * bound / 127, axis=(1, 2))


def results_of(imgs, clip_len):
    return dict(
        imgs=imgs,
        clip_len=clip_len,
        num_clips=len(imgs) // clip_len,
        modality='RGB',
        img_shape=imgs[0].shape[:2])


def test_levels_by_hand():
    flow = np.array([0., 20., -20., 10., 55., -55.])
    levels = quantise_flow(flow, bound=20.)
    assert levels.dtype == np.uint8
    assert levels.tolist() == [128, 255, 1, 192, 255, 1]


@pytest.mark.parametrize('method', ['dis', 'farneback'])
@pytest.mark.parametrize('right, down', [(3, 0), (-2, 0), (0, 2), (1, -2)])
def test_flow_of_a_moving_texture(method, right, down):
    flow = dense_flow(np.stack(drifting(3, right, down)), method)
    assert flow.shape == (3, 48, 48, 2)
    for frame in flow:
        np.testing.assert_allclose(
            np.median(frame, (0, 1)), [right, down], atol=0.1)


def test_flow_leads_to_the_next_frame():
    frames = drifting(5, 1, 0)
    flow = dense_flow(np.stack([frames[0], frames[1], frames[4]]), 'dis')
    np.testing.assert_allclose(
        np.median(flow[..., 0], (1, 2)), [1, 3, 3], atol=0.1)


def test_still_clip_is_exactly_zero():
    imgs = AppendFlow()(results_of(drifting(1, 0, 0) * 4, 4))['imgs']
    assert (np.stack(imgs)[..., 3:] == 128).all()


def test_farneback_of_a_still_clip_is_almost_zero():
    flow = dense_flow(np.stack(drifting(1, 0, 0) * 2), 'farneback')
    assert np.abs(flow).max() < 0.5


def test_frames_stay_and_clips_do_not_mix():
    right, left = drifting(3, 2, 0), drifting(3, -2, 0)
    imgs = AppendFlow()(results_of(right + left, 3))['imgs']
    assert len(imgs) == 6 and imgs[0].shape == (48, 48, 5)
    assert imgs[0].dtype == np.uint8
    for out, frame in zip(imgs, right + left):
        np.testing.assert_array_equal(out[..., :3], frame)
    # The last frame of a clip repeats the flow of the one before.
    np.testing.assert_allclose(
        pixels(imgs)[:, 0], [2, 2, 2, -2, -2, -2], atol=0.2)
    np.testing.assert_array_equal(imgs[2][..., 3:], imgs[1][..., 3:])


def test_clip_len_of_several_modalities():
    frames = drifting(4, 2, 0)
    expected = AppendFlow()(results_of(list(frames), 2))['imgs']
    results = results_of(list(frames), 2)
    results['clip_len'] = dict(RGB=2, Pose=9)
    np.testing.assert_array_equal(AppendFlow()(results)['imgs'], expected)


def test_bound_and_method_reach_the_flow():
    frames = drifting(2, 3, 0)
    wide = AppendFlow()(results_of(list(frames), 2))['imgs']
    narrow = AppendFlow(bound=5.)(results_of(list(frames), 2))['imgs']
    assert pixels(narrow, bound=5.)[0, 0] == pytest.approx(3, abs=0.1)
    assert np.median(narrow[0][..., 3]) > np.median(wide[0][..., 3])
    other = AppendFlow('farneback')(results_of(list(frames), 2))['imgs']
    assert (other[0] != wide[0]).any()


def test_after_a_flip_the_direction_is_flipped():
    flip = TRANSFORMS.build(dict(type='Flip', flip_ratio=1.))
    results = flip(results_of(drifting(3, 3, 1), 3))
    imgs = AppendFlow()(results)['imgs']
    np.testing.assert_allclose(pixels(imgs)[0], [-3, 1], atol=0.2)


def test_after_resizing_the_flow_is_in_the_new_pixels():
    resize = TRANSFORMS.build(
        dict(type='Resize', scale=(96, 96), keep_ratio=False))
    imgs = AppendFlow()(resize(results_of(drifting(3, 2, 0), 3)))['imgs']
    assert imgs[0].shape == (96, 96, 5)
    np.testing.assert_allclose(pixels(imgs)[0], [4, 0], atol=0.3)


def test_pipeline_and_model_carry_five_channels():
    """From decoded frames over crops to the two-stream network's input."""
    results = results_of(drifting(4, 2, 0, size=64), 2)
    for transform in (dict(type='ThreeCrop', crop_size=64),
                      dict(type='AppendFlow'),
                      dict(type='FormatShape', input_format='NCHW'),
                      dict(type='PackActionInputs')):
        results = TRANSFORMS.build(transform)(results)
    assert results['inputs'].shape == (12, 5, 64, 64)  # crops, clips, frames
    model = MODELS.build(
        dict(
            type='Recognizer2D',
            backbone=dict(
                type='ResidualTwoStreamResNet',
                motion='flow',
                clip_len=2,
                stream=dict(
                    type='mmpretrain.ResNet',
                    depth=18,
                    stem_channels=8,
                    base_channels=4)),
            cls_head=dict(
                type='TSNHead',
                num_classes=3,
                in_channels=64,
                average_clips='prob'),
            data_preprocessor=dict(
                type='ActionDataPreprocessor',
                mean=[123.675, 116.28, 103.53, 128, 128],
                std=[58.395, 57.12, 57.375, 128, 128])))
    data = model.data_preprocessor(
        dict(
            inputs=[results['inputs']],
            data_samples=[results['data_samples']]))
    flow = data['inputs'][0, :, 3:]  # 2 of 20 pixels to the right
    assert flow[:, 0].median().item() == pytest.approx(0.1, abs=0.01)
    assert flow[:, 1].median().abs() < 0.01
    with torch.no_grad():
        sample, = model.eval().test_step(
            dict(
                inputs=[results['inputs']],
                data_samples=[results['data_samples']]))
    assert sample is not None


@pytest.mark.parametrize('imgs, clip_len, message', [
    ([], 2, 'got 0 frames'),
    (drifting(3, 0, 0), 2, 'got 3 frames.*clip_len 2'),
    (drifting(2, 0, 0), 1, 'at least two'),
    (np.zeros((2, 3, 8, 8), np.uint8), 2, 'in front of FormatShape'),
    ([np.zeros((8, 8, 5), np.uint8)] * 2, 2, 'uint8 RGB'),
    ([np.zeros((8, 8, 3), np.int16)] * 2, 2, 'uint8 RGB'),
    (drifting(1, 0, 0) + drifting(1, 0, 0, size=40), 2, 'of one size'),
])
def test_bad_clips(imgs, clip_len, message):
    with pytest.raises(ValueError, match=message):
        AppendFlow()(dict(imgs=imgs, clip_len=clip_len))


@pytest.mark.parametrize('options, message', [
    (dict(method='tvl1'), "one of .*'dis'.*got 'tvl1'"),
    (dict(bound=0), 'bound must be positive'),
])
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        AppendFlow(**options)


def test_built_from_a_config():
    transform = TRANSFORMS.build(dict(type='AppendFlow', method='farneback'))
    assert repr(transform) == "AppendFlow(method='farneback', bound=20.0)"
