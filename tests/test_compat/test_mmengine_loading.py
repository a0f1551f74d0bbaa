"""No weights are unpickled in full, whichever way they come in."""
import os
import pickle
import runpy
import socket
from pathlib import Path

import pytest
import torch
from mmaction.apis import init_recognizer
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.runner import Runner, load_checkpoint
from torch import nn

from respike_mm.apis import load_recognizer
from respike_mm.compat.mmengine_loading import (DISTRUST, TRUST,
                                                safe_unpickling)
from respike_mm.models import MSResNet

ROOT = Path(__file__).resolve().parents[2]
TINY = str(ROOT / 'configs/respike_tiny_motion_shapes.py')


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path, )


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A checkpoint, and the file that is there once its payload ran."""
    monkeypatch.delenv(TRUST, raising=False)
    sprung = tmp_path / 'sprung'
    path = tmp_path / 'trap.pth'
    torch.save(dict(state_dict={}, meta=Payload(sprung)), path)
    yield str(path), sprung
    assert not sprung.exists()


def runner(tmp_path, **options):
    return Runner(model=nn.Linear(1, 1), work_dir=str(tmp_path),
                  default_scope='mmaction', experiment_name=tmp_path.name,
                  **options)


def pretrained(path):
    module = BaseModule(dict(type='Pretrained', checkpoint=path))
    module.layer = nn.Linear(1, 1)
    return module


WAYS = {
    'load_checkpoint': lambda path, _: load_checkpoint(nn.Linear(1, 1), path),
    'load_from': lambda path, folder: runner(
        folder, load_from=path).load_or_resume(),
    'resume': lambda path, folder: runner(
        folder, load_from=path, resume=True).load_or_resume(),
    'Pretrained': lambda path, _: pretrained(path).init_weights(),
    'ImageFilters': lambda path, _: MSResNet(
        base_channels=8, init_cfg=dict(type='ImageFilters', checkpoint=path)
    ).init_weights(),
    'pretrained=': lambda path, _: MODELS.build(
        dict(type='ResNet', depth=18, pretrained=path)).init_weights(),
    'init_recognizer': lambda path, _: init_recognizer(TINY, path, 'cpu'),
    'load_recognizer': lambda path, _: load_recognizer(TINY, path, 'cpu'),
}


@pytest.mark.parametrize('way', WAYS)
def test_a_payload_is_refused(way, trap, tmp_path):
    with pytest.raises(pickle.UnpicklingError, match=r'trap\.pth is refused: '
                       r'.*not plain weights \(GLOBAL.*--trust-checkpoint'):
        WAYS[way](trap[0], tmp_path)


def test_the_converter_refuses_a_payload(trap, tmp_path, monkeypatch):
    tool = str(ROOT / 'tools/model_converters/convert_respike.py')
    monkeypatch.setattr('sys.argv', [tool, trap[0], str(tmp_path / 'out.pth')])
    with pytest.raises(SystemExit, match='trap.pth: cannot be read as plain'):
        runpy.run_path(tool, run_name='__main__')


@pytest.fixture
def downloaded(trap, tmp_path, monkeypatch):
    """The address of the trap, which counts as downloaded already."""
    folder = tmp_path / 'hub/checkpoints'
    folder.mkdir(parents=True)
    Path(trap[0]).rename(folder / 'trap.pth')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    return 'https://example.invalid/trap.pth'


def test_callers_of_pytorch_cannot_ask_for_more(trap, monkeypatch):
    """As mmengine 0.11 does, which says ``weights_only=False``."""
    with safe_unpickling(), pytest.raises(pickle.UnpicklingError):
        torch.load(trap[0], weights_only=False)
    assert DISTRUST not in os.environ
    monkeypatch.setenv(DISTRUST, '0')
    with safe_unpickling():
        assert os.environ[DISTRUST] == '1'
    assert os.environ[DISTRUST] == '0'


def test_downloads_are_no_exception(downloaded):
    with pytest.raises(pickle.UnpicklingError, match='invalid/trap.pth is re'):
        load_checkpoint(nn.Linear(1, 1), downloaded)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No name is resolved and nothing connected to; attempts are listed."""
    attempts = []

    def refuse(*args, **kwargs):
        attempts.append(args)
        raise socket.gaierror(-3, 'Temporary failure in name resolution')

    monkeypatch.setattr(socket, 'getaddrinfo', refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    return attempts


def test_offline_the_error_says_how_to_supply_a_file(offline):
    cfg = Config.fromfile(str(ROOT / 'configs/respike_r18_ucf101_split1.py'))
    backbone = MODELS.build(cfg.model.backbone)
    with pytest.raises(ConnectionError, match=r'cannot download https://.*'
                       r'resnet18.*path of the file.*'
                       r'model\.backbone\.pretrained'):
        backbone.init_weights()
    assert offline


def test_without_pretrained_weights_nothing_is_connected_to(offline):
    cfg = Config.fromfile(TINY)
    MODELS.build(cfg.model).init_weights()
    assert offline == []
