import pytest
from mmengine.config import Config

from respike_mm.shipped_files import shipped


@pytest.mark.parametrize('base', ['respike_tiny_motion_shapes.py',
                                  'ablations/e9_motion_shapes.py'])
def test_a_config_builds_on_ours(base, tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(f"_base_ = 'respike_mm::{base}'\n"
                    'model = dict(cls_head=dict(num_classes=7))\n')
    cfg = Config.fromfile(path)
    expected = Config.fromfile(shipped('configs') / base)
    assert cfg.model.cls_head.num_classes == 7
    assert cfg.test_pipeline == expected.test_pipeline
    assert '_scope_' not in str(cfg)


def test_a_config_that_does_not_exist(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text("_base_ = 'respike_mm::none.py'\n")
    with pytest.raises(FileNotFoundError, match='no configs/none.py'):
        Config.fromfile(path)
