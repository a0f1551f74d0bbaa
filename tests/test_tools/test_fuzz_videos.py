import os
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('av')


TOOLS = Path(__file__).resolve().parents[2] / 'tools/analysis_tools'


@pytest.fixture
def fuzz(tool, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    return tool('analysis_tools/fuzz_videos.py')


@pytest.fixture
def cases(fuzz, tmp_path):
    return fuzz['make_cases'](tmp_path, count=1)


@pytest.mark.parametrize('backend', ['decord', 'pyav'])
def test_every_file_is_read_or_refused(fuzz, cases, tmp_path, backend):
    assert len(cases) > 80
    dataset = fuzz['make_dataset'](cases, tmp_path / 'list.txt', backend)
    outcomes = fuzz['outcomes_of'](cases, dataset)
    assert len(outcomes) == len(cases)
    assert [(case, outcome) for case, outcome in zip(cases, outcomes)
            if not fuzz['is_allowed'](case, outcome)] == []
    named = [case.path.name in outcome.detail for case, outcome in zip(
        cases, outcomes) if outcome.verdict == 'error']
    assert len(named) > 30 and all(named)


def test_decoders_turn_alike(fuzz, cases, tmp_path):
    turned = [case for case in cases if case.kind == 'rotated']
    decoded = []
    for backend in ('decord', 'pyav'):
        dataset = fuzz['make_dataset'](turned, tmp_path / 'list.txt', backend)
        clips = [np.stack(dataset[i]['imgs']) for i in range(len(turned))]
        assert {clip.shape for clip in clips} == {(8, 96, 64, 3)}
        decoded.append(clips)
    for a, b in zip(*decoded):
        assert np.abs(a.astype(int) - b).max() <= 2


def test_crashes_and_hangs_are_survived(fuzz):

    def read_one(index):
        if index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        while index == 2:
            pass
        return fuzz['Outcome']('frames', str(index))

    outcomes = fuzz['sweep'](read_one, range(4), timeout=1)
    assert [outcome.verdict for outcome in outcomes.values()] == [
        'frames', 'crash', 'hang', 'frames'
    ]
    assert outcomes[3].detail == '3'


def test_table_counts_every_verdict(fuzz, tmp_path):
    case, outcome = fuzz['Case'], fuzz['Outcome']
    cases = [case(kind, tmp_path, 'either') for kind in 'aab']
    results = dict(pyav=[outcome(v) for v in ('frames', 'crash', 'error')])
    rows = list(fuzz['table'](cases, results))
    assert rows[2:] == ['| a | 2 | pyav | 1 | 0 | 0 | 1 | 0 |',
                        '| b | 1 | pyav | 0 | 1 | 0 | 0 | 0 |',
                        '| all | 3 | pyav | 1 | 1 | 0 | 1 | 0 |']
    assert not fuzz['is_allowed'](cases[0], results['pyav'][1])
