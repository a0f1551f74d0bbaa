import json
import os

import mini_benchmark as mini
import pytest
from _bench.configs import (as_arguments, describe, digest, epoch_options,
                            load_config)
from _bench.errors import BenchmarkError
from _bench.files import CONFIGS
from _bench.plan import Request, plan
from _bench.suite import load_suite
from mmaction.datasets.transforms import Resize, ThreeCrop
from mmengine.config import Config, DictAction
from mmengine.optim import AmpOptimWrapper

from respike_mm.engine.hooks import EnergyHook


@pytest.fixture
def suite(tmp_path):
    return load_suite(str(mini.make_suite(tmp_path / 'suite', {
        'SNN': dict(A={}, B={}), 'Ablation': dict(E1={})
    }, splits=[1, 2, 3])))


def parsed(arguments):
    """The options as tools/train.py will read them."""
    return {key: DictAction._parse_iterable(value)
            for key, value in (pair.split('=', 1) for pair in arguments)}


def test_seeds_and_splits(suite, tmp_path):
    runs = plan(suite, tmp_path, Request(seeds=(0, 7), splits=(1, 3)))
    assert [(r.seed, r.split, r.rows[0].name) for r in runs[:4]] == [
        (0, 1, 'A'), (0, 1, 'B'), (0, 1, 'E1'), (0, 3, 'A')]
    assert len(runs) == 12
    assert runs[3].folder == tmp_path / 'config1/split3_seed0'
    # All three loaders see the lists of split 3, in training and testing.
    for options in (runs[3].train_options, runs[3].test_options):
        cfg = load_config(runs[3].config, options)
        assert [cfg[f'{loader}_dataloader'].dataset.ann_file
                for loader in ('train', 'val', 'test')] == [
            'data/ucf101/train_split_3.txt', 'data/ucf101/val_split_3.txt',
            'data/ucf101/val_split_3.txt']
    assert not runs[0].train_options


def test_unknown_split(suite, tmp_path):
    with pytest.raises(BenchmarkError, match=r'\(1, 2, 3\), not \(4,\)'):
        plan(suite, tmp_path, Request(splits=(4, )))


def test_lists_without_splits(suite, tmp_path):
    path = suite.rows[0].config
    path.write_text(path.read_text().replace('train_split_1', 'train'))
    with pytest.raises(BenchmarkError, match='train_dataloader.*"split_1"'):
        plan(suite, tmp_path, Request(splits=(2, )))


def test_missing_configs_are_all_named(suite, tmp_path):
    for row in suite.rows[:2]:
        row.config.unlink()
    with pytest.raises(BenchmarkError, match='config1.py, .*config2.py'):
        plan(suite, tmp_path, Request())
    run, = plan(suite, tmp_path, Request(only=['E1']))
    assert run.rows[0].name == 'E1'


def test_equal_configs_of_two_tables_are_one_run(suite, tmp_path):
    """The folder stays the first row's, whatever is asked for."""
    a, _, e1 = suite.rows
    e1.config.write_text(f"_base_ = '{a.config.name}'\nlog_level = 'INFO'\n")
    shared, b = plan(suite, tmp_path, Request())
    assert [row.name for row in shared.rows] == ['A', 'E1']
    assert b.rows[0].name == 'B'
    assert plan(suite, tmp_path, Request(only=['E1'])) == [shared]


def test_equal_configs_of_one_table_are_a_mistake(suite, tmp_path):
    a, b, _ = suite.rows
    b.config.write_text(f"_base_ = '{a.config.name}'\n")
    with pytest.raises(BenchmarkError, match=r'A and B \(SNN\) say the same'):
        plan(suite, tmp_path, Request())
    assert len(plan(suite, tmp_path, Request(only=['A', 'E1']))) == 2


@pytest.mark.parametrize('change, same', [
    ("data_root = 'x'", True),
    ("train_dataloader = dict(num_workers=9)", True),
    ("train_dataloader = dict(dataset=dict(ann_file='/x/train_split_1.txt'))",
     True),
    ("train_dataloader = dict(dataset=dict(ann_file='train_split_2.txt'))",
     False),
    ("model = dict(width=99)", False),
    ("optim_wrapper = dict(optimizer=dict(lr=0.2))", False),
    ("train_cfg = dict(max_epochs=5)", False),
    ("load_from = None", True),
    ("load_from = 'a/weights.pth'", False),
    ("custom_hooks = [dict(type='EMAHook')]", False),
    ("custom_hooks = [dict(type='SpikeRateHook')]", True),
    ("auto_scale_lr = dict(enable=True, base_batch_size=8)", False),
    ("auto_scale_lr = dict(enable=False, base_batch_size=8)", True),
])
def test_digest(suite, tmp_path, change, same):
    first = suite.rows[0].config
    other = first.with_name('other.py')
    other.write_text(f"_base_ = '{first.name}'\n{change}\n")
    digests = [digest(load_config(path, {})) for path in (first, other)]
    assert (digests[0] == digests[1]) == same


@pytest.mark.parametrize('template, first, second, same', [
    ("load_from = '{}'", 'a/weights.pth', 'b/weights.pth', False),
    ("model = dict(init_cfg=dict(checkpoint='{}'))", 'a/epoch_12.pth',
     'b/epoch_12.pth', False),
    ("model = dict(init_cfg=dict(checkpoint='{}'))", 'a/best_acc_top1.pth',
     'b/best_acc_top1.pth', False),
    # From an environment variable on one machine.
    ("model = dict(init_cfg=dict(checkpoint='{}'))", 'data/resnet18.pt',
     '/there/resnet18.pt', True),
])
def test_digest_of_weights_to_start_from(template, first, second, same,
                                         suite):
    base = suite.rows[0].config
    digests = set()
    for i, path in enumerate((first, second)):
        config = base.with_name(f'other{i}.py')
        config.write_text(
            f"_base_ = '{base.name}'\n{template.format(path)}\n")
        digests.add(digest(load_config(config, {})))
    assert len(digests) == 1 + (not same)


def test_recorded_digests_hold(suite):
    """Of before a digest had more in it than the data, model, schedule."""
    assert digest(load_config(suite.rows[0].config, {})) == '8071e4ad3c86af21'


def test_configs_of_one_name_would_share_a_folder(suite, tmp_path):
    """Also where only one of them is asked for: the other may come later."""
    a, b, _ = suite.rows
    twin = tmp_path / 'elsewhere' / a.config.name
    twin.parent.mkdir()
    twin.write_text(b.config.read_text())
    suite = suite._replace(rows=(a, b._replace(config=twin)))
    for request in (Request(), Request(only=['A'])):
        with pytest.raises(BenchmarkError) as error:
            plan(suite, tmp_path, request)
        assert f'{a.config} and {twin} ' in str(error.value)


def test_runs_stay_in_the_work_dir(suite, tmp_path):
    """Of a config, too, whose path leads out of configs/."""
    (tmp_path / 'suite/mini_rows.yaml').write_text(json.dumps(dict(SNN=dict(
        A=os.path.relpath(suite.rows[0].config, CONFIGS)))))
    outside = load_suite(str(tmp_path / 'suite/mini.yaml'))
    run, = plan(outside, tmp_path / 'work', Request())
    assert run.folder == tmp_path / 'work/config1/split1_seed0'
    assert run.config == suite.rows[0].config


def test_epochs_end_the_schedule(suite, tmp_path):
    run = plan(suite, tmp_path, Request(epochs=10))[0]
    cfg = load_config(run.config, parsed(as_arguments(run.train_options)[1:]))
    assert cfg.train_cfg.max_epochs == 10
    assert [s.type for s in cfg.param_scheduler] == [
        'LinearLR', 'CosineAnnealingLR']
    assert cfg.param_scheduler[0].end == 1
    assert cfg.param_scheduler[1].T_max == 9
    assert run.checkpoint.name == 'epoch_10.pth'
    assert run.digest != plan(suite, tmp_path, Request())[0].digest


@pytest.mark.parametrize('scheduler', [
    [dict(type='LinearLR', end=5)],  # a warm-up longer than the training
    dict(type='MultiStepLR', milestones=[2, 3]),
    dict(type='CosineAnnealingLR', T_max=2),  # restarts
])
def test_epochs_of_other_schedules(scheduler):
    cfg = Config(dict(param_scheduler=scheduler,
                      train_cfg=dict(max_epochs=4)))
    for epochs in (3, 8):
        with pytest.raises(BenchmarkError,
                           match='cannot adapt param_scheduler'):
            epoch_options(cfg, epochs)
    assert epoch_options(cfg, 4) == {}


@pytest.mark.parametrize('epochs', [3, 8])
def test_a_cosine_with_an_end(epochs):
    cfg = Config(dict(
        param_scheduler=[dict(type='LinearLR', end=1),
                         dict(type='CosineAnnealingLR', begin=1, T_max=3,
                              end=4)],
        train_cfg=dict(max_epochs=4)))
    assert epoch_options(cfg, epochs) == {
        'train_cfg.max_epochs': epochs,
        'param_scheduler.1.T_max': epochs - 1,
        'param_scheduler.1.end': epochs}


def test_testing_asks_for_the_clips_scores(suite, tmp_path):
    """As on the command line, through MMEngine's parser and merging."""
    run = plan(suite, tmp_path, Request())[0]
    cfg = load_config(run.config, parsed(as_arguments(run.test_options)[1:]))
    assert cfg.test_evaluator == dict(
        type='VideoAccuracy', average_clips='score')
    assert cfg.model.cls_head.average_clips is None


def test_further_options_reach_both(suite, tmp_path):
    request = Request(options={'model.width': 5}, only=['Ablation'])
    # Otherwise all three would be the same now.
    suite = suite._replace(rows=suite.rows[2:])
    run, = plan(suite, tmp_path, request)
    assert run.train_options['model.width'] == 5
    assert run.test_options['model.width'] == 5


@pytest.mark.parametrize('pipeline, expected', [
    ([dict(type='SampleFrames', clip_len=16),
      dict(type='CenterCrop', crop_size=(64, 64))], (64, 1, 1)),
    ([dict(type='UniformSample', clip_len=16, num_clips=4),
      dict(type='Resize', scale=(-1, 256)),
      dict(type='TenCrop', crop_size=256)], (256, 4, 10)),
    # C3D resizes its crops.
    ([dict(type='SampleFrames', clip_len=16, num_clips=2),
      dict(type='CenterCrop', crop_size=224),
      dict(type='Resize', scale=(112, 112), keep_ratio=False)], (112, 2, 1)),
])
def test_describe(suite, pipeline, expected):
    cfg = load_config(suite.rows[0].config, {})
    cfg.test_dataloader.dataset.pipeline = pipeline
    facts = describe(cfg)
    assert (facts['crop'], facts['clips'], facts['crops']) == expected
    assert facts['epochs'] == 4 and facts['batch_size'] == 4


def test_types_that_are_classes(suite):
    """MMEngine's new style of configs, and names with a scope."""
    cfg = load_config(suite.rows[0].config, {})
    cfg.optim_wrapper.type = AmpOptimWrapper
    cfg.test_dataloader.dataset.pipeline = [
        dict(type='mmaction.SampleFrames', clip_len=4),
        dict(type=Resize, scale=(96, 96), keep_ratio=False),
        dict(type=ThreeCrop, crop_size=64)]
    facts = describe(cfg)
    assert facts['crop'] == 64 and facts['crops'] == 3
    assert facts['precision'] == 'mixed'
    cfg.test_dataloader.dataset.pipeline.pop()
    assert describe(cfg)['crop'] == 96
    before = digest(cfg)
    cfg.custom_hooks = [dict(type=EnergyHook)]
    assert digest(cfg) == before


@pytest.mark.parametrize('options, expected', [
    ({}, 'float32'),
    ({'optim_wrapper.type': 'AmpOptimWrapper'}, 'mixed'),
    ({'optim_wrapper.type': 'AmpOptimWrapper',
      'optim_wrapper.dtype': 'bfloat16'}, 'mixed, bfloat16'),
])
def test_precision_is_recorded_with_a_run(suite, tmp_path, options, expected):
    run = plan(suite, tmp_path, Request(options=options))[0]
    assert run.facts['precision'] == expected


def test_iterations_are_refused(suite):
    path = suite.rows[0].config
    path.write_text(path.read_text().replace('max_epochs', 'max_iters'))
    with pytest.raises(BenchmarkError, match='no max_epochs'):
        load_config(path, {})
