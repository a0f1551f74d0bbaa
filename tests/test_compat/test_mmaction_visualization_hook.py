import cv2
import numpy as np
import pytest
import torch
from mmaction.engine.hooks import VisualizationHook, visualization_hook
from mmaction.structures import ActionDataSample
from mmaction.visualization import ActionVisualizer

from respike_mm.compat import mmaction_visualization_hook
from respike_mm.compat.mmaction_visualization_hook import clip_for_display
from respike_mm.compat.patching import is_wrapped


def rgb(*reds):
    """Frames of one pixel, [T, 3, 1, 1], red as given, green 5, blue 9."""
    return torch.tensor([[red, 5, 9] for red in reds]).reshape(-1, 3, 1, 1)


def expected(*reds):
    return [[[[red, 5, 9]]] for red in reds]  # [T, H, W, C]


def test_2d_inputs_are_frames():
    frames = clip_for_display(rgb(1, 2).to(torch.uint8))
    assert frames.dtype == np.uint8
    assert frames.tolist() == expected(1, 2)


def test_of_3d_inputs_the_first_view_is_shown():
    views = torch.stack([rgb(1, 2, 3), rgb(4, 5, 6)]).transpose(1, 2)
    assert views.shape == (2, 3, 3, 1, 1)
    assert clip_for_display(views).tolist() == expected(1, 2, 3)


def test_residuals_are_added_to_their_key_frame():
    # Frames 100 90 255, 7 0 8 as key frame and differences from it.
    def group(key, *residuals):
        rest = torch.tensor(residuals).reshape(-1, 1, 1, 1) \
            * torch.tensor([1, 0, 0]).reshape(3, 1, 1)
        return torch.cat([rgb(key), rest])

    view = torch.stack([group(100, -10, 155), group(7, -7, 1)])
    inputs = torch.stack([view, torch.zeros_like(view)]).to(torch.int16)
    assert inputs.shape == (2, 2, 3, 3, 1, 1)

    frames = clip_for_display(inputs)

    assert frames.dtype == np.uint8
    assert frames.tolist() == expected(100, 90, 255, 7, 0, 8)


def test_uint8_segments_are_frames():
    view = torch.stack([rgb(100, 90, 255), rgb(7, 0, 8)]).to(torch.uint8)
    assert clip_for_display(view[None]).tolist() == expected(
        100, 90, 255, 7, 0, 8)


def test_height_and_width_keep_their_places():
    inputs = torch.arange(3 * 2 * 4).reshape(1, 3, 2, 4)
    frame = clip_for_display(inputs)[0]
    assert frame.shape == (2, 4, 3)
    assert frame[1, 2].tolist() == [6, 14, 22]


@pytest.mark.parametrize('shape', [(3, 4, 4), (3, 8, 4, 4), (1, 2, 8, 4, 4),
                                   (1, 2, 3, 2, 4, 4), (1, ) * 7])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match='can show RGB inputs'):
        clip_for_display(torch.zeros(shape))


def read_frame(path):
    return cv2.imread(str(path))[-1, -1, ::-1].tolist()


def test_hook_writes_the_frames(tmp_path):
    # The hook draws with the visualizer that was built last.
    ActionVisualizer.get_instance(
        'compat_hook',
        vis_backends=[dict(type='LocalVisBackend')],
        save_dir=str(tmp_path))
    hook = VisualizationHook(
        enable=True, interval=2, draw_gt=False, draw_pred=False)
    inputs = rgb(100, 0).expand(-1, -1, 32, 32).reshape(
        1, 1, 2, 3, 32, 32).clone()
    inputs[:, :, 1] = -4
    samples = [ActionDataSample(), ActionDataSample()]

    hook._draw_samples(0, dict(inputs=[inputs, None]), samples, step=3)

    written = tmp_path / 'vis_data' / '0' / 'frames_3'
    assert sorted(x.name for x in written.iterdir()) == ['0.png', '1.png']
    assert read_frame(written / '0.png') == [100, 5, 9]
    assert read_frame(written / '1.png') == [96, 1, 5]


def test_show_reaches_the_visualizer():
    draw_args = VisualizationHook(show=True).draw_args
    assert draw_args == dict(show_frames=True)


def test_nothing_is_done_where_the_visualizer_takes_show(monkeypatch):

    class Visualizer:

        def add_datasample(self, name, video, show=False):
            """Stands for one that the hook fits."""

    class Hook:

        def _draw_samples(self):
            """Stands for the stock hook's."""

    monkeypatch.setattr('mmaction.visualization.ActionVisualizer', Visualizer)
    monkeypatch.setattr(visualization_hook, 'VisualizationHook', Hook)
    mmaction_visualization_hook.apply()
    assert not is_wrapped(Hook._draw_samples)
    assert not is_wrapped(Hook.__init__)
