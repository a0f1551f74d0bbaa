import pytest
import torch

from respike_mm.visualization.segments import (draw_segments, segments_of,
                                               signed_limit, sparsity)


def packed():
    """Two views, two segments of three frames of 2x4: grey 10, 13, 8, ..."""
    levels = torch.tensor([[10, 13, 8], [200, 200, 255]], dtype=torch.uint8)
    frames = levels[None, :, :, None, None, None].expand(2, 2, 3, 3, 2, 4)
    frames = frames.clone()
    frames[1] = 7
    return frames


def test_both_kinds_of_input_show_the_same_clip():
    frames = packed()
    residual = frames.short()
    residual[:, :, 1:] -= residual[:, :, :1]
    for inputs in (frames, residual):
        clip = segments_of(inputs)
        assert clip.key.shape == (2, 2, 4, 3)
        assert clip.key[:, 0, 0, 0].tolist() == [10, 200]
        assert clip.residual[:, :, 0, 0, 0].tolist() == [[3, -2], [0, 55]]
        assert clip.frames[:, 0, 0, 0].tolist() == [10, 13, 8, 200, 200, 255]
        assert segments_of(inputs, view=1).residual.unique().tolist() == [0]


def test_sparsity():
    residual = torch.tensor([0, 0, 1, -1, 2, -255, 0, 3])
    assert sparsity(residual) == 37.5
    assert sparsity(residual, threshold=1) == 62.5
    assert sparsity(residual, threshold=255) == 100


def test_scale_leaves_out_extremes_and_bears_a_static_clip():
    residual = torch.zeros(1000, 3, dtype=torch.int16)
    assert signed_limit(residual) == 1
    residual[:10] = 20
    residual[0] = -255
    assert signed_limit(residual) == 20


@pytest.mark.parametrize('inputs, view, match', [
    (torch.zeros(16, 3, 8, 8), 0, r'\[16, 3, 8, 8\].*KeyResidualSampler'),
    (torch.zeros(1, 2, 1, 3, 8, 8), 0, 'KeyResidualSampler'),
    (packed(), 2, 'no view 2: .* 0 to 1'),
])
def test_bad_inputs(inputs, view, match):
    with pytest.raises(ValueError, match=match):
        segments_of(inputs, view)


def test_the_figure_states_what_it_shows():
    figure = draw_segments(segments_of(packed()), 'a clip', threshold=2)
    assert 'a clip\n50.0 % of residual values within ±2' == \
        figure.get_suptitle()
    titles = [axis.get_title() for axis in figure.axes[:6]]
    assert titles == ['frame 0: key', '+1: 0 % within ±2',
                      '+2: 100 % within ±2', 'frame 3: key',
                      '+1: 100 % within ±2', '+2: 0 % within ±2']
    change = figure.axes[1].images[0]
    assert change.get_array().tolist() == [[3] * 4] * 2
    assert change.norm.vmin == -change.norm.vmax
