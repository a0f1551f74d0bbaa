import json

import pytest
from mmengine.config.utils import _get_cfg_metainfo


def write_package(folder, config):
    mim = folder / '.mim'
    mim.mkdir()
    (mim / 'model-index.yml').write_text('Import: [metafile.json]\n')
    (mim / 'metafile.json').write_text(
        json.dumps(dict(Models=[dict(Name='a', Config=config)])))
    return str(folder)


def test_a_list_of_configs_is_a_value_error(tmp_path):
    package = write_package(tmp_path, ['configs/a/a.py', 'configs/a/b.py'])
    # On a ValueError mmengine goes on to look for the file itself.
    with pytest.raises(ValueError, match='malformed'):
        _get_cfg_metainfo(package, 'a/a.py')


def test_a_sound_metafile_is_read_as_before(tmp_path):
    package = write_package(tmp_path, 'configs/a/a.py')
    assert _get_cfg_metainfo(package, 'a/a.py')['Name'] == 'a'
    with pytest.raises(ValueError, match='Expected configs'):
        _get_cfg_metainfo(package, 'a/b.py')
