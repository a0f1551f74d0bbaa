import os.path as osp
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from types import SimpleNamespace

import mmengine
import pytest
from mmengine.config import Config
from mmengine.utils import get_installed_path as installed_path
from mmengine.utils import is_installed as installed

from respike_mm.compat import mmengine_packages

BASE = 'recognition/tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_' \
       'kinetics400-rgb.py'


def test_config_builds_on_one_of_mmaction(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(f"_base_ = 'mmaction::{BASE}'\n"
                    'model = dict(backbone=dict(depth=18))\n')
    model = Config.fromfile(str(path)).model
    assert model.type == 'Recognizer2D' and model.backbone.depth == 18


def test_packages_are_found_by_either_name():
    folder = osp.dirname(find_spec('mmaction').origin)
    assert installed_path('mmaction2') == installed_path('mmaction') == folder
    assert installed('mmaction2') and installed('mmaction')


def test_missing_packages_are_told():
    assert not installed('no_such_package')
    with pytest.raises(PackageNotFoundError):
        mmengine_packages.get_installed_path('no_such_package')


def test_a_package_must_tell_its_module(monkeypatch):
    monkeypatch.setattr(mmengine_packages, 'distribution',
                        lambda name: SimpleNamespace(read_text=lambda _: None))
    with pytest.raises(ValueError, match='infer the module name of no-such'):
        mmengine_packages.module_of('no-such')


def test_nothing_is_done_where_pkg_resources_is(monkeypatch):

    def is_installed(package):
        return package == 'original'

    utils = SimpleNamespace(
        is_installed=is_installed, get_installed_path=is_installed)
    monkeypatch.setattr(mmengine_packages, 'find_spec', lambda name: object())
    mmengine_packages._patch(utils)
    assert utils.is_installed is utils.get_installed_path is is_installed


@pytest.mark.skipif(
    find_spec('pkg_resources') is not None, reason='the fault is absent')
def test_every_holder_of_the_functions_is_served():
    for holder in (mmengine.utils, mmengine.utils.package_utils,
                   mmengine.config.config):
        assert holder.is_installed is mmengine_packages.is_installed
        assert holder.get_installed_path \
            is mmengine_packages.get_installed_path
