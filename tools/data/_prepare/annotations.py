"""The official split files, read into one form for the three data sets.

Labels are numbered as MMAction2 numbers them.
"""
import csv
import re
from typing import Dict, List, NamedTuple, Tuple

from .errors import PrepareError
from .safety import check_names

SPLITS = (1, 2, 3)
HMDB_TRAIN, HMDB_VAL, HMDB_UNUSED = '1', '2', '0'


class Clip(NamedTuple):
    """A video that the split files name."""
    key: str  # the end of its path in the sources
    folder: str  # below the output folder
    path: str  # below ``folder``, as in the lists
    label: int


class Annotations(NamedTuple):
    """What the split files say."""
    classes: List[str]  # in the order of their labels
    clips: List[Clip]  # all videos, also those that are in no list
    lists: Dict[str, List[Clip]]  # by the name of the list's file


def collect(classes: List[str], lists: Dict[str, List[Clip]],
            unused: Tuple[Clip, ...] = ()) -> Annotations:
    """Puts lists together and checks the paths in them."""
    clips = dict.fromkeys(clip for rows in lists.values() for clip in rows)
    clips.update(dict.fromkeys(unused))
    check_names('the split files', (clip.path for clip in clips))
    return Annotations(classes, list(clips), lists)


def pick(texts: Dict[str, str], name: str) -> str:
    """Returns the text of one split file.

    Raises:
        PrepareError: If there is no such file.
    """
    if name not in texts:
        raise PrepareError(f'the split files lack {name}')
    return texts[name]


def read_ucf101(texts: Dict[str, str]) -> Annotations:
    """Reads the split files of UCF-101.

    ``classInd.txt`` numbers the classes from 1, ``trainlist0N.txt`` has lines
    ``Class/video.avi number`` and ``testlist0N.txt`` only ``Class/video.avi``.

    Args:
        texts: Content of the files by name.

    Returns:
        Labels count from 0, in the order of ``classInd.txt``.
    """
    rows = re.findall(r'^(\d+)[ \t]+(\S+)\s*$', pick(texts, 'classInd.txt'),
                      re.MULTILINE)
    labels = {name: int(number) - 1 for number, name in rows}
    classes = sorted(labels, key=labels.get)
    if [labels[name] for name in classes] != list(range(len(rows))):
        raise PrepareError('classInd.txt does not number its classes 1, 2, '
                           f'... {len(rows)}')
    lists = {}
    for split in SPLITS:
        for subset, kind in (('train', 'train'), ('val', 'test')):
            name = f'{kind}list{split:02d}.txt'
            lists[f'ucf101_{subset}_split_{split}_videos.txt'] = [
                ucf101_clip(name, line, labels)
                for line in pick(texts, name).splitlines() if line.strip()
            ]
    return collect(classes, lists)


def ucf101_clip(name: str, line: str, labels: Dict[str, int]) -> Clip:
    """Reads a line of ``trainlist0N.txt`` or ``testlist0N.txt``."""
    path, *number = line.split()
    label = labels.get(path.split('/')[0])
    if label is None or number not in ([], [str(label + 1)]):
        raise PrepareError(f'{name}: {line!r} contradicts classInd.txt')
    return Clip(path, 'videos', path, label)


def read_hmdb51(texts: Dict[str, str]) -> Annotations:
    """Reads the split files of HMDB-51.

    ``<class>_test_split<N>.txt`` has lines ``video.avi code``, code 1 for
    training, 2 for testing and 0 for neither.

    Args:
        texts: Content of the files by name.

    Returns:
        Labels follow the alphabet.
    """
    end = '_test_split1.txt'
    classes = sorted(name[:-len(end)] for name in texts if name.endswith(end))
    lists, unused = {}, []
    for split in SPLITS:
        by_code = {HMDB_TRAIN: [], HMDB_VAL: [], HMDB_UNUSED: unused}
        for label, class_name in enumerate(classes):
            name = f'{class_name}_test_split{split}.txt'
            for line in pick(texts, name).splitlines():
                if line.strip():
                    clip, code = hmdb51_clip(name, line, class_name, label)
                    by_code[code].append(clip)
        for subset, code in (('train', HMDB_TRAIN), ('val', HMDB_VAL)):
            lists[f'hmdb51_{subset}_split_{split}_videos.txt'] = by_code[code]
    return collect(classes, lists, tuple(unused))


def hmdb51_clip(name: str, line: str, class_name: str,
                label: int) -> Tuple[Clip, str]:
    """Reads a line of ``<class>_test_split<N>.txt``."""
    video, *code = line.split()
    if code not in ([HMDB_TRAIN], [HMDB_VAL], [HMDB_UNUSED]):
        raise PrepareError(f'{name}: {line!r} is not "video code" with the '
                           'code 0, 1 or 2')
    path = f'{class_name}/{video}'
    return Clip(path, 'videos', path, label), code[0]


def read_kinetics400(texts: Dict[str, str]) -> Annotations:
    """Reads the annotations of Kinetics-400.

    Args:
        texts: CSV with the columns ``label``, ``youtube_id``, ``time_start``
            and ``time_end``, for the keys ``train`` and ``val``.

    Returns:
        Labels follow the alphabet. As in MMAction2's lists, class names have
        underscores for spaces: its dataset splits lines at spaces.
    """
    tables = {subset: list(csv.DictReader(texts[subset].splitlines()))
              for subset in ('train', 'val')}
    classes = sorted({kinetics_class(row) for row in tables['train']})
    labels = {name: label for label, name in enumerate(classes)}
    lists = {}
    for subset, rows in tables.items():
        clips = [kinetics_clip(row, subset, labels) for row in rows]
        lists[f'kinetics400_{subset}_list_videos.txt'] = clips
    return collect(classes, lists)


def kinetics_class(row: Dict[str, str]) -> str:
    """Writes a class name as MMAction2 does."""
    try:
        return row['label'].replace('"', '').replace(' ', '_')
    except (KeyError, AttributeError) as error:
        raise PrepareError(f'the annotations have no label in {row}') \
            from error


def kinetics_clip(row: Dict[str, str], subset: str,
                  labels: Dict[str, int]) -> Clip:
    """Reads a row of the CSV file of a subset."""
    class_name = kinetics_class(row)
    if class_name not in labels:
        raise PrepareError(f'{subset}: the class {class_name!r} has no '
                           'training videos')
    try:
        start, end = (int(float(row[key])) for key in ('time_start',
                                                       'time_end'))
        name = f"{row['youtube_id']}_{start:06d}_{end:06d}.mp4"
    except (KeyError, TypeError, ValueError) as error:
        raise PrepareError(f'{subset}: {row} is not a row of the Kinetics '
                           'annotations') from error
    if not re.fullmatch(r'[\w-]+\.mp4', name, re.ASCII):
        raise PrepareError(f'{subset}: {name!r} is no YouTube video')
    return Clip(name, f'videos_{subset}', f'{class_name}/{name}',
                labels[class_name])
