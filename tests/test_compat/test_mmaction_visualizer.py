import pytest
import torch
from mmaction.structures import ActionDataSample
from mmaction.visualization import ActionVisualizer, action_visualizer

from respike_mm.compat import mmaction_visualizer
from respike_mm.compat.patching import is_wrapped


@pytest.fixture
def sample():
    sample = ActionDataSample()
    # The setter's name differs between 1.1.0 and 1.2.0.
    set_label = getattr(sample, 'set_gt_label', None)
    (set_label or sample.set_gt_labels)([1])
    sample.set_pred_score(torch.tensor([0.75, 0.25]))
    sample.set_pred_label(0)
    return sample


def drawn_texts(visualizer, sample, monkeypatch, **kwargs):
    texts = []
    monkeypatch.setattr(
        ActionVisualizer, 'draw_texts',
        lambda self, text, **kwargs: texts.append(text))
    frames = torch.zeros(1, 32, 32, 3, dtype=torch.uint8).numpy()
    visualizer.add_datasample('clip', frames, sample, **kwargs)
    return texts[0].split('\n')


def test_labels_are_drawn(sample, monkeypatch):
    visualizer = ActionVisualizer(name='compat_labels')
    visualizer.dataset_meta = dict(classes=['run', 'sit'])
    fields = set(sample.keys())

    lines = drawn_texts(visualizer, sample, monkeypatch)
    assert lines[1] == 'Ground truth: 1 (sit)'
    assert lines[2].startswith('Prediction: 0')
    assert lines[2].endswith('(run)')
    assert set(sample.keys()) == fields
    assert len(
        drawn_texts(visualizer, sample, monkeypatch, draw_pred=False)) == 2


def test_nothing_is_drawn_without_labels(monkeypatch):
    visualizer = ActionVisualizer(name='compat_no_labels')
    for sample in (None, ActionDataSample()):
        assert len(drawn_texts(visualizer, sample, monkeypatch)) == 1


def test_samples_with_the_former_names_are_left_alone(monkeypatch):

    class Visualizer:

        def add_datasample(self):
            """Stands for the one of 1.1.0."""

    monkeypatch.setattr(
        ActionDataSample, 'pred_labels', property(), raising=False)
    monkeypatch.setattr(action_visualizer, 'ActionVisualizer', Visualizer)
    mmaction_visualizer.apply()
    assert not is_wrapped(Visualizer.add_datasample)
