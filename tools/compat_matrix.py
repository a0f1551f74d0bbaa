"""Run the tests on several Python and package versions, and tabulate it.

For each row an environment of its own is made by ``tools/setup_env.sh`` with
the versions of ``constraints.txt``, less those that the row replaces::

    python tools/compat_matrix.py
    python tools/compat_matrix.py --only py312-oldest -- tests/test_models

The outcome of each row is kept in ``OUT.json``, so that rows may run one by
one; ``OUT.md`` is the table of all of them. The tests' output goes to
``ENVS/NAME.log``.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[1]
OLDEST = {
    'torch': '2.11.0',
    'torchvision': '0.26.0',
    'mmaction2': '1.1.0',
    'mmcv-lite': '2.0.1',
    'setuptools': '81.0.0',  # torch 2.11 wants one below 82
}
CANDIDATE = {'mmengine': '0.11.0rc3'}
# Name to Python version and the versions that differ from constraints.txt.
ROWS = {
    'py311': ('3.11', {}),
    'py311-oldest': ('3.11', OLDEST),
    'py312': ('3.12', {}),
    'py312-oldest': ('3.12', OLDEST),
    'py313': ('3.13', {}),
    'py313-candidate': ('3.13', CANDIDATE),
}
SHOWN = ('torch', 'mmaction2', 'mmengine', 'mmcv-lite')


def constraints_with(text: str, versions: Dict[str, str]) -> str:
    """Replace pins in the text of a constraints file.

    Raises:
        ValueError: If a package is not pinned there.
    """
    for package, version in versions.items():
        text, found = re.subn(
            rf'(?m)^{re.escape(package)}==.*$', f'{package}=={version}', text)
        if not found:
            raise ValueError(f'constraints.txt has no pin of {package}')
    return text


def interpreter(version: str) -> str:
    """The Python of this version that uv finds.

    Raises:
        SystemExit: If there is none.
    """
    found = subprocess.run(['uv', 'python', 'find', '--no-project', version],
                           capture_output=True, text=True)
    if found.returncode:
        raise SystemExit(f'uv finds no Python {version}: put it on PATH, or '
                         f'run `uv python install {version}`')
    return found.stdout.strip()


def set_up(name: str, envs: Path) -> Path:
    """Make the environment of a row.

    Returns:
        Its Python.
    """
    version, replaced = ROWS[name]
    constraints = envs / f'{name}.txt'
    constraints.write_text(
        constraints_with((ROOT / 'constraints.txt').read_text(), replaced))
    subprocess.run(
        ['bash', str(ROOT / 'tools/setup_env.sh'), 'lite', 'test'],
        check=True,
        env={
            **os.environ, 'VENV': str(envs / name),
            'PYTHON': interpreter(version),
            'CONSTRAINTS': str(constraints)
        })
    return envs / name / 'bin/python'


def installed(python: Path) -> Dict[str, str]:
    """Versions in an environment, of Python and of ``SHOWN``."""
    code = ('import json, platform; from importlib.metadata import version; '
            'print(json.dumps({"python": platform.python_version(), **{'
            f'name: version(name) for name in {SHOWN}}}}}))')
    return json.loads(subprocess.check_output([str(python), '-c', code]))


def run_tests(python: Path, log: Path, args: List[str]) -> str:
    """Run pytest.

    Returns:
        Its closing line, such as ``'12 passed in 3.4s'``.
    """
    with log.open('w') as file:
        subprocess.run(
            [str(python), '-m', 'pytest', '-p', 'no:cacheprovider', *args],
            cwd=ROOT, stdout=file, stderr=subprocess.STDOUT)
    return log.read_text().strip().splitlines()[-1].strip('= ')


def table(outcomes: Dict[str, dict]) -> str:
    """The outcomes as a Markdown table."""
    head = ['row', 'python', *SHOWN, 'tests', 'outcome']
    lines = [head, ['---'] * len(head)]
    lines += [[name, *(outcome['versions'][x] for x in ('python', *SHOWN)),
               outcome['tests'], outcome['outcome']]
              for name, outcome in sorted(outcomes.items())]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def main() -> None:
    """Run the rows asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--only', nargs='+', choices=ROWS, default=[*ROWS])
    parser.add_argument('--envs', type=Path, default=Path('work_dirs/envs'),
                        help='folder for the environments')
    parser.add_argument('--out', type=Path,
                        default=ROOT / 'docs/results/compatibility',
                        help='the table, without suffix')
    parser.add_argument('--remove', action='store_true',
                        help='remove each environment after its tests')
    parser.add_argument('pytest', nargs='*', help='arguments of pytest')
    args = parser.parse_args()
    envs = args.envs.resolve()
    envs.mkdir(parents=True, exist_ok=True)
    store = args.out.with_suffix('.json')
    failed = False
    for name in args.only:
        python = set_up(name, envs)
        closing = run_tests(python, envs / f'{name}.log', args.pytest)
        outcomes = json.loads(store.read_text()) if store.is_file() else {}
        outcomes[name] = dict(
            versions=installed(python),
            tests=' '.join(args.pytest) or 'all',
            outcome=closing)
        store.write_text(json.dumps(outcomes, indent=1, sort_keys=True) + '\n')
        args.out.with_suffix('.md').write_text(table(outcomes))
        print(f'{name}: {closing}', flush=True)
        failed |= 'failed' in closing or 'error' in closing
        if args.remove:
            shutil.rmtree(envs / name)
    sys.exit(failed)


if __name__ == '__main__':
    main()
