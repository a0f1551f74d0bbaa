"""Where things lie, and files that are never seen half written."""
import json
import os
from pathlib import Path
from typing import Any

from .errors import BenchmarkError

BENCHMARK = Path(__file__).resolve().parents[1]
ROOT = BENCHMARK.parents[1]
CONFIGS = ROOT / 'configs'


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two benchmarks may write the same overview.
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    part.write_text(text, encoding='utf-8')
    os.replace(part, path)


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step."""
    write_text(path, json.dumps(content, indent=1) + '\n')


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        BenchmarkError: If the file is something else.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise BenchmarkError(
            f'{path} is no JSON, or was cut off: {error}') from None
