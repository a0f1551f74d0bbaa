"""How the tools start processes, seen through stand-ins for the programs."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
RESTART = '''
import os, sys
sys.path.insert(0, sys.argv[1])
import _common
_common.has_cuda = lambda: sys.argv[2] == 'gpu'
_common.restart_with_malloc_settings()
print(os.environ.get('MALLOC_MMAP_MAX_'),
      os.environ.get('MALLOC_TRIM_THRESHOLD_'), sys.argv[2:])
'''


def restart(*args, **env):
    environ = {k: v for k, v in os.environ.items()
               if not k.startswith('MALLOC_') and k != 'LOCAL_RANK'}
    return subprocess.run(
        [sys.executable, '-c', RESTART, str(TOOLS), *args],
        env={**environ, **env},
        check=True,
        capture_output=True,
        text=True)


@pytest.mark.skipif(sys.platform != 'linux', reason='glibc settings')
def test_restarts_once_with_malloc_settings_and_the_same_arguments():
    result = restart('cpu', 'a b', '--x=$HOME')
    assert result.stdout == "0 100000000000 ['cpu', 'a b', '--x=$HOME']\n"
    assert result.stderr.count('restarting') == 1
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize('device, env, settings', [
    ('gpu', {}, 'None None'),
    ('cpu', dict(LOCAL_RANK='0'), 'None None'),
    ('cpu', dict(MALLOC_MMAP_MAX_='9'), '9 None'),
])
def test_does_not_restart(device, env, settings):
    result = restart(device, **env)
    assert result.stdout.startswith(f'{settings} [')
    assert not result.stderr


def test_uses_the_checkout_where_nothing_is_installed(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import _common
    monkeypatch.setattr(_common.importlib.util, 'find_spec', lambda name: None)
    _common.import_plugin()
    assert sys.path[0] == str(TOOLS.parent)


@pytest.mark.parametrize('package', ['mmaction', 'mmengine'])
def test_missing_package_is_named(package):
    """Seen from a fresh process, in which the package cannot be imported."""
    code = (f'import sys, runpy; sys.modules[{package!r}] = None; '
            f'sys.path.insert(0, {str(TOOLS)!r}); '
            f'sys.argv[1:] = ["setup.py"]; '
            f'runpy.run_path({str(TOOLS / "train.py")!r}, '
            'run_name="__main__")')
    result = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'MALLOC_MMAP_MAX_': '0'},
        cwd=TOOLS.parent,
        capture_output=True,
        text=True)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert package in last and 'pip install -e' in last
    assert 'Traceback' not in result.stderr


@pytest.fixture
def shown(tmp_path):
    """Run a shell script with `python` and `srun` that only print."""
    for name in ('python', 'srun'):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\necho {name}\nprintf "%s\\n" "$@"\n'
            'echo "$MALLOC_MMAP_MAX_ $MALLOC_TRIM_THRESHOLD_ $MASTER_PORT"\n')
        program.chmod(0o755)

    def run(script, *args, **env):
        result = subprocess.run(
            [str(TOOLS / script), *args],
            env=dict(PATH=f'{tmp_path}:{os.environ["PATH"]}', **env),
            capture_output=True,
            text=True)
        return result.returncode, result.stdout.splitlines(), result.stderr

    return run


@pytest.mark.parametrize('script, args', [
    ('train', ['a config.py']),
    ('test', ['a config.py', 'a.pth']),
])
def test_dist_scripts(shown, script, args):
    code, lines, _ = shown(
        f'dist_{script}.sh', *args, '4', '--cfg-options', 'x=1 2',
        NNODES='2', NODE_RANK='1', MASTER_ADDR='host', PORT='1234')
    assert code == 0
    assert lines[:13] == [
        'python', '-m', 'torch.distributed.run', '--nnodes', '2',
        '--node-rank', '1', '--master-addr', 'host', '--master-port', '1234',
        '--nproc-per-node', '4'
    ]
    assert Path(lines[13]) == TOOLS / f'{script}.py'
    assert lines[14:-1] == [
        *args, '--launcher', 'pytorch', '--cfg-options', 'x=1 2']
    assert lines[-1].startswith('0 100000000000')


@pytest.mark.parametrize('script, args', [
    ('train', ['a config.py']),
    ('test', ['a config.py', 'a.pth']),
])
def test_slurm_scripts(shown, script, args):
    code, lines, _ = shown(
        f'slurm_{script}.sh', 'part', 'name', *args, '--work-dir', 'w d',
        GPUS='4', GPUS_PER_NODE='2', CPUS_PER_TASK='3', MASTER_PORT='777',
        SRUN_ARGS='--quotatype=auto --time=1')
    assert code == 0
    at = lines.index('python')
    assert lines[:at] == [
        'srun', '--partition', 'part', '--job-name', 'name', '--gres',
        'gpu:2', '--ntasks', '4', '--ntasks-per-node', '2',
        '--cpus-per-task', '3', '--kill-on-bad-exit', '1',
        '--quotatype=auto', '--time=1'
    ]
    assert lines[at + 1] == '-u'
    assert Path(lines[at + 2]) == TOOLS / f'{script}.py'
    assert lines[at + 3:-1] == [
        *args, '--launcher', 'slurm', '--work-dir', 'w d']
    assert lines[-1] == '0 100000000000 777'


@pytest.mark.parametrize('script', [
    'dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_usage(shown, script):
    code, lines, error = shown(script)
    assert code == 2 and not lines
    assert f'tools/{script} ' in error


def test_leaves_the_process_group(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(TOOLS))
    import _common
    from torch import distributed
    _common.leave_process_group()  # nothing to leave: no error
    distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path / "store"}', rank=0,
        world_size=1)
    codes = []
    monkeypatch.setattr(_common.os, '_exit', codes.append)
    _common.leave_process_group()
    assert codes == [0]  # gloo: the process would end here
    assert not distributed.is_initialized()
