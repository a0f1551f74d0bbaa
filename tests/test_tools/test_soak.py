import argparse
import os

import pytest


@pytest.fixture
def soak(tool):
    return tool('analysis_tools/soak.py')


def test_looks_at_this_process(soak, tmp_path):
    files = soak['open_files'](os.getpid())
    with open(tmp_path / 'a', 'w'):
        assert soak['open_files'](os.getpid()) == files + 1
    before = soak['memory'](os.getpid())
    block = b'x' * 2**26
    assert 50 < soak['memory'](os.getpid()) - before < 80
    del block


def test_slope_of_a_leak(soak):
    rows = [dict(dict.fromkeys(soak['QUANTITIES'], 7.), iteration=10 * i,
                 memory=100 + 3 * i if i > 1 else 1000.)
            for i in range(1, 9)]
    lines = soak['slopes'](rows)
    assert lines['memory'] == pytest.approx(
        dict(first=109, last=124, slope=300, error=0), abs=1e-6)
    assert lines['files'] == pytest.approx(
        dict(first=7, last=7, slope=0, error=0), abs=1e-6)
    text = soak['report'](rows, 'COMMAND')
    assert 'Made by `COMMAND`: 80 iterations, a sample every 10.' in text
    assert '| memory of the main process, MiB | 109.00 | 124.00 | ' \
        '+300.000 ± 0.000 |' in text


def test_only_its_own_folder_is_emptied(soak, tmp_path):
    parser = argparse.ArgumentParser(prog='soak.py')
    folder = tmp_path / 'new/runs'
    assert soak['empty_folder'](folder, parser) == folder
    (folder / 'data').mkdir()
    soak['empty_folder'](folder, parser)
    assert [path.name for path in folder.iterdir()] == ['.made_by_soak.py']
    (tmp_path / 'empty').mkdir()
    soak['empty_folder'](tmp_path / 'empty', parser)


@pytest.mark.parametrize('name', ['.', 'file'])
@pytest.mark.parametrize('module', ['soak', 'kill_and_resume'])
def test_what_it_did_not_make_stays(module, name, tool, tmp_path, capsys):
    (tmp_path / 'file').write_text('precious')
    main = tool(f'analysis_tools/{module}.py', '--work-dir',
                tmp_path / name)['main']
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert f'--work-dir {tmp_path / name} was not made' in \
        capsys.readouterr().err
    assert (tmp_path / 'file').read_text() == 'precious'
