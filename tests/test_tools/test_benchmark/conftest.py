"""The benchmark's script on stand-ins for the tools."""
import runpy

import mini_benchmark as mini
import pytest


@pytest.fixture(scope='session')
def tools(tmp_path_factory):
    return mini.make_tools(tmp_path_factory.mktemp('stub') / 'tools')


@pytest.fixture
def bench(tools, tmp_path):
    """Call ``run.py`` on a suite made of these rows."""
    main = runpy.run_path(str(mini.BENCHMARK / 'run.py'))['main']

    def run(rows, *args, suite={}):
        path = tmp_path / 'suite/mini.yaml'
        if rows:
            path = mini.make_suite(path.parent, rows, **suite)
        return main([str(path), '--work-dir', str(tmp_path / 'work'),
                     *map(str, args)], tools)

    return run
