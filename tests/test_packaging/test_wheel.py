"""A wheel, unpacked outside the checkout and used from there."""
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ('respike_mm', 'configs', 'tools', 'setup.py', 'setup.cfg',
           'README.md', 'constraints.txt', 'model-index.yml',
           'dataset-index.yml')
USE = '''
import pathlib, runpy, sys
import respike_mm
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from respike_mm.shipped_files import shipped
assert pathlib.Path(respike_mm.__file__).parent == pathlib.Path(sys.argv[1])
pathlib.Path('mine.py').write_text(
    "_base_ = 'respike_mm::respike_tiny_motion_shapes.py'\\n"
    "model = dict(cls_head=dict(num_classes=3))\\n")
cfg = Config.fromfile('mine.py')
init_default_scope('mmaction')
model = MODELS.build(cfg.model)
print(model.cls_head.num_classes, shipped('tools/train.py'))
'''


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """The unpacked wheel, and the tree that it was built from."""
    pytest.importorskip('setuptools')
    tree = tmp_path_factory.mktemp('tree')
    ignore = shutil.ignore_patterns('__pycache__')
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignore)
        else:
            shutil.copy(source, tree / name)
    before = {path for path in (tree / 'respike_mm').rglob('*')}
    subprocess.run(
        [sys.executable, '-c', 'from setuptools import build_meta as b; '
         'b.build_wheel("wheels"); b.build_sdist("wheels"); '
         'b.build_editable("editable")'], cwd=tree,
        check=True, capture_output=True)
    assert {path for path in (tree / 'respike_mm').rglob('*')} == before
    wheel, = (tree / 'wheels').glob('*.whl')
    target = tmp_path_factory.mktemp('site')
    zipfile.ZipFile(wheel).extractall(target)
    return target, tree


def python(folder, target, *args):
    environ = dict(os.environ, PYTHONPATH=str(target))
    return subprocess.run([sys.executable, *map(str, args)], cwd=folder,
                          env=environ, capture_output=True, text=True)


def test_it_holds_what_the_checkout_holds(installed):
    mim = installed[0] / 'respike_mm/.mim'
    for folder in ('configs', 'tools'):
        files = {p.relative_to(ROOT) for p in (ROOT / folder).rglob('*')
                 if p.is_file() and '__pycache__' not in p.parts}
        assert files == {p.relative_to(mim)
                         for p in (mim / folder).rglob('*') if p.is_file()}
    assert (mim / 'model-index.yml').is_file()
    assert not any(path.is_symlink() for path in mim.rglob('*'))


@pytest.mark.parametrize('editable', [False, True])
def test_used_from_outside_the_checkout(editable, installed, tmp_path):
    # An editable install puts the tree on the path.
    target = installed[editable]
    tool = target / ('' if editable else 'respike_mm/.mim') / 'tools/train.py'
    result = python(tmp_path, target, '-c', USE, target / 'respike_mm')
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f'3 {tool}'
    if not editable:
        result = python(tmp_path, target, tool, '--help')
        assert '--auto-scale-lr' in result.stdout, result.stderr


def test_the_sdist_is_enough_to_build_it(installed):
    import tarfile
    path, = (installed[1] / 'wheels').glob('*.tar.gz')
    names = {name.partition('/')[2] for name in tarfile.open(path).getnames()}
    assert {'configs/respike_r50_k400.py', 'tools/train.py',
            'tools/benchmark/suites/k400.yaml', 'configs/metafile.yml',
            'model-index.yml', 'constraints.txt'} <= names


def test_a_missing_file_is_named():
    from respike_mm.shipped_files import shipped
    with pytest.raises(FileNotFoundError, match='no configs/none.py'):
        shipped('configs/none.py')
    assert shipped('configs/respike_r50_k400.py').is_file()
