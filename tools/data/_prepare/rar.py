"""Unpacking rar archives with whichever program is installed.

Free programs do not read every kind of rar archive, so all that are installed
are tried in turn, and each that fails is reported.
"""
import json
import shutil
import subprocess
from pathlib import Path
from typing import Callable, List, NamedTuple

from .errors import PrepareError
from .safety import check_names

INSTALL = ('Install one that reads rar, on Debian or Ubuntu one of the '
           'packages unar, unrar (non-free) or libarchive-tools, or unpack '
           'the archive yourself and leave the folder beside it.')


def names_in_lines(text: str) -> List[str]:
    """Reads a listing of one name per line."""
    return [line for line in text.splitlines() if line]


def names_in_7z(text: str) -> List[str]:
    """Reads the technical listing of 7z, ``Key = value`` lines."""
    key = 'Path = '
    return [line[len(key):] for line in text.splitlines()
            if line.startswith(key)]


def names_in_lsar(text: str) -> List[str]:
    """Reads the JSON listing of lsar, unar's companion."""
    return [entry['XADFileName'] for entry in json.loads(text)['lsarContents']]


class Unpacker(NamedTuple):
    """A program, and how it lists and extracts ``{archive}``.

    ``{folder}`` stands for the folder to fill. Passwords are declined where
    the program would ask for one.
    """
    program: str
    listing: List[str]
    extraction: List[str]
    read_names: Callable[[str], List[str]]


def unpackers() -> List[Unpacker]:
    """Lists the known programs, those that read most kinds of rar first."""
    seven = [
        Unpacker(
            program, [program, 'l', '-ba', '-slt', '-p-', '{archive}'],
            [program, 'x', '-y', '-bd', '-p-', '-o{folder}', '{archive}'],
            names_in_7z) for program in ('7z', '7zz')
    ]
    return [
        Unpacker('unrar', ['unrar', 'lb', '-p-', '{archive}'],
                 ['unrar', 'x', '-o+', '-idq', '-p-', '{archive}',
                  '{folder}/'], names_in_lines),
        Unpacker('unar', ['lsar', '-json', '{archive}'],
                 ['unar', '-quiet', '-no-directory', '-no-recursion',
                  '-output-directory', '{folder}', '{archive}'],
                 names_in_lsar),
        *seven,
        Unpacker('bsdtar', ['bsdtar', '-tf', '{archive}'],
                 ['bsdtar', '-xf', '{archive}', '-C', '{folder}'],
                 names_in_lines),
    ]


def extract_rar(archive: Path, folder: Path) -> None:
    """Extracts a rar archive into a new folder.

    Args:
        archive: The rar file.
        folder: Where its content goes; created.

    Raises:
        PrepareError: If a name in the archive leads out of the folder, no
            program is installed, or none can read the archive.
    """
    installed = [unpacker for unpacker in unpackers()
                 if shutil.which(unpacker.program)]
    if not installed:
        raise PrepareError(f'no program to unpack {archive} was found. '
                           f'{INSTALL}')
    failures = []
    for unpacker in installed:
        try:
            extract_with(unpacker, archive, folder)
            return
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            shutil.rmtree(folder)
            failures.append(f'  {unpacker.program}: {reason(error)}')
            print(f'{archive.name} was not unpacked by', failures[-1].strip())
    raise PrepareError(
        f'{archive} could not be unpacked; if the disk is not full, it is '
        'damaged (download it again) or of a kind that these programs do not '
        f'read. {INSTALL}\n' +
        '\n'.join(failures))


def extract_with(unpacker: Unpacker, archive: Path, folder: Path) -> None:
    """Checks the names in an archive, then extracts it."""
    folder.mkdir(parents=True)
    places = dict(archive=archive.resolve(), folder=folder.resolve())
    listing = call(unpacker.listing, places)
    if 'unrar-free' in listing:
        # Debian installs it as unrar, but it takes none of its commands.
        raise ValueError('it is unrar-free, which cannot list plain names')
    check_names(archive, unpacker.read_names(listing))
    call(unpacker.extraction, places)
    for path in folder.rglob('*'):
        if path.is_symlink():
            raise PrepareError(f'{archive} has {path.name!r}, which is '
                               'neither a file nor a folder')


def call(command: List[str], places: dict) -> str:
    """Runs a program and returns what it prints."""
    # File names in old archives may not be UTF-8; no one can answer questions.
    return subprocess.run(
        [word.format(**places) for word in command],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding='utf-8',
        errors='surrogateescape').stdout


def reason(error: Exception) -> str:
    """Puts into one line why a program failed."""
    output = getattr(error, 'stderr', None) or getattr(error, 'stdout', None)
    return ' '.join((output or str(error)).split())[-300:]
