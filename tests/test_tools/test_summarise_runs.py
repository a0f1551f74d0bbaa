import json
import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(
    str(Path(__file__).resolve().parents[2] /
        'tools/analysis_tools/summarise_runs.py'))


def make_run(folder, config, seed, scores):
    """A work dir as MMEngine leaves it, with one validation a score."""
    log = folder / '20260101_000000/vis_data'
    log.mkdir(parents=True)
    (log / 'config.py').write_text(
        f'train_cfg = dict(max_epochs=2)\nrandomness = dict(seed={seed})\n')
    (folder / f'{config}.py').write_text('')
    lines = [dict(loss=1.0, epoch=1, step=1)]
    lines += [{'acc/top1': s, 'step': i} for i, s in enumerate(scores, 1)]
    (log / 'scalars.json').write_text('\n'.join(map(json.dumps, lines)))
    return folder


def test_rows_by_hand(tmp_path):
    """The last score counts, not the best; 70 and 80 are 75 +- 7.07."""
    dirs = [
        make_run(tmp_path / 'a', 'respike', 0, [0.9, 0.7]),
        make_run(tmp_path / 'b', 'tsn', 0, [0.5]),
        make_run(tmp_path / 'c', 'respike', 1, [0.8]),
    ]
    rows = TOOL['tabulate']([TOOL['read_run'](d) for d in dirs])
    assert [row['config'] for row in rows] == ['respike', 'tsn']
    assert rows[0]['top1'] == [70, 80] and rows[0]['seeds'] == [0, 1]
    assert rows[0]['mean'] == 75 and rows[0]['std'] == 7.07
    text = TOOL['to_markdown'](rows)
    assert '| `respike` | 2 | 2 | 75.0 ± 7.1 |' in text
    assert '| `tsn` | 2 | 1 | 50.0 |' in text


def test_unfinished_runs_are_named(tmp_path):
    with pytest.raises(SystemExit, match='nothing: no run'):
        TOOL['read_run'](tmp_path / 'nothing')
    run = make_run(tmp_path / 'early', 'respike', 0, [])
    with pytest.raises(SystemExit, match='early: no run'):
        TOOL['read_run'](run)


def test_a_later_test_run_is_not_a_training(tmp_path):
    run = make_run(tmp_path / 'a', 'respike', 5, [0.6])
    log = run / '20260102_000000/vis_data'
    log.mkdir(parents=True)
    (log / 'scalars.json').write_text('{"acc/top1": 0.9}\n')
    assert TOOL['read_run'](run)['top1'] == 0.6
    assert TOOL['read_run'](run)['seed'] == 5
