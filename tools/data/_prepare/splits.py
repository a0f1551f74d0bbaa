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
    # Lists that were edited on Windows begin with a byte-order mark.
    if source.is_file() and not is_archive(source):
        return {source.name: source.read_text(encoding='utf-8-sig')}
    with as_folder(source, work) as folder:
        return {path.name: path.read_text(encoding='utf-8-sig')
                for path in sorted(folder.rglob(pattern))}


def text_reader(parse: Callable[[Dict[str, str]], Annotations]
                ) -> Callable[[List[Path], Path], Annotations]:
    """Makes a reader of the first of several sources."""

    def read(sources: List[Path], work: Path) -> Annotations:
        return parse(read_texts(sources[0], work, '*.txt'))

    return read
