"""The whole script, with stand-ins for training, testing and measuring."""
import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

from _bench import commands, execute
from _bench.files import read_json, write_json
from _bench.runs import is_locked, locked

ROWS = {'Ablation': dict(E6=dict(top1=0.6), E2=dict(top1=0.25))}


def calls(folder, stage='train'):
    """Arguments of each call of a stand-in for this run, in order."""
    paths = sorted(folder.glob(f'{stage}/*/vis_data/arguments.json'))
    return [read_json(path) for path in paths]


def test_runs_and_tabulates(bench, tmp_path, capsys):
    assert bench(ROWS, '--seeds', 3, 4, '--only', 'E*') == 0
    out = tmp_path / 'work'
    result = read_json(out / 'config1/seed3/result.json')
    assert result['top1'] == 0.6 and result['mean_class'] == 0.4
    assert result['clip_top1'] == 0.3 and result['top5'] == 0.9
    assert result['seed'] == 3 and result['split'] == 1
    assert (result['crop'], result['clips'], result['crops']) == (224, 10, 3)
    assert result['epochs'] == 4 and result['config'].endswith('config1.py')
    # Weights of 2 x 3 and 4; batch norm's statistics are no parameters.
    assert result['parameters'] == 10
    argv = calls(out / 'config1/seed3')[0]['argv']
    assert argv[argv.index('--seed') + 1] == '3' and '--resume' not in argv
    # The last epoch is tested, with the scores of single clips.
    tested = calls(out / 'config1/seed3', 'test')[0]
    assert tested[1].endswith('seed3/train/epoch_4.pth')
    assert 'model.cls_head.average_clips=None' in tested
    assert 'test_evaluator.type=VideoAccuracy' in tested
    rows = list(csv.DictReader((out / 'results.csv').open()))
    assert [(r['name'], r['seed'], r['top1']) for r in rows] == [
        ('E6', '3', '0.6'), ('E6', '4', '0.6'), ('E2', '3', '0.25'),
        ('E2', '4', '0.25')]
    table = (out / 'tables/ablation.md').read_text()
    assert '| E6 | SNN |  | residual | 60.0 ± 0.0 (2 seeds) | 57.5 |' in table
    assert (out / 'tables/ablation.png').stat().st_size > 5000
    claims = (out / 'tables/claims_mini.md').read_text()
    assert 'E6 > E2 | holds | +35.0' in claims
    assert '4 of 4 done\n' in capsys.readouterr().out
    assert (out / 'overview.txt').read_text() == '4 of 4 done\n'


def test_an_overview_that_cannot_be_written(bench, tmp_path, capsys):
    (tmp_path / 'work/overview.txt').mkdir(parents=True)
    assert bench(ROWS, '--only', 'E6') == 0
    assert (tmp_path / 'work/config1/seed0/result.json').exists()
    assert 'overview.txt was not written' in capsys.readouterr().err


def test_finished_runs_are_not_repeated(bench, tmp_path):
    assert bench(ROWS) == 0
    before = {path: path.stat().st_mtime_ns
              for path in tmp_path.rglob('result.json')}
    assert bench(None, '--seeds', 0, 1) == 0
    for path, time_ns in before.items():
        assert path.stat().st_mtime_ns == time_ns
        assert len(calls(path.parent)) == 1
    assert len(list(tmp_path.rglob('result.json'))) == 4


def test_a_failed_run_is_recorded_and_the_others_go_on(bench, tmp_path,
                                                       capsys):
    rows = {'SNN': dict(Bad=dict(fail=True), Good=dict(top1=0.7))}
    assert bench(rows) == 1
    bad, good = (tmp_path / f'work/config{i}/seed0' for i in (1, 2))
    failure = read_json(bad / 'failed.json')
    assert failure['stage'] == 'train' and failure['returncode'] == 1
    assert failure['log'].endswith('no such thing as luck')
    assert (good / 'result.json').exists()
    out = capsys.readouterr().out
    assert '1 of 2 done, 1 failed' in out
    assert 'failed   Bad, split 1, seed 0: train: no such thing' in out
    assert not calls(bad, 'test')
    # Mended, it is tried again.
    config = tmp_path / 'suite/config1.py'
    config.write_text(config.read_text().replace("'fail': True", "'top1': 1"))
    assert bench(None) == 0
    assert not (bad / 'failed.json').exists()
    assert len(calls(bad)) == 2 and len(calls(good)) == 1


def test_a_run_whose_folder_cannot_be_made(bench, tmp_path, capsys):
    (tmp_path / 'work/config1').mkdir(parents=True)
    (tmp_path / 'work/config1/seed0').touch()
    assert bench(ROWS) == 1
    printed = capsys.readouterr()
    assert '1 of 2 done, 1 failed' in printed.out
    assert 'seed0' in printed.err


def test_a_stage_that_ends_well_without_its_result_has_failed(bench, tools,
                                                              tmp_path):
    script = tools / 'test.py'
    text = script.read_text()
    script.write_text('')
    try:
        assert bench(ROWS) == 1
    finally:
        script.write_text(text)
    failure = read_json(tmp_path / 'work/config1/seed0/failed.json')
    assert failure['stage'] == 'test' and failure['returncode'] == 0
    # The training is not repeated.
    assert bench(None) == 0
    assert len(calls(tmp_path / 'work/config1/seed0')) == 1


def test_runs_of_another_process_are_looked_at_again(tmp_path):
    others, ours = (
        execute.Task(
            SimpleNamespace(folder=tmp_path / name, digest='0'),
            execute.RUNNING, since) for name, since in (('a', None),
                                                        ('b', 1.)))
    with locked(tmp_path / 'a'):
        execute.look_at_others([others, ours])
        assert others.state == execute.RUNNING
        write_json(tmp_path / 'a/result.json', dict(digest='0'))
    execute.look_at_others([others, ours])
    assert others.state == execute.DONE
    assert ours.state == execute.RUNNING  # its thread will say


def test_interrupted_runs_continue(bench, tmp_path, capsys):
    """Ctrl-C in the second of four epochs ends the training too."""
    rows = {'SNN': dict(A=dict(hang=True), B={})}
    folder = tmp_path / 'work/config1/seed0'

    def interrupt():
        while not (folder / 'train/last_checkpoint').exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell's background jobs ignore the signal, and so would the test.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt).start()
    try:
        assert bench(rows) == 130
    finally:
        signal.signal(signal.SIGINT, handler)
    assert 'run the same command to continue' in capsys.readouterr().err
    assert not (folder / 'failed.json').exists()
    assert not is_locked(folder), 'the training was left running'
    assert not (tmp_path / 'work/config2').exists()
    assert bench(None, '--dry-run') == 0
    out = capsys.readouterr().out
    assert 'begun    A, split 1, seed 0' in out and '--resume' in out
    assert '0 of 2 done, 1 begun, 1 to do' in out
    assert bench(None) == 0
    first, second = calls(folder)
    assert '--resume' in second['argv']
    assert second['argv'] == [*first['argv'][:5], '--resume',
                              *first['argv'][5:]]
    assert (folder / 'result.json').exists()


def test_a_run_goes_on_from_any_checkpoint(bench, tmp_path):
    """The one that MMEngine's pointer names may have been torn and removed."""
    work_dir = tmp_path / 'work/config1/seed0/train'
    work_dir.mkdir(parents=True)
    (work_dir / 'epoch_2.pth').touch()
    (work_dir / 'last_checkpoint').write_text('/elsewhere/epoch_3.pth')
    assert bench(ROWS) == 0
    assert '--resume' in calls(work_dir.parent)[0]['argv']


def test_a_run_of_another_process_is_left_alone(bench, tmp_path, capsys):
    with locked(tmp_path / 'work/config1/seed0') as lock:
        assert lock is not None
        assert bench(ROWS) == 0
    assert '1 of 2 done, 1 running' in capsys.readouterr().out
    assert not calls(tmp_path / 'work/config1/seed0')


def test_a_lock_lives_as_long_as_the_child(tmp_path):
    """A benchmark that is killed leaves its training running."""
    with locked(tmp_path) as lock:
        child = subprocess.Popen(
            [sys.executable, '-c', 'input()'], stdin=subprocess.PIPE,
            pass_fds=(lock, ))
    assert is_locked(tmp_path)
    child.communicate(b'\n')
    assert not is_locked(tmp_path)


def test_a_changed_config(bench, tmp_path, capsys):
    """Finished: marked in the tables. Begun: not mixed with what was."""
    assert bench(ROWS) == 0
    work = tmp_path / 'work'
    for i in (1, 2):
        config = tmp_path / f'suite/config{i}.py'
        config.write_text(config.read_text().replace('lr=0.1', 'lr=0.3'))
    (work / 'config2/seed0/result.json').unlink()
    assert bench(None) == 1
    out = capsys.readouterr().out
    assert '0 of 2 done, 1 failed, 1 stale' in out
    assert f'remove {work / "config1/seed0"} to repeat it' in out
    assert 'The config has changed since this run was begun' in read_json(
        work / 'config2/seed0/failed.json')['log']
    assert '60.0 (1 seed) †' in (work / 'tables/ablation.md').read_text()


def test_energy_of_finished_runs_can_be_measured_later(bench, tmp_path):
    assert bench(ROWS) == 0
    assert not list(tmp_path.rglob('energy.json'))
    assert bench(None, '--energy-samples', 100) == 0
    folder = tmp_path / 'work/config1/seed0'
    assert len(calls(folder)) == len(calls(folder, 'test')) == 1
    runs = read_json(tmp_path / 'work/results.json')['runs']
    assert runs[0]['energy'] == dict(
        report=str(folder / 'energy.json'), samples=100,
        paper=dict(energy_mj=10., macs=2e9, syops=1e9),
        strict=dict(energy_mj=12., macs=2e9, syops=1e9))
    assert runs[0]['firing_rates'] == {'backbone.lif': 0.25}
    header = (tmp_path / 'work/results.csv').read_text().splitlines()[0]
    assert 'energy.paper.energy_mj' in header and 'rates' not in header
    table = (tmp_path / 'work/tables/ablation.md').read_text()
    assert '| 10.00 | 12.00 |' in table
    # No checkpoint, but all is there.
    (folder / 'train/epoch_4.pth').unlink()
    assert bench(None, '--energy-samples', 100) == 0
    assert len(calls(folder)) == 1


def test_energy_of_more_samples(bench, tmp_path):
    assert bench(ROWS, '--energy-samples', 4, '--only', 'E6') == 0
    report = tmp_path / 'work/config1/seed0/energy.json'
    assert bench(None, '--energy-samples', 100, '--only', 'E6') == 0
    assert read_json(report)['samples'] == 100
    assert bench(None, '--energy-samples', 50, '--only', 'E6') == 0
    assert read_json(report)['samples'] == 100


def test_a_failing_energy_meter_leaves_the_accuracy(bench, tools, tmp_path):
    script = tools / 'analysis_tools/energy.py'
    text = script.read_text()
    script.write_text('raise SystemExit(3)')
    try:
        assert bench(ROWS, '--energy-samples', 4, '--only', 'E6') == 1
        folder = tmp_path / 'work/config1/seed0'
        assert read_json(folder / 'failed.json')['stage'] == 'energy'
        run, = read_json(tmp_path / 'work/results.json')['runs']
        assert run['top1'] > 0 and run['energy'] is None
    finally:
        script.write_text(text)
    log = (folder / 'log.txt').read_text()
    assert bench(None, '--energy-samples', 4, '--only', 'E6') == 0
    more = (folder / 'log.txt').read_text()[len(log):]
    assert more.count('$ ') == 1 and 'energy.py' in more
    assert not (folder / 'failed.json').exists()


def test_energy_of_all_samples_that_there_are(bench, tools, tmp_path):
    """A data set may have fewer than were asked for."""
    script = tools / 'analysis_tools/energy.py'
    text = script.read_text()
    script.write_text(text.replace('samples = int', 'samples = 8 or int'))
    report = tmp_path / 'work/config1/seed0/energy.json'
    try:
        assert bench(ROWS, '--energy-samples', 100, '--only', 'E6') == 0
        time_ns = report.stat().st_mtime_ns
        assert bench(None, '--energy-samples', 100, '--only', 'E6') == 0
    finally:
        script.write_text(text)
    assert read_json(report)['samples'] == 8
    assert report.stat().st_mtime_ns == time_ns


def test_an_energy_report_that_was_cut_off(bench, tmp_path, capsys):
    assert bench(ROWS, '--energy-samples', 4) == 0
    report = tmp_path / 'work/config1/seed0/energy.json'
    report.write_text(report.read_text()[:20])
    assert bench(None) == 1
    error = capsys.readouterr().err
    assert f'{report} is no JSON, or was cut off' in error
    assert 'measure again with --energy-samples' in error
    assert bench(None, '--energy-samples', 4) == 0
    assert read_json(report)['samples'] == 4


def test_the_batch_is_that_of_all_processes(bench, tmp_path, monkeypatch):
    def script(tools, name):
        return [sys.executable, str(tools.folder / name)]

    monkeypatch.setattr(commands, 'script', script)  # one is enough here
    assert bench(ROWS, '--gpus', 2, '--only', 'E6') == 0
    result = read_json(tmp_path / 'work/config1/seed0/result.json')
    assert result['gpus'] == 2 and result['batch_size'] == 8


def test_jobs_share_the_cores(bench, tmp_path, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(execute.os, 'cpu_count', lambda: 8)
    assert bench(ROWS, '--jobs', 3) == 0
    for i in (1, 2):
        call, = calls(tmp_path / f'work/config{i}/seed0')
        assert call['threads'] == '2'
    assert bench({'SNN': dict(C={})}, '--jobs', 1, '--seeds', 5) == 0
    assert calls(tmp_path / 'work/config1/seed5')[0]['threads'] is None


def test_epochs_amp_and_options(bench, tmp_path):
    assert bench(ROWS, '--epochs', 2, '--amp', '--only', 'E6',
                 '--cfg-options', 'train_dataloader.batch_size=2') == 0
    folder = tmp_path / 'work/config1/seed0'
    argv = calls(folder)[0]['argv']
    assert {'train_cfg.max_epochs=2', 'param_scheduler.1.T_max=1',
            'optim_wrapper.type=AmpOptimWrapper',
            'train_dataloader.batch_size=2'} <= set(argv)
    result = read_json(folder / 'result.json')
    assert result['epochs'] == 2 and result['batch_size'] == 2
    assert result['options'] == argv[argv.index('--cfg-options') + 1:]


def test_collect_only(bench, tmp_path, capsys):
    assert bench(ROWS, '--only', 'E6') == 0
    assert bench(None, '--collect-only', '--out', tmp_path / 'docs') == 0
    assert not (tmp_path / 'work/config2').exists()
    assert 'E6' in (tmp_path / 'docs/report.md').read_text()
    assert bench(None, '--collect-only', '--only', 'E2') == 1
    assert 'no run is finished' in capsys.readouterr().err


def test_collecting_takes_every_seed_and_split(bench, tmp_path):
    """A call for one row tabulates that row; all is still there."""
    assert bench(ROWS, '--seeds', 0, 2, '--splits', 1, 3,
                 suite=dict(splits=[1, 2, 3])) == 0
    path = tmp_path / 'work/tables/results_mini.json'
    complete = read_json(path)
    assert bench(None, '--only', 'E6') == 0
    assert len(read_json(path)['runs']) == 1
    assert bench(None, '--collect-only') == 0
    assert read_json(path) == complete and len(complete['runs']) == 8
    assert bench(None, '--collect-only', '--seeds', 2) == 0
    assert [(r['name'], r['seed'], r['split'])
            for r in read_json(path)['runs']] == [
        ('E6', 2, 1), ('E6', 2, 3), ('E2', 2, 1), ('E2', 2, 3)]


def test_an_error_of_the_user_is_one_line(bench, capsys):
    assert bench(ROWS, '--splits', 2) == 1
    error = capsys.readouterr().err
    assert error == 'error: suite mini has the splits (1,), not (2,)\n'


def test_no_clip_level_where_the_network_joins_the_clips(bench, tmp_path):
    assert bench({'2D ANN': dict(TSN=dict(clips=1.), Clips={})}) == 0
    tsn, clips = (read_json(tmp_path / f'work/config{i}/seed0/result.json')
                  for i in (1, 2))
    assert tsn['top1'] == 0.5 and tsn['clip_top1'] is tsn['clip_top5'] is None
    assert clips['clip_top1'] == 0.3
    rows = (tmp_path / 'work/tables/details_mini.md').read_text().splitlines()
    assert '| 40.0 |  |' in rows[2] and '| 40.0 | 30.0 |' in rows[3]


def test_splits(bench, tmp_path):
    assert bench(ROWS, '--splits', 1, 2, suite=dict(splits=[1, 2, 3])) == 0
    argv = calls(tmp_path / 'work/config1/split2_seed0')[0]['argv']
    assert ('train_dataloader.dataset.ann_file='
            'data/ucf101/train_split_2.txt') in argv
    table = (tmp_path / 'work/tables/ablation.md').read_text()
    assert '60.0 (1 seed x 2 splits)' in table


def test_a_bad_energy_report(bench, tmp_path, capsys):
    assert bench(ROWS) == 0
    write_json(tmp_path / 'work/config1/seed0/energy.json', dict(totals={}))
    assert bench(None) == 1
    assert "is no energy report: it has no 'samples'" in \
        capsys.readouterr().err


def test_arguments_survive_being_recorded(bench, tmp_path):
    """``options`` of a result can be given to tools/train.py again."""
    assert bench(ROWS, '--cfg-options', 'model.sizes=[1,2]') == 0
    result = json.loads(
        (tmp_path / 'work/config1/seed0/result.json').read_text())
    assert result['options'] == ['model.sizes=[1, 2]']
