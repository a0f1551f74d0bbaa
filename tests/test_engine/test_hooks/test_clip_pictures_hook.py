"""The hook inside a real runner on a small ReSpike."""
import cv2
import numpy as np
import pytest
import torch
from action_samples import labelled
from mmaction.registry import MODELS
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner
from small_respike import clips
from tiny_respike import SMALLEST, settled
from torch.utils.data import Dataset

from respike_mm.engine import ClipPicturesHook
from respike_mm.engine.hooks import clip_pictures_hook
from respike_mm.structures import scores_of
from respike_mm.visualization.clip_pictures import clip_pictures
from respike_mm.visualization.rendering import render

# Stages 1 and 4 fuse; stage 4 has a single key-frame token of 2 x 2 pixels.
MODEL = dict(
    SMALLEST,
    cls_head=dict(type='ReSpikeHead', num_classes=5, dropout_ratio=0.5,
                  average_clips='score'))
WITHOUT_SPIKES = dict(
    type='Recognizer2D', backbone=dict(type='FourConvs'),
    cls_head=dict(type='TSNHead', num_classes=5, in_channels=8))


class Clips(Dataset):
    """Five samples, labelled 0 to 4."""

    def __init__(self, views=2):
        self.data = clips(5, views)

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return {name: part[index] for name, part in self.data.items()}


class Scores(BaseMetric):
    """All scores, in order."""

    def process(self, data_batch, data_samples):
        self.results += [x['pred_score'] if 'pred_score' in x else
                         x['pred_scores']['item'] for x in data_samples]

    def compute_metrics(self, results):
        return {str(i): x.tolist() for i, x in enumerate(results)}


class Outputs(Hook):
    """What the hooks that come last see."""
    priority = 'VERY_LOW'

    def __init__(self):
        self.seen, self.metrics = [], []

    def after_val_iter(self, runner, batch_idx, data_batch=None,
                       outputs=None):
        self.seen += [scores_of(x).clone() for x in outputs]

    def after_val_epoch(self, runner, metrics=None):
        self.metrics.append(dict(metrics))


@pytest.fixture
def run(tmp_path):

    def call(*hooks, model=None, epochs=1, phase='train', dataset=None):
        loader = dict(dataset=dataset or Clips(), batch_size=2, num_workers=0,
                      sampler=dict(type='DefaultSampler', shuffle=False),
                      collate_fn=dict(type='pseudo_collate'))
        runner = Runner(
            model=model or settled(**MODEL), work_dir=str(tmp_path),
            train_dataloader={**loader, 'dataset': Clips(views=1)},
            val_dataloader=loader, test_dataloader=loader,
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            val_cfg=dict(), test_cfg=dict(), val_evaluator=[Scores()],
            test_evaluator=[Scores()],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_scope='mmaction', randomness=dict(seed=0),
            experiment_name=f'pictures_{tmp_path.name}_{len(hooks)}',
            visualizer=dict(type='Visualizer', vis_backends=[
                dict(type='LocalVisBackend'),
                dict(type='TensorboardVisBackend')]),
            custom_hooks=list(hooks))
        getattr(runner, phase)()
        return runner

    return call


@pytest.fixture
def no_drawing(monkeypatch):
    """Headings of the figures in place of their pixels."""
    titles = []

    def heading(figure):
        titles.append(figure.get_suptitle())
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(clip_pictures_hook, 'render', heading)
    return titles


def names(tmp_path):
    return sorted(path.stem for path in
                  tmp_path.glob('*/vis_data/vis_image/*.png'))


def test_nothing_else_changes(run, no_drawing):
    """Two epochs with dropout: random numbers stay as they are, too."""
    runs = []
    for hooks in ([], [dict(type='ClipPicturesHook', stage=4)]):
        last = Outputs()
        runs.append((run(*hooks, last, epochs=2), last))
    (plain, before), (hooked, after) = runs
    assert len(no_drawing) == 2 * 2 * 4
    assert before.metrics == after.metrics and len(before.metrics) == 2
    assert all(map(torch.equal, before.seen, after.seen))
    state = hooked.model.state_dict()
    assert all(torch.equal(value, state[name])
               for name, value in plain.model.state_dict().items())
    assert not any(m._forward_hooks for m in hooked.model.modules())


def test_pictures_reach_files_and_tensorboard(run, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import \
        EventAccumulator
    model = settled(**MODEL)
    run(dict(type='ClipPicturesHook', stage=4, num_samples=1), model=model,
        phase='test')
    pictures = ['attention', 'raster', 'rate_maps', 'sampler']
    assert names(tmp_path) == [f'test_0_{name}_0' for name in pictures]
    events, = tmp_path.glob('*/vis_data/events.out.tfevents*')
    board = EventAccumulator(str(events))
    board.Reload()
    assert sorted(board.Tags()['images']) == [
        f'test_0_{name}' for name in pictures]

    sample = Clips()[0]
    sample['inputs'] = sample['inputs'][:1]
    predicted = scores_of(model.test_step(pseudo_collate([Clips()[0]]))[0])
    title = f'test sample 0: class 0 predicted as {predicted.argmax()}'
    for name, figure in clip_pictures(model, pseudo_collate([sample]), title,
                                      stage=4):
        expected = render(figure)
        file, = tmp_path.glob(f'*/vis_data/vis_image/test_0_{name}_0.png')
        assert np.array_equal(cv2.imread(str(file))[..., ::-1], expected)
        sent, = board.Images(f'test_0_{name}')
        assert [sent.height, sent.width] == list(expected.shape[:2])
        assert expected.std() > 1


def test_which_samples_and_validations(run, no_drawing, tmp_path):
    run(dict(type='ClipPicturesHook', pictures=['raster'], num_samples=2,
             sample_interval=3, interval=2), epochs=4)
    assert names(tmp_path) == [f'val_{index}_raster_{epoch}'
                               for index in (0, 3) for epoch in (2, 4)]
    assert 'sample 3: class 3 predicted' in no_drawing[1]


def test_validation_alone_is_step_zero(run, no_drawing, tmp_path):
    runner = run(dict(type='ClipPicturesHook', pictures=['sampler'],
                      num_samples=1, interval=7), phase='val')
    assert names(tmp_path) == ['val_0_sampler_0']
    assert isinstance(runner._train_loop, dict)  # not built for the step


def test_several_labels(run, no_drawing):
    """As a data set with ``multi_class`` keeps them."""
    clips = Clips()
    for i, labels in enumerate(([1, 4], [])):
        several = torch.zeros(5)
        several[labels] = 1
        clips.data['data_samples'][i] = labelled(several)
    run(dict(type='ClipPicturesHook', pictures=['sampler']), dataset=clips,
        phase='val')
    for title, labels in zip(no_drawing, ('1, 4', 'none'), strict=True):
        assert f': class {labels} predicted as ' in title


def test_the_pass_for_the_pictures_is_not_compiled(run, monkeypatch):
    """Compiled code calls no hooks of layers, which find the spikes."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: x + 1, backend=backend)

    def pictures(*args):
        compiled(torch.ones(1))
        yield from ()

    monkeypatch.setattr(clip_pictures_hook, 'clip_pictures', pictures)
    run(dict(type='ClipPicturesHook', pictures=['raster']), phase='val')
    assert not graphs
    compiled(torch.ones(1))
    assert len(graphs) == 1


@pytest.mark.parametrize('options, model, match', [
    (dict(stage=3), {}, r'no cross-attention at stage 3 \(it has at \[1, 4'),
    (dict(), dict(neck=None), r'no cross-attention at stage 3 \(it has at \['),
])
def test_attention_that_is_not_there(options, model, match, run):
    with pytest.raises(ValueError, match=match):
        run(dict(type='ClipPicturesHook', **options),
            model=settled(**{**MODEL, **model}))


def test_a_network_without_spikes(run):
    with pytest.raises(ValueError, match='no spiking layers'):
        run(dict(type='ClipPicturesHook', pictures=['rate_maps']),
            model=MODELS.build(WITHOUT_SPIKES))


@pytest.mark.parametrize('options, match', [
    (dict(pictures=['gradcam']), 'among .*gradcam'),
    (dict(pictures=[]), 'pictures'),
    (dict(num_samples=0), 'num_samples'),
    (dict(interval=.5), 'interval'),
])
def test_bad_arguments(options, match):
    with pytest.raises(ValueError, match=match):
        ClipPicturesHook(**options)
