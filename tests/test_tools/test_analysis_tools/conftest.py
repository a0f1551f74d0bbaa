"""The benchmarks' scripts, run in this process."""
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / 'tools/analysis_tools'
sys.path.insert(0, str(TOOLS))

@pytest.fixture
def root():
    return ROOT


@pytest.fixture
def run(monkeypatch):
    """Call a tool's ``main`` with arguments."""

    def call(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        # Set, so that the tool does not replace this process.
        monkeypatch.setenv('MALLOC_MMAP_MAX_', '0')
        monkeypatch.setattr(sys, 'path', [*sys.path])
        return runpy.run_path(str(TOOLS / name))['main']()

    return call
