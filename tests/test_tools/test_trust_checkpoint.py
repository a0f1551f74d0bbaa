import argparse
import pickle
from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

from respike_mm.compat.mmengine_loading import TRUST


class Payload:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path, )


def test_full_unpickling_takes_an_option(tool, tiny_config, tmp_path,
                                         monkeypatch):
    monkeypatch.setenv(TRUST, '')  # and restored afterwards
    path, sprung = str(tmp_path / 'a.pth'), tmp_path / 'sprung'
    torch.save(dict(state_dict={}, meta=Payload(sprung)), path)
    common = tool('_common.py')
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    common['add_common_options'](parser)

    common['load_config'](parser.parse_args([str(tiny_config)]))
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(nn.Linear(1, 1), path)
    assert not sprung.exists()

    options = [str(tiny_config), '--trust-checkpoint']
    common['load_config'](parser.parse_args(options))
    load_checkpoint(nn.Linear(1, 1), path)
    assert sprung.exists()
