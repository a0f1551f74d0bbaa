"""Local files that are written whole or not at all."""
import os
from pathlib import Path
from typing import Union

from mmengine.fileio import LocalBackend, register_backend


def write_atomically(content: bytes, path: Path) -> None:
    """Write a file so that its name never stands for a part of it.

    The bytes go to a hidden file beside it, reach the disk, and take the name
    in one step. A process killed on the way leaves the old file, and a hidden
    one that the next attempt overwrites.

    Raises:
        OSError: If the disk is full, for example; the old file is intact.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.part')
    try:
        with part.open('wb') as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(
                error.errno, f'cannot write {path} ({len(content)} bytes): '
                f'{error.strerror}; nothing there was changed') from error
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name, too, has to outlive a power cut
    finally:
        os.close(folder)


class AtomicBackend(LocalBackend):
    """MMEngine's local files, written by :func:`write_atomically`.

    ``backend_args=dict(backend='atomic')`` asks for it.
    """

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        write_atomically(obj, Path(filepath))

    def put_text(self,
                 obj: str,
                 filepath: Union[str, Path],
                 encoding: str = 'utf-8') -> None:
        write_atomically(obj.encode(encoding), Path(filepath))


register_backend('atomic', AtomicBackend)
