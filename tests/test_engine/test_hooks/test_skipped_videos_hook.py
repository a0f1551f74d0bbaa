"""The hook inside a real runner on a toy model."""
import json
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner

from respike_mm.engine import SkippedVideosHook
from respike_mm.engine.hooks import skipped_videos_hook

PIPELINE = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=1, num_clips=1),
    dict(type='VideoDecode'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs')
]


class Toy(BaseModel):

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, data_samples, mode):
        return dict(loss=self.scale * len(inputs))


def train(video_set, tmp_path, bad, **options):
    ann_file = tmp_path / 'list.txt'
    ann_file.write_text(video_set.train.read_text() + bad)
    Runner(
        model=Toy(), work_dir=str(tmp_path), default_scope='mmaction',
        train_dataloader=dict(
            dataset=dict(
                type='CheckedVideoDataset', ann_file=str(ann_file),
                data_prefix=dict(video=str(video_set.folder)),
                pipeline=PIPELINE, on_error='skip'),
            batch_size=4, num_workers=1, persistent_workers=True,
            sampler=dict(type='DefaultSampler', shuffle=True)),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
        custom_hooks=[dict(type='SkippedVideosHook', **options)],
        experiment_name=f'skipped_{tmp_path.name}').train()
    log, = tmp_path.glob('*/*.log')
    return log.read_text(), list(tmp_path.glob('*/skipped_videos.jsonl'))


@pytest.mark.filterwarnings('ignore:skipped')
def test_every_epoch_is_summed_up(video_set, tmp_path):
    log, (file, ) = train(video_set, tmp_path,
                          'gone.mp4 0\nlost.mp4 1\nmissing.mp4 2\n',
                          num_named=1)
    epochs = [json.loads(line) for line in file.read_text().splitlines()]
    assert [epoch['epoch'] for epoch in epochs] == [1, 2]
    for epoch in epochs:
        names = [name.rpartition('/')[2] for name in epoch['skipped']]
        assert names == ['gone.mp4', 'lost.mp4', 'missing.mp4']
        counts = [x['count'] for x in epoch['skipped'].values()]
        assert min(counts) >= 1 and sum(counts) == epoch['total']
        assert all('No such file' in x['reason']
                   for x in epoch['skipped'].values())
    assert 'Epoch 2: ' in log and 'gone.mp4 and 2 more' in log
    totals = MessageHub.get_current_instance().get_scalar(
        'train/skipped_videos').data[0]
    assert totals.tolist() == [epoch['total'] for epoch in epochs]


@pytest.mark.filterwarnings('ignore:skipped')
def test_an_epoch_counts_for_itself(video_set, tmp_path):
    """One bad video is one replaced sample, in the second epoch too."""
    _, (file, ) = train(video_set, tmp_path, 'gone.mp4 0\n')
    epochs = [json.loads(line) for line in file.read_text().splitlines()]
    assert [epoch['total'] for epoch in epochs] == [1, 1]


def test_nothing_is_said_of_a_whole_set(video_set, tmp_path):
    log, files = train(video_set, tmp_path, '')
    assert files == [] and 'replaced' not in log


@pytest.mark.filterwarnings('ignore:skipped')
def test_processes_are_added_up(video_set, tmp_path, monkeypatch):
    """The other process skipped one more video, and a shared one twice."""
    shared = str(video_set.folder / 'gone.mp4')

    def gather(own):
        assert own[0][shared] >= 1
        other = {shared: 'No such file', 'elsewhere.mp4': 'truncated'}
        return [own, (Counter({shared: 2, 'elsewhere.mp4': 1}), other)]

    monkeypatch.setattr(skipped_videos_hook, 'all_gather_object', gather)
    _, (file, ) = train(video_set, tmp_path, 'gone.mp4 0\n')
    for epoch in map(json.loads, file.read_text().splitlines()):
        assert epoch['skipped'][shared]['count'] >= 3
        assert epoch['skipped']['elsewhere.mp4'] == dict(
            count=1, reason='truncated')
        assert epoch['total'] == sum(
            x['count'] for x in epoch['skipped'].values())


def test_an_epoch_without_any_takes_the_number_back():
    hub = MessageHub.get_instance('skipped_number')
    hook, runner = SkippedVideosHook(), SimpleNamespace(message_hub=hub)
    hook.after_train_epoch(runner)
    assert 'train/skipped_videos' not in hub.log_scalars
    hub.update_scalar('train/skipped_videos', 2)
    hook.after_train_epoch(runner)
    assert hub.get_scalar('train/skipped_videos').current() == 0


def test_bad_arguments():
    with pytest.raises(ValueError, match='num_named'):
        SkippedVideosHook(num_named=-1)
