"""Every config file loads, builds its model and its data pipelines."""
from pathlib import Path

import pytest
import torch
from action_samples import score_of
from mmaction.registry import MODELS, TRANSFORMS
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose

CONFIG_FOLDER = Path(__file__).resolve().parents[2] / 'configs'
FOLDERS = ('.', 'comparison', 'ablations')
CONFIGS = sorted(
    path for folder in FOLDERS
    for path in (CONFIG_FOLDER / folder).glob('*.py'))
NUM_RESPIKE = 4 * 3 * (1 + 3 + 3)  # depths, strides, datasets with splits
# C3D, Res3D, I3D and five spiking networks on five datasets; 2D networks at
# two depths on the paper's datasets and at one on the small ones; optical flow
# on all but Kinetics, whose frames are far apart.
NUM_COMPARISON = 8 * 5 + 3 * (2 + 2 + 2 + 1 + 1) + 4
NUM_ABLATIONS = (9 + 4) * 5  # E1 to E9, four strides


def without_downloads(cfg):
    """The config with every pretrained checkpoint left out."""
    if isinstance(cfg, dict):
        cfg = {k: without_downloads(v) for k, v in cfg.items()}
        if 'pretrained' in cfg:
            cfg['pretrained'] = False if 'timm' in cfg['type'] else None
        cfg.pop('init_cfg', None)
        return ConfigDict(cfg)
    return cfg


def build_without_values(cfg):
    """Shapes only, where the library allows it: no time goes into weights."""
    needs_values = 'mmpretrain' in str(cfg.model.backbone)
    with torch.device('cpu' if needs_values else 'meta'):
        return MODELS.build(without_downloads(cfg.model))


def test_how_many():
    names = [path.stem for path in CONFIGS]
    paper = [n for n in names if n.endswith(('k400', 'split1', 'split2',
                                             'split3'))]
    assert len([n for n in paper if n.startswith('respike')]) == NUM_RESPIKE
    others = ('respike_r18_ucf101_10_lite', 'respike_timm_motion_shapes',
              'respike_tiny_motion_shapes')
    assert set(others) <= set(names)
    assert len(CONFIGS) == NUM_RESPIKE + NUM_COMPARISON + NUM_ABLATIONS + len(
        others)


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_loads_and_builds(path):
    cfg = Config.fromfile(path)
    model = build_without_values(cfg)
    assert model.cls_head.fc_cls.out_features == cfg.model.cls_head.num_classes
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert dataset.num_classes == cfg.model.cls_head.num_classes
        assert dataset.ann_file.endswith('.txt')
        assert dataset.get('test_mode', False) == (split != 'train')
        for transform in dataset.pipeline:
            TRANSFORMS.build(transform)
    # Nothing but relative bases: `mmaction::` needs a package index.
    assert 'mmaction::' not in path.read_text()


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_leaf_states_only_the_difference(path):
    lines = [line for line in path.read_text().splitlines() if line.strip()]
    assert len(lines) <= 35
    assert "type='VideoDecode'" not in path.read_text()


def test_parameters_of_the_main_config():
    cfg = Config.fromfile(CONFIG_FOLDER / 'respike_r50_k400.py')
    model = MODELS.build(without_downloads(cfg.model))
    assert sum(p.numel() for p in model.parameters()) == 45_474_128


@pytest.mark.parametrize('depth', [18, 50, 101, 152])
@pytest.mark.parametrize('stride', [2, 4, 8])
@pytest.mark.parametrize('data', ['k400', 'ucf101_split2', 'hmdb51_split3'])
def test_names_mean_what_they_say(depth, stride, data):
    infix = '' if stride == 4 else f'_s{stride}'
    cfg = Config.fromfile(CONFIG_FOLDER / f'respike_r{depth}{infix}_{data}.py')
    assert cfg.model.backbone.depth == depth
    assert cfg.model.backbone.pretrained == f'torchvision://resnet{depth}'
    folder = dict(k='kinetics400', u='ucf101', h='hmdb51')[data[0]]
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        sampler, = [
            t for t in dataset.pipeline if t.type == 'KeyResidualSampler'
        ]
        assert sampler.stride == stride
        assert f'data/{folder}/' in dataset.ann_file
        if 'split' in data:
            assert f'split_{data[-1]}_' in dataset.ann_file
    assert cfg.optim_wrapper.optimizer.type == 'SGD'
    assert cfg.optim_wrapper.optimizer.lr == 0.01
    assert cfg.train_cfg.max_epochs == 100
    assert cfg.auto_scale_lr.base_batch_size == 32
    assert dict(type='TensorboardVisBackend') in cfg.visualizer.vis_backends
    assert cfg.default_hooks.checkpoint.save_best == 'auto'
    assert set(cfg.default_hooks) >= {
        'exact_resume', 'non_finite_loss', 'skipped_videos',
        'bounded_history'}


def sample(pipeline, video_set):
    """What a pipeline makes of a video of 24 frames of 64x64."""
    path = next(video_set.folder.glob('*.mp4'))
    transforms = Compose([TRANSFORMS.build(step) for step in pipeline])
    return transforms(dict(
        filename=str(path), label=0, start_index=0, modality='RGB'))


@pytest.mark.parametrize(
    'path', [p for p in CONFIGS if p.stem.endswith(('k400', 'flow_r50_ucf101'))
             ], ids=lambda path: path.stem)
def test_network_takes_what_its_pipeline_gives(path, video_set):
    """At the paper's sizes, on tensors without values: in no time."""
    cfg = Config.fromfile(path)
    data = sample(cfg.val_dataloader.dataset.pipeline, video_set)
    model = build_without_values(cfg).eval()
    model.to('meta')  # there the preprocessor moves its inputs
    batch = model.data_preprocessor(dict(
        inputs=2 * [data['inputs']], data_samples=2 * [data['data_samples']]))
    for result in model(**batch, mode='predict'):
        assert score_of(result).shape == (cfg.model.cls_head.num_classes, )


@pytest.mark.parametrize('name, shape', [
    ('respike_r50_k400', (12, 4, 4, 3, 256, 256)),
    ('respike_r50_s8_ucf101_split1', (30, 2, 8, 3, 256, 256)),
    ('comparison/tsn_r50_k400', (12 * 16, 3, 256, 256)),
    ('comparison/c3d_hmdb51', (30, 3, 16, 112, 112)),
    ('comparison/i3d_r50_ucf101', (30, 3, 16, 256, 256)),
    ('ablations/e4_k400', (12 * 4, 3, 256, 256)),
    ('ablations/e5_ucf101', (30 * 12, 3, 256, 256)),
])
def test_clips_and_crops_of_a_test(name, shape, video_set):
    """Three crops of four clips on Kinetics, of ten elsewhere."""
    cfg = Config.fromfile(CONFIG_FOLDER / f'{name}.py')
    inputs = sample(cfg.test_dataloader.dataset.pipeline, video_set)['inputs']
    assert inputs.shape == shape
