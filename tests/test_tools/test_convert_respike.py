import runpy
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from shared_material import load_case, needs_golden

from respike_mm.models.common.authors_checkpoint import (
    convert_authors_state_dict, convert_name)

ROOT = Path(__file__).resolve().parents[2]
NAMES = {
    'ann_layer0.0.weight': 'backbone.conv1.conv.weight',
    'ann_layer0.1.running_var': 'backbone.conv1.bn.running_var',
    'ann_layer3.1.bn2.bias': 'backbone.layer3.1.conv2.bn.bias',
    'ann_layer2.0.downsample.1.weight':
    'backbone.layer2.0.downsample.bn.weight',
    'snn_backbone.bn1.weight': 'snn_backbone.stem.norm.weight',
    'snn_backbone.layer4.0.shortcut.1.weight':
    'snn_backbone.layer4.0.shortcut.conv.1.weight',
    'snn_backbone.fusion1.transformer_blocks.0.attn2.to_out.0.bias':
    'neck.blocks.0.block.cross_attn.to_out.bias',
    'snn_backbone.fusion4.transformer_blocks.0.ff.net.2.weight':
    'neck.blocks.3.block.feed_forward.proj_out.weight',
    'fc.bias': 'cls_head.fc_cls.bias',
}


def r18():
    return MODELS.build(
        dict(
            type='HybridReSpike',
            backbone=dict(type='ResNet', depth=18),
            snn_backbone=dict(type='MSResNet'),
            neck=dict(type='CrossAttentionNeck'),
            cls_head=dict(type='ReSpikeHead', num_classes=7)))


@pytest.fixture
def convert(monkeypatch):
    """Run the tool with these arguments."""
    tool = str(ROOT / 'tools/model_converters/convert_respike.py')

    def run(*args):
        monkeypatch.setattr('sys.argv', [tool, *map(str, args)])
        runpy.run_path(tool, run_name='__main__')

    return run


def test_names():
    for theirs, ours in NAMES.items():
        assert convert_name(theirs) == ours
    model = r18()
    known = set(model.state_dict())
    assert set(NAMES.values()) <= known


def test_wrapped_model_and_dropped_fusion():
    value = torch.zeros(1)
    names = ['module.fc.bias', 'module.snn_backbone.fusion1.norm.bias']
    state = dict.fromkeys(names, value)
    assert set(convert_authors_state_dict(state)) == {
        'cls_head.fc_cls.bias', 'neck.blocks.0.norm.bias'
    }
    assert set(convert_authors_state_dict(state, stage1_fusion=False)) == {
        'cls_head.fc_cls.bias'
    }


def test_command_line(convert, tmp_path):
    """Weights under the authors' names come back under ours."""
    model = r18()
    theirs = {ours: name for name, ours in NAMES.items()}
    partial = {
        theirs[name]: value
        for name, value in model.state_dict().items() if name in theirs
    }
    assert len(partial) == len(NAMES)
    torch.save(dict(state_dict=partial), tmp_path / 'src.pth')
    convert(tmp_path / 'src.pth', tmp_path / 'dst.pth')
    loaded = torch.load(tmp_path / 'dst.pth', weights_only=True)['state_dict']
    assert loaded.keys() == set(NAMES.values())
    for name, value in loaded.items():
        assert torch.equal(value, model.state_dict()[name])


@needs_golden
def test_result_fits_the_config_strictly(convert, tmp_path, capsys):
    """The released architecture: ResNet-50, 51 classes here."""
    _, state, _, _ = load_case('r50_s2_t16_ds')
    state['fc.weight'] = state['fc.weight'][:51]
    state['fc.bias'] = state['fc.bias'][:51]
    torch.save(state, tmp_path / 'src.pth')
    config = ROOT / 'configs/respike_r50_s2_hmdb51_split1.py'
    convert(tmp_path / 'src.pth', tmp_path / 'dst.pth', '--config', config)
    assert 'all 550 tensors fit' in capsys.readouterr().out


def test_errors_name_the_file_and_the_key(convert, tmp_path):
    with pytest.raises(SystemExit, match='none.pth: no such file'):
        convert(tmp_path / 'none.pth', 'x')
    torch.save(dict(a=torch.zeros(1)), tmp_path / 'odd.pth')
    with pytest.raises(SystemExit, match="odd.pth: 'a' is not"):
        convert(tmp_path / 'odd.pth', 'x')
    (tmp_path / 'text.pth').write_text('hello')
    with pytest.raises(SystemExit, match='text.pth: cannot be read'):
        convert(tmp_path / 'text.pth', 'x')
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(SystemExit, match='list.pth: holds no state dict'):
        convert(tmp_path / 'list.pth', 'x')
