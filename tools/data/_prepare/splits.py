"""Finding and reading split files."""
from pathlib import Path
from typing import Callable, Dict, List

from .annotations import Annotations
from .archives import as_folder, is_archive
from .errors import PrepareError


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
        # macOS puts "._NAME", which is no text, beside every NAME.
        return {path.name: read_text(path)
                for path in sorted(folder.rglob(pattern))
                if not path.name.startswith('.')}


def read_text(path: Path) -> str:
    """Reads a text file, also one that was edited on Windows.

    Raises:
        PrepareError: If it is no UTF-8.
    """
    try:
        # There, editors put a byte-order mark first.
        return path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise PrepareError(f'{path} is no text in UTF-8 ({error}); remove it '
                           'if it is no split file') from None


def text_reader(parse: Callable[[Dict[str, str]], Annotations]
                ) -> Callable[[List[Path], Path], Annotations]:
    """Makes a reader of the first of several sources."""

    def read(sources: List[Path], work: Path) -> Annotations:
        return parse(read_texts(sources[0], work, '*.txt'))

    return read
