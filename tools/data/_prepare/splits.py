"""Finding and reading split files."""
from pathlib import Path
from typing import Callable, Dict, List

from .annotations import Annotations
from .archives import as_folder, is_archive


def read_texts(source: Path, work: Path, pattern: str) -> Dict[str, str]:
    """Reads text files.

    Args:
        source: A folder, an archive or a text file.
        work: An archive is unpacked here for a moment.
        pattern: Which files of a folder or archive, at any depth.

    Returns:
        Their contents by file name.
    """
    if source.is_file() and not is_archive(source):
        return {source.name: read_text(source)}
    with as_folder(source, work) as folder:
        return {path.name: read_text(path)
                for path in sorted(folder.rglob(pattern))}


def read_text(path: Path) -> str:
    """Reads a text file, also one that was edited on Windows."""
    # There, editors put a byte-order mark first.
    return path.read_text(encoding='utf-8-sig')


def text_reader(parse: Callable[[Dict[str, str]], Annotations]
                ) -> Callable[[List[Path], Path], Annotations]:
    """Makes a reader of the first of several sources."""

    def read(sources: List[Path], work: Path) -> Annotations:
        return parse(read_texts(sources[0], work, '*.txt'))

    return read
