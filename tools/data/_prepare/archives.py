"""Finding archives and folders and opening them as folders."""
import lzma
import shutil
import tarfile
import zipfile
import zlib
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Iterable, Iterator, List, Tuple

from rich import progress

from .errors import PrepareError
from .rar import extract_rar
from .safety import check_names

ARCHIVES = ('.rar', '.zip', '.tar', '.tar.gz', '.tgz')
DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error,
           lzma.LZMAError, OSError)


def is_archive(path: Path) -> bool:
    """Tells from its name whether a path is an archive."""
    return path.name.lower().endswith(ARCHIVES) and path.is_file()


def find_sources(folder: Path, names: Iterable[str]) -> List[Path]:
    """Finds folders and archives by their names without extension.

    Args:
        folder: Where to look, not deeper.
        names: The folder ``name`` and the archives ``name.rar``, ``name.zip``
            and so on are found.

    Returns:
        What exists, folders first: they need no unpacking.
    """
    names = list(names)
    folders = [folder / name for name in names]
    archives = [folder / f'{name}{end}' for name in names for end in ARCHIVES]
    return ([path for path in folders if path.is_dir()] +
            [path for path in archives if path.is_file()])


@contextmanager
def as_folder(source: Path, work: Path) -> Iterator[Path]:
    """Opens a folder or an archive as a folder.

    Args:
        source: The folder, used as it is, or the archive.
        work: An archive's content is put here, and removed in the end.

    Yields:
        The folder with the content.
    """
    if source.is_dir():
        yield source
        return
    folder = work / source.name
    if folder.exists():
        shutil.rmtree(folder)
    try:
        extract(source, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def extract(archive: Path, folder: Path) -> None:
    """Extracts the regular files of an archive into a new folder.

    Args:
        archive: A rar, zip or tar file.
        folder: Where the content goes; created.

    Raises:
        PrepareError: If the archive is damaged or has an unsafe entry.
    """
    print(f'unpacking {archive}')
    if archive.name.lower().endswith('.rar'):
        extract_rar(archive, folder)
        return
    is_zip = archive.name.lower().endswith('.zip')
    entries = zip_entries(archive) if is_zip else tar_entries(archive)
    folder.mkdir(parents=True)
    try:
        # Closed also when the disk is full, and the progress bar with it.
        with closing(entries):
            for name, file in entries:
                target = folder / PurePosixPath(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                with open(target, 'wb') as output:
                    shutil.copyfileobj(file, output)
    except DAMAGED as error:
        raise PrepareError(f'{archive} cannot be unpacked ({error}); if the '
                           'disk is not full, download it again') from error


def zip_entries(archive: Path) -> Iterator[Tuple[str, IO[bytes]]]:
    """Opens the files of a zip archive one after the other."""
    with zipfile.ZipFile(archive) as container:
        check_names(archive, container.namelist())
        for entry in container.infolist():
            if not entry.is_dir():
                with container.open(entry) as file:
                    yield entry.filename, file


def tar_entries(archive: Path) -> Iterator[Tuple[str, IO[bytes]]]:
    """Opens the files of a tar archive one by one and shows the progress.

    Compression is told from the content: names of parts are not reliable.
    """
    with progress.open(archive, 'rb', description='unpacking') as packed, \
            tarfile.open(fileobj=packed) as container:
        # In one pass: a compressed archive cannot jump back and forth.
        for entry in container:
            check_names(archive, [entry.name])
            if entry.isdir():
                continue
            if not entry.isfile():
                raise PrepareError(f'{archive} has {entry.name!r}, which is '
                                   'neither a file nor a folder')
            yield entry.name, container.extractfile(entry)
