"""One real training and test through the benchmark, on generated videos."""
import json
import runpy
import subprocess
import sys

import mini_benchmark as mini
import pytest
from _bench.files import CONFIGS, read_json
from mmaction.registry import MODELS
from mmengine.config import Config

# ReSpike on nine videos of three classes; two clips of each test video.
CONFIG = '''
_base_ = '{configs}/respike_tiny_motion_shapes.py'
model = dict(cls_head=dict(num_classes=3))
data = dict(data_prefix=dict(video='{folder}'), num_classes=3)
loader = dict(batch_size=4, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(ann_file='{train}', **data), **loader)
val_dataloader = dict(dataset=dict(ann_file='{test}', **data), **loader)
test_frames = list(_base_.test_frames)
test_frames[1] = dict(
    type='SampleFrames', clip_len=16, num_clips=2, test_mode=True)
test_dataloader = dict(
    dataset=dict(
        ann_file='{test}', pipeline=test_frames + _base_.pack, **data),
    **loader)
'''


@pytest.fixture
def suite(video_set, tmp_path):
    (tmp_path / 'config.py').write_text(
        CONFIG.format(configs=CONFIGS, **video_set._asdict()))
    (tmp_path / 'rows.yaml').write_text(
        json.dumps(dict(ReSpike={'R18': str(tmp_path / 'config.py')})))
    path = tmp_path / 'mini.yaml'
    path.write_text('{title: Squares, rows: [rows]}')
    return path


def test_trains_tests_and_tabulates(suite, tmp_path):
    command = [
        sys.executable, mini.BENCHMARK / 'run.py', suite, '--work-dir',
        tmp_path / 'work', '--epochs', '2', '--seeds', '5'
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / 'work/config/seed5'
    result = read_json(folder / 'result.json')
    # Three videos, two clips of each.
    assert result['top1'] * 3 == pytest.approx(round(result['top1'] * 3))
    assert result['mean_class'] == pytest.approx(result['top1'])
    assert result['clip_top1'] * 6 == pytest.approx(
        round(result['clip_top1'] * 6))
    assert result['top5'] == result['clip_top5'] == 1
    assert (result['epochs'], result['crop'], result['clips']) == (2, 64, 2)
    cfg = Config.fromfile(tmp_path / 'config.py')
    model = MODELS.build(cfg.model)
    assert result['parameters'] == sum(
        p.numel() for p in model.parameters())
    # The schedule ends with the second epoch.
    logs = sorted(folder.glob('train/*/vis_data/scalars.json'))
    records = [json.loads(line) for log in logs
               for line in log.read_text().splitlines()]
    rates = [record['lr'] for record in records if 'lr' in record]
    assert rates[-1] < 0.5 * max(rates)
    assert Config.fromfile(folder / 'train/config.py').randomness.seed == 5
    assert 'Squares top-1 %' in (
        tmp_path / 'work/tables/table1.md').read_text()
    # Nothing is left to do; nothing is imported for it, so main is called.
    main = runpy.run_path(str(mini.BENCHMARK / 'run.py'))['main']
    assert main([*map(str, command[2:])]) == 0
    assert len(list(folder.glob('train/*/vis_data/scalars.json'))) == 1
