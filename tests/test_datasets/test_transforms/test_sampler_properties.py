import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from respike_mm.datasets import KeyResidualSampler
from respike_mm.models.data_preprocessors import KeyResidualDataPreprocessor


@st.composite
def clips(draw):
    """Stride ``s``, clip length ``T = K * s`` and ``V * T`` frames."""
    stride = draw(st.integers(2, 8))
    num_views, num_segments = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames = random.integers(
        0, 256, (num_views * num_segments * stride, height, width, 3),
        dtype=np.uint8)
    return stride, num_segments * stride, frames


def sample(stride, clip_len, frames, emit):
    sampler = KeyResidualSampler(stride, emit)
    return sampler(dict(imgs=list(frames), clip_len=clip_len))


@given(clips())
def test_key_and_residual_frames_give_back_the_clip(clip):
    stride, clip_len, frames = clip
    segments = sample(*clip, 'both')['imgs']
    key, residual = segments[:, :, :1], segments[:, :, 1:]
    frames_again = np.concatenate([key, key + residual], axis=2)
    # [V, K, s, C, H, W] -> [V * T, H, W, C]
    flat = frames_again.reshape(-1, *frames_again.shape[3:])
    assert np.array_equal(flat.transpose(0, 2, 3, 1), frames)
    assert segments.shape[:3] == (len(frames) // clip_len, clip_len // stride,
                                  stride)


@given(clips())
def test_lists_hold_the_parts_of_the_segments(clip):
    stride, clip_len, frames = clip
    segments = sample(*clip, 'both')['imgs'].transpose(0, 1, 2, 4, 5, 3)
    num_views, num_segments = segments.shape[:2]
    for emit, part in (('key', segments[:, :, :1]),
                       ('residual', segments[:, :, 1:])):
        results = sample(*clip, emit)
        expected = part.reshape(-1, *part.shape[3:])
        assert np.array_equal(results['imgs'], expected)
        assert results['clip_len'] * num_views == len(expected)
    everything = sample(*clip, 'all')
    assert everything['clip_len'] == clip_len
    assert np.array_equal(everything['imgs'], frames)


@given(clips())
def test_the_device_subtracts_as_the_sampler_does(clip):
    preprocessor = KeyResidualDataPreprocessor([114.] * 3, [58.] * 3)
    batches = [
        preprocessor(dict(
            inputs=[torch.from_numpy(sample(*clip, emit)['imgs'])],
            data_samples=None))['inputs'] for emit in ('both', 'segments')
    ]
    assert torch.equal(*batches)


@given(st.integers(2, 8), st.integers(1, 40))
def test_a_stride_that_does_not_divide_is_refused(stride, clip_len):
    frames = np.zeros((clip_len, 1, 1, 3), np.uint8)
    if clip_len % stride:
        with pytest.raises(ValueError, match=f'clip_len {clip_len} is not a '
                           f'multiple of stride {stride}'):
            sample(stride, clip_len, frames, 'both')
    else:
        sample(stride, clip_len, frames, 'both')


@given(st.one_of(st.integers(max_value=1), st.floats(), st.text(), st.none()))
def test_any_other_stride_is_refused(stride):
    with pytest.raises(ValueError, match='stride'):
        KeyResidualSampler(stride)
