"""The hook inside a real runner on a toy model."""
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import TensorDataset

from respike_mm.engine import BoundedHistoryHook


class Counter(BaseModel):
    """Its loss is 1, 2, 3, ... whatever the weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.calls = 0

    def forward(self, *inputs, mode):
        self.calls += 1
        return dict(loss=self.weight.sum() * 0 + self.calls)


def runner_of(tmp_path, epochs=4, resume=False, max_length=5, **processor):
    return Runner(
        model=Counter(), work_dir=str(tmp_path), resume=resume,
        train_dataloader=dict(
            dataset=TensorDataset(torch.zeros(4)), batch_size=1,
            num_workers=0, sampler=dict(type='DefaultSampler'),
            collate_fn=dict(type='default_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)),
        default_scope='mmaction', log_processor=dict(window_size=2,
                                                     **processor),
        custom_hooks=[dict(type='BoundedHistoryHook',
                           max_length=max_length)],
        experiment_name=f'history_{tmp_path.name}_{epochs}')


def test_the_last_values_stay(tmp_path):
    runner = runner_of(tmp_path)
    runner.train()
    history = runner.message_hub.log_scalars
    assert set(history) >= {'train/loss', 'train/time', 'train/lr'}
    values, counts = history['train/loss'].data
    assert values.tolist() == [12, 13, 14, 15, 16]
    assert counts.tolist() == [1] * 5
    assert all(len(buffer.data[0]) == 5 for buffer in history.values())


def test_a_longer_history_shrinks_at_resume(tmp_path):
    runner_of(tmp_path, epochs=2, max_length=100).train()
    runner = runner_of(tmp_path, epochs=3, resume=True)
    runner.train()
    values, _ = runner.message_hub.log_scalars['train/loss'].data
    assert values.tolist() == [8, 1, 2, 3, 4]  # the model counts anew


@pytest.mark.parametrize('custom, length', [
    (dict(), 16), (dict(window_size='global'), 16),
    (dict(window_size='epoch'), 4), (dict(window_size=6), 6)])
def test_windows_must_fit(tmp_path, custom, length):
    custom_cfg = [
        dict(data_src='time', method_name='current'),
        dict(data_src='loss', method_name='mean', **custom)
    ]
    runner_of(tmp_path / 'a', max_length=length, custom_cfg=custom_cfg).train()
    runner = runner_of(tmp_path / 'b', max_length=length - 1,
                       custom_cfg=custom_cfg)
    match = rf'custom_cfg\[1\] looks at {length} .*max_length={length}'
    with pytest.raises(ValueError, match=match):
        runner.train()


def test_default_window_must_fit(tmp_path):
    with pytest.raises(ValueError, match='log_processor.window_size looks'):
        runner_of(tmp_path, max_length=1).train()


def test_options():
    with pytest.raises(ValueError, match='at least 1, got 0'):
        BoundedHistoryHook(max_length=0)
