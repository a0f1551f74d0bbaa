"""Files that a list of videos may name: good, odd, damaged, or absent."""
import os
import struct
from pathlib import Path
from typing import Iterator, List, NamedTuple

import numpy as np

from .clips import GOOD, UNUSUAL, Clip, write_clip

QUARTER_TURN = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
HOPELESS = (b'', b'\n', b'<html>404 not found</html>\n' * 40,
            b'RIFF\xff\xff\xff\x7fAVI LIST', b'\x1a\x45\xdf\xa3')


class Case(NamedTuple):
    """One file.

    Attributes:
        kind: Row of the table.
        path: The file.
        expected: ``'frames'``, ``'error'``, or ``'either'`` where it
            depends on which bytes were hit.
    """
    kind: str
    path: Path
    expected: str


def even(total: int, count: int) -> List[int]:
    """``count`` places in ``0 .. total - 1``, evenly spaced."""
    return [i * total // count for i in range(count)]


def damaged(content: bytes, count: int,
            random: np.random.Generator) -> Iterator[tuple]:
    """Damaged copies of one clip: ``(kind, bytes)``, ``count`` a kind."""
    size = len(content)
    for start in even(size, count):
        yield 'truncated', content[:start]
        length = min(size - start, max(1, size // 10))
        yield 'zero bytes', (content[:start] + bytes(length) +
                             content[start + length:])
    for kind, end in (('flipped bytes', size), ('flipped header', 128)):
        for _ in range(count):
            copy = np.frombuffer(content, np.uint8).copy()
            places = random.integers(0, end, 1 + size // 500)
            copy[places] ^= random.integers(1, 256, len(places),
                                            dtype=np.uint8)
            yield kind, copy.tobytes()


def rotated(content: bytes) -> bytes:
    """An MP4 clip whose track is to be shown turned by 90 degrees."""
    # Size and type, version 0: the matrix is 40 bytes behind the type's end.
    start = content.index(b'tkhd') + 4 + 40
    matrix = struct.pack('>9i', *QUARTER_TURN)
    return content[:start] + matrix + content[start + len(matrix):]


def make_cases(folder: Path, count: int = 10, seed: int = 0) -> List[Case]:
    """Write all cases into a folder.

    Args:
        folder: An empty folder.
        count: Damaged copies of every good clip, of each kind of damage.
        seed: Of the bytes that are flipped.

    Returns:
        The cases; ``missing`` and ``link to nowhere`` have no file.
    """
    random, cases = np.random.default_rng(seed), []

    def new(kind: str, suffix: str, expected: str) -> Path:
        path = folder / f'{len(cases):04}{suffix}'
        cases.append(Case(kind, path, expected))
        return path

    for clip in GOOD:
        path = write_clip(new('good', clip.suffix, 'frames'), clip)
        content = path.read_bytes()
        for kind, copy in damaged(content, count, random):
            new(kind, clip.suffix, 'either').write_bytes(copy)
        if clip.suffix == '.mp4':
            new('rotated', '.mp4', 'frames').write_bytes(rotated(content))
    for kind, clip in UNUSUAL:
        # decord pads the rows of some small widths and then refuses them.
        expected = 'either' if min(clip.size) < 16 else 'frames'
        write_clip(new(kind, clip.suffix, expected), clip)
    for suffix in ('.mp4', '.avi', '.mkv'):
        write_clip(
            new('no frames', suffix, 'error'), Clip(suffix, num_frames=0))
        for content in (*HOPELESS, random.bytes(4096)):
            new('not a video', suffix, 'error').write_bytes(content)
        if suffix != '.avi':
            write_clip(
                new('sound alone', suffix, 'error'),
                Clip(suffix, audio=True, video=False))
    new('missing', '.mp4', 'error')
    new('link to nowhere', '.mp4', 'error').symlink_to(folder / 'nowhere.mp4')
    new('folder', '.mp4', 'error').mkdir()
    os.mkfifo(new('named pipe', '.mp4', 'error'))
    locked = new('no permission', '.mp4', 'error')
    write_clip(locked, GOOD[0]).chmod(0)
    return cases
