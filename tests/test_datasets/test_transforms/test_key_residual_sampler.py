import numpy as np
import pytest
import torch
from mmaction.registry import TRANSFORMS

from respike_mm.datasets import KeyResidualSampler
from respike_mm.datasets.transforms.functional import split_key_residual


def ramp(num_frames, height=2, width=3, step=10):
    """Frame t is filled with ``step * t`` (plus the channel)."""
    frames = np.arange(num_frames, dtype=np.uint8)[:, None, None, None] * step
    return list(frames + np.zeros((1, height, width, 1), np.uint8) +
                np.arange(3, dtype=np.uint8))


def results_of(imgs, clip_len, num_clips=1):
    return dict(imgs=imgs, clip_len=clip_len, num_clips=num_clips)


@pytest.mark.parametrize('container', [np.asarray, torch.from_numpy])
def test_split_by_hand(container):
    frames = np.array([5, 7, 4, 200, 100, 255], np.uint8)[:, None]
    frames = container(frames)
    key, residual = split_key_residual(frames, stride=3)
    assert key.flatten().tolist() == [5, 200]
    # Later minus key, signed, without wrapping around.
    assert residual[..., 0].tolist() == [[2, -1], [-100, 55]]


def test_split_of_tensors_keeps_dtype():
    frames = torch.tensor([1., 4., 2., 0.], dtype=torch.float64)[:, None]
    key, residual = split_key_residual(frames, stride=2)
    assert key.dtype == residual.dtype == torch.float64
    assert residual.flatten().tolist() == [3., -2.]


@pytest.mark.parametrize('dtype, wider', [
    ('uint8', 'int16'), ('int8', 'int16'), ('uint16', 'int32'),
    ('int16', 'int32'), ('uint32', 'int64'), ('int32', 'int64'),
    ('>u2', 'int32')])
def test_differences_of_integers_do_not_wrap(dtype, wider):
    """From the least to the greatest value of the type, and back."""
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    frames = np.array([least, most, most, least], dtype)[:, None]
    containers = [frames]
    if not dtype.startswith('>'):  # PyTorch has no such types
        containers.append(torch.from_numpy(frames))
    for frames in containers:
        key, residual = split_key_residual(frames, stride=2)
        assert key.flatten().tolist() == [least, most]
        assert residual.flatten().tolist() == [most - least, least - most]
        assert str(residual.dtype).split('.')[-1] == wider


@pytest.mark.parametrize('container', [np.asarray, torch.from_numpy])
def test_unsigned_64_bit_frames_are_refused(container):
    with pytest.raises(ValueError, match='uint64'):
        split_key_residual(container(np.zeros((2, 1), np.uint64)), stride=2)


def test_both():
    out = KeyResidualSampler(stride=4)(results_of(ramp(16), 8, 2))
    imgs = out['imgs']
    assert imgs.shape == (2, 2, 4, 3, 2, 3)  # [V, K, s, C, H, W]
    assert imgs.dtype == np.int16
    # Key frames 0, 4 of clip 0 and 8, 12 of clip 1; residuals 10, 20, 30.
    assert imgs[:, :, 0, 0, 0, 0].tolist() == [[0, 40], [80, 120]]
    assert imgs[:, :, 0, 2, 0, 0].tolist() == [[2, 42], [82, 122]]
    for i in (1, 2, 3):
        assert (imgs[:, :, i] == 10 * i).all()


def test_segments_are_the_frames_as_decoded():
    out = KeyResidualSampler(stride=4, emit='segments')(
        results_of(ramp(16), 8, 2))
    imgs = out['imgs']
    assert imgs.shape == (2, 2, 4, 3, 2, 3)  # [V, K, s, C, H, W]
    assert imgs.dtype == np.uint8
    assert imgs[:, :, :, 1, 0, 0].flatten().tolist() == [
        10 * t + 1 for t in range(16)
    ]


def test_segments_of_other_types_are_refused():
    """As segments, they would be taken for residual frames."""
    imgs = ramp(3) + [ramp(1)[0].astype(np.float32)]
    sampler = KeyResidualSampler(stride=4, emit='segments')
    with pytest.raises(ValueError, match=r"uint8 .*\['float32', 'uint8'\]"):
        sampler(results_of(imgs, 4))
    assert KeyResidualSampler(stride=4)(
        results_of(imgs, 4))['imgs'].dtype == np.float32


def test_axes_are_channel_height_width():
    frame = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    out = KeyResidualSampler(stride=2)(results_of([frame, frame], 2))
    np.testing.assert_array_equal(out['imgs'][0, 0, 0],
                                  frame.transpose(2, 0, 1))


def test_static_clip_gives_zero_residuals():
    frame = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    out = KeyResidualSampler(stride=4)(results_of([frame] * 8, 8))
    assert (out['imgs'][:, :, 1:] == 0).all()
    assert (out['imgs'][:, :, 0] == frame.transpose(2, 0, 1)).all()


def test_key_only_feeds_a_2d_pipeline():
    out = KeyResidualSampler(stride=4, emit='key')(results_of(ramp(16), 16))
    assert out['clip_len'] == 4
    assert [int(img[0, 0, 0]) for img in out['imgs']] == [0, 40, 80, 120]
    assert out['imgs'][0].dtype == np.uint8
    shaped = TRANSFORMS.build(
        dict(type='FormatShape', input_format='NCHW'))(out)
    assert shaped['imgs'].shape == (4, 3, 2, 3)


def test_residual_only_feeds_a_3d_pipeline():
    sampler = KeyResidualSampler(stride=4, emit='residual')
    out = sampler(results_of(ramp(16), 8, 2))
    assert out['clip_len'] == 6
    assert [int(img[0, 0, 0]) for img in out['imgs']] == [10, 20, 30] * 4
    shaped = TRANSFORMS.build(
        dict(type='FormatShape', input_format='NCTHW'))(out)
    assert shaped['imgs'].shape == (2, 3, 6, 2, 3)


@pytest.mark.parametrize('emit, frames', [('key', 2), ('residual', 6)])
def test_one_length_for_each_modality(emit, frames):
    lengths = dict(RGB=8, Pose=3)
    results = results_of(ramp(16), lengths, 2)
    results['heatmap_imgs'] = np.zeros((6, 17, 4, 4), np.float32)
    out = KeyResidualSampler(stride=4, emit=emit)(results)
    assert out['clip_len'] == dict(RGB=frames, Pose=3)
    assert lengths == dict(RGB=8, Pose=3)  # the sampler's own
    shaped = TRANSFORMS.build(
        dict(type='FormatShape', input_format='NCTHW'))(out)
    assert shaped['imgs'].shape == (2, 3, frames, 2, 3)
    assert shaped['heatmap_imgs'].shape == (2, 17, 3, 4, 4)


def test_all_leaves_the_clip_alone():
    imgs = ramp(8)
    out = KeyResidualSampler(stride=4, emit='all')(results_of(imgs, 8))
    assert out['imgs'] is imgs and out['clip_len'] == 8


def test_crops_and_clips_stay_apart():
    """ThreeCrop puts crop after crop; each crop holds all clips in turn."""
    clips = ramp(8, height=4, width=10)
    results = results_of(clips, 4, num_clips=2)
    results = TRANSFORMS.build(dict(type='ThreeCrop', crop_size=4))(results)
    out = KeyResidualSampler(stride=4)(results)
    assert out['imgs'].shape == (6, 1, 4, 3, 4, 4)
    assert out['imgs'][:, 0, 0, 0, 0, 0].tolist() == [0, 40] * 3
    assert out['imgs'][:, 0, 3, 0, 0, 0].tolist() == [30] * 6


def test_input_frames_are_not_changed():
    imgs = ramp(4)
    before = [img.copy() for img in imgs]
    KeyResidualSampler(stride=2)(results_of(imgs, 4))
    np.testing.assert_array_equal(imgs, before)


@pytest.mark.parametrize('stride', [1, 0, -2, 2.5, '4', None])
def test_bad_stride(stride):
    with pytest.raises(ValueError, match='stride must be an integer >= 2'):
        KeyResidualSampler(stride=stride)


def test_stride_of_numpy():
    out = KeyResidualSampler(stride=np.int64(4))(results_of(ramp(8), 8))
    assert out['imgs'].shape == (1, 2, 4, 3, 2, 3)


def test_bad_emit():
    with pytest.raises(ValueError, match="one of .*'both'.*got 'keys'"):
        KeyResidualSampler(stride=4, emit='keys')


@pytest.mark.parametrize('imgs, clip_len, message', [
    ([], 8, 'empty clip'),
    ([], 0, 'empty clip'),
    (ramp(6), 6, 'clip_len 6 is not a multiple of stride 4'),
    (ramp(12), 8, '12 frames do not divide'),
    (ramp(7) + ramp(1, height=5), 8, 'share one shape'),
    ([np.zeros((4, 4), np.uint8)] * 4, 4, 'share one shape'),
    (np.zeros((4, 3, 2, 2), np.uint8), 4, 'before FormatShape'),
])
def test_bad_clips(imgs, clip_len, message):
    with pytest.raises(ValueError, match=message):
        KeyResidualSampler(stride=4)(results_of(imgs, clip_len))


def test_built_from_a_config():
    sampler = TRANSFORMS.build(dict(type='KeyResidualSampler', stride=4))
    assert repr(sampler) == "KeyResidualSampler(stride=4, emit='both')"
    with pytest.raises(TypeError):
        TRANSFORMS.build(dict(type='KeyResidualSampler', stride=4, emits='x'))
