import pytest
import torch
from action_samples import label_of, labelled
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

from respike_mm.models import KeyResidualDataPreprocessor

NORM = dict(mean=[1., 2., 3.], std=[2., 4., 5.])


def segments(dtype=torch.int16):
    """[V=1, K=1, s=2, C=3, 1, 1]: key (3, 2, 13), residual (4, -4, 0)."""
    x = torch.tensor([[3, 2, 13], [4, -4, 0]], dtype=dtype)
    return x.view(1, 1, 2, 3, 1, 1)


def run(preprocessor, inputs, training=False):
    samples = [ActionDataSample() for _ in inputs]
    data = dict(inputs=inputs, data_samples=samples)
    return preprocessor(data, training=training)['inputs']


def test_by_hand():
    out = run(KeyResidualDataPreprocessor(**NORM), [segments(), segments()])
    assert out.shape == (2, 1, 1, 2, 3, 1, 1)
    assert out.dtype == torch.float32
    assert out[1, 0, 0, 0].flatten().tolist() == [1, 0, 2]  # shifted, scaled
    assert out[1, 0, 0, 1].flatten().tolist() == [2, -1, 0]  # scaled only


def test_equals_the_difference_of_normalised_frames():
    torch.manual_seed(0)
    frames = torch.randint(0, 256, (4, 3, 5, 5)).float()
    mean, std = (torch.tensor(NORM[k]).view(3, 1, 1) for k in NORM)
    normalised = (frames - mean) / std
    x = torch.cat([frames[:1], frames[1:] - frames[:1]]).short()
    out = run(KeyResidualDataPreprocessor(**NORM), [x[None, None]])[0, 0, 0]
    torch.testing.assert_close(out[0], normalised[0])
    torch.testing.assert_close(out[1:], normalised[1:] - normalised[:1],
                               rtol=1e-5, atol=1e-4)


def test_zero_residuals_stay_exactly_zero():
    x = torch.zeros(1, 2, 4, 3, 8, 8, dtype=torch.int16)
    x[:, :, 0] = 77
    out = run(KeyResidualDataPreprocessor(**NORM), [x])
    assert (out[:, :, :, 1:] == 0).all()


def test_raw_segments_equal_residual_ones():
    frames = torch.randint(0, 256, (2, 3, 4, 3, 5, 5), dtype=torch.uint8)
    residual = frames.short()
    residual[:, :, 1:] -= residual[:, :, :1].clone()
    preprocessor = KeyResidualDataPreprocessor(**NORM)
    assert torch.equal(
        run(preprocessor, [frames]), run(preprocessor, [residual]))


def test_without_residual_every_frame_is_shifted():
    frames = torch.tensor([[3, 2, 13], [7, 10, 8]], dtype=torch.uint8)
    out = run(
        KeyResidualDataPreprocessor(**NORM, residual=False),
        [frames.view(1, 1, 2, 3, 1, 1)])
    assert out.flatten().tolist() == [1, 0, 2, 3, 2, 1]


def test_without_residual_int16_is_refused():
    with pytest.raises(ValueError, match="emit='segments'"):
        run(KeyResidualDataPreprocessor(**NORM, residual=False), [segments()])


def test_flatten_for_2d_recognizers():
    out = run(KeyResidualDataPreprocessor(**NORM, flatten=True), [segments()])
    assert out.shape == (1, 2, 3, 1, 1)
    assert out[0, 1].flatten().tolist() == [2, -1, 0]


def test_to_rgb():
    out = run(KeyResidualDataPreprocessor(**NORM, to_rgb=True), [segments()])
    assert out[0, 0, 0, 1].flatten().tolist() == pytest.approx(
        [0, -1, 0.8])


def test_blending():
    blending = dict(type='MixupBlending', num_classes=3, alpha=1.)
    preprocessor = MODELS.build(
        dict(type='KeyResidualDataPreprocessor', blending=blending, **NORM))
    samples = [labelled(i) for i in (0, 2)]
    data = dict(inputs=[segments(), segments() * 0], data_samples=samples)
    out = preprocessor(data, training=True)
    mixed = label_of(out['data_samples'][0])
    assert mixed.shape == (3, ) and mixed.sum() == pytest.approx(1)
    share = mixed[0].item()  # of the first clip in the first blend
    assert out['inputs'][0, 0, 0, 1, 0].item() == pytest.approx(2 * share)


@pytest.mark.parametrize('inputs, message', [
    ([segments(), segments()[..., :0]], 'one shape'),
    ([segments(), segments(torch.uint8)], 'torch.int16.*torch.uint8.*emit'),
    ([torch.zeros(4, 3, 8, 8)], r'\[V, K, s, C, H, W\]'),
    ([segments()[:, :, :, :1]], '1 channels, mean has 3 values and std 3'),
])
def test_bad_input(inputs, message):
    with pytest.raises(ValueError, match=message):
        run(KeyResidualDataPreprocessor(**NORM), inputs)


def test_grey_frames():
    grey = KeyResidualDataPreprocessor(mean=[1.], std=[2.])
    out = run(grey, [segments()[:, :, :, :1]])
    assert out.flatten().tolist() == [1, 2]
    with pytest.raises(ValueError, match='3 channels, mean has 1 values'):
        run(grey, [segments()])
    with pytest.raises(ValueError, match='mean has 3 values and std 1'):
        run(KeyResidualDataPreprocessor([1.] * 3, [2.]), [segments()])
