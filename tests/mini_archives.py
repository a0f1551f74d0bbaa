"""Miniatures of the official archives, for the tests of ``prepare_*.py``."""
import io
import struct
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Dict, List

import numpy as np
from video_fixtures import write_video

TOOLS = Path(__file__).parents[1] / 'tools/data'
if str(TOOLS) not in sys.path:
    sys.path.insert(0, str(TOOLS))

WIDTH, HEIGHT, FRAMES = 96, 64, 12
# Not in alphabetical order by number, unlike the official file, so that the
# two ways to number classes differ.
UCF_CLASSES = {'YoYo': 1, 'Archery': 2}
HMDB_CLASSES = ('brush_hair', 'wave')
HMDB_CODES = (1, 1, 2, 0)  # of the four videos of a class, in split 1
KINETICS_CLASSES = ('zumba', 'applying cream', 'archery')


def video_bytes(folder: Path, suffix: str, seed: int = 0,
                frames: int = FRAMES) -> bytes:
    """Encodes a small video of smooth noise."""
    coarse = np.random.default_rng(seed).integers(
        0, 256, (frames, HEIGHT // 16, WIDTH // 16, 3), np.uint8)
    path = write_video(
        folder / f'scratch{suffix}', coarse.repeat(16, 1).repeat(16, 2),
        'XVID' if suffix == '.avi' else 'mp4v')
    content = path.read_bytes()
    path.unlink()
    return content


def write_files(folder: Path, files: Dict[str, bytes]) -> Path:
    """Writes files below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def write_zip(path: Path, files: Dict[str, bytes]) -> Path:
    """Writes a zip archive."""
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, files: Dict[str, bytes]) -> Path:
    """Writes a tar archive, compressed if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 'w:gz' if path.name.endswith('gz') else 'w'
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def rar_bytes(files: Dict[str, bytes]) -> bytes:
    """Builds a rar archive (version 3) that stores without compression."""

    def block(kind: int, flags: int, body: bytes, data: bytes = b'') -> bytes:
        head = struct.pack('<BHH', kind, flags, 7 + len(body)) + body
        return struct.pack('<H', zlib.crc32(head) & 0xffff) + head + data

    parts = [b'Rar!\x1a\x07\x00', block(0x73, 0, bytes(6))]
    for name, content in files.items():
        path = name.replace('/', '\\').encode()
        body = struct.pack('<IIBIIBBHI', len(content), len(content), 2,
                           zlib.crc32(content), 0x5a210000, 20, 0x30,
                           len(path), 0x20) + path
        parts.append(block(0x74, 0x8000, body, content))
    return b''.join(parts + [block(0x7b, 0x4000, b'')])


def ucf101_splits() -> Dict[str, bytes]:
    """Split files of UCF-101 with four videos of each class."""
    index = ''.join(f'{number} {name}\r\n'
                    for name, number in UCF_CLASSES.items())
    files = {'ucfTrainTestlist/classInd.txt': index.encode()}
    for split in (1, 2, 3):
        train, test = '', ''
        for name, number in UCF_CLASSES.items():
            for group in (1, 2, 3, 4):
                video = f'{name}/v_{name}_g{group:02d}_c01.avi'
                if group == split:
                    test += f'{video}\r\n'
                else:
                    train += f'{video} {number}\r\n'
        folder = 'ucfTrainTestlist'
        files[f'{folder}/trainlist{split:02d}.txt'] = train.encode()
        files[f'{folder}/testlist{split:02d}.txt'] = test.encode()
    return files


def ucf101_videos(scratch: Path) -> Dict[str, bytes]:
    """Videos of UCF-101, as in its archive."""
    content = video_bytes(scratch, '.avi')
    return {f'UCF-101/{name}/v_{name}_g{group:02d}_c01.avi': content
            for name in UCF_CLASSES for group in (1, 2, 3, 4)}


def hmdb51_splits() -> Dict[str, bytes]:
    """Split files of HMDB-51; the codes move on by one in every split."""
    files = {}
    for name in HMDB_CLASSES:
        for split in (1, 2, 3):
            codes = np.roll(HMDB_CODES, split - 1)
            text = ''.join(f'{name}_#{i}_u_np1.avi {code} \n'
                           for i, code in enumerate(codes))
            files['testTrainMulti_7030_splits/'
                  f'{name}_test_split{split}.txt'] = text.encode()
    return files


def hmdb51_videos(scratch: Path, name: str) -> Dict[str, bytes]:
    """Videos of a class of HMDB-51, as in the class's archive."""
    content = video_bytes(scratch, '.avi')
    return {f'{name}/{name}_#{i}_u_np1.avi': content for i in range(4)}


def kinetics_name(label: int, number: int) -> str:
    """Names a clip as CVDF does; starts have up to three digits."""
    return f'-id_{label}{number}abcde_{7 * number:06d}_{7 * number + 10:06d}'


def kinetics_csv(subset: str, numbers: List[int]) -> bytes:
    """Annotations of a subset, with a clip per class and number."""
    rows = ['label,youtube_id,time_start,time_end,split,is_cc']
    for number in numbers:
        for label, name in enumerate(KINETICS_CLASSES):
            start = 7 * number
            rows.append(f'{name},-id_{label}{number}abcde,{start},'
                        f'{start + 10},{subset},0')
    return '\n'.join(rows).encode()
