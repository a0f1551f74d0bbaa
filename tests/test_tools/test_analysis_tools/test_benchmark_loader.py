import json

import pytest

pytest.importorskip('av')
CONFIG = 'configs/respike_tiny_motion_shapes.py'


def test_every_part_has_its_time(run, root, tmp_path, capsys):
    out = tmp_path / 'loader'
    run('benchmark_loader.py', root / CONFIG, '--batch', 2, '--rounds', 2,
        '--videos', tmp_path, '--out', out)
    rows = json.loads(out.with_suffix('.json').read_text())['rows']
    parts = {row['part'].strip('*'): row['s'] for row in rows}
    *transforms, pipeline, model = parts
    assert transforms[0] == 'VideoInit' and 'KeyResidualSampler' in transforms
    assert parts[pipeline] == pytest.approx(
        sum(parts[name] for name in transforms))
    assert parts['VideoDecode'] > 0 and parts[model] > 0
    workers = parts[pipeline] / parts[model]
    assert f'{workers:.2f} workers keep the model busy' in (
        capsys.readouterr().out)
