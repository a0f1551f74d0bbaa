"""From sources to lists, the same way for all three data sets."""
import shutil
from contextlib import closing
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional

from .annotations import Annotations, Clip
from .errors import PrepareError
from .placing import Placer, in_parallel, listed_path, target_name
from .state import State, write_rows
from .video import Encoding, find_defect


class Official(NamedTuple):
    """Published numbers."""
    classes: int
    videos: Optional[int]  # None: they vary, as videos vanish from YouTube
    lists: Dict[str, int]  # lines by the name of the list's file
    at_least: Dict[str, int] = {}  # the same, where editions differ


class Dataset(NamedTuple):
    """What sets a data set apart."""
    name: str
    download: str  # what to put into --src, and where it comes from
    find_splits: Callable[[Path], List[Path]]
    read_splits: Callable[[List[Path], Path], Annotations]
    find_videos: Callable[[Path], List[Path]]
    official: Official


class Options(NamedTuple):
    """What the user chose."""
    src: Path
    out: Path
    encoding: Optional[Encoding]
    workers: int
    verify: bool
    skip_corrupt: bool


def prepare(dataset: Dataset, options: Options) -> None:
    """Prepares a data set, or continues where an earlier run was stopped.

    Args:
        dataset: The data set.
        options: The user's choices.

    Raises:
        PrepareError: If sources are missing, damaged or contradictory.
    """
    annotations = load_annotations(dataset, options)
    if options.verify:
        check_counts(annotations, dataset.official)
    state = State(options.out)
    encoding = options.encoding
    state.check_settings(encoding and encoding._asdict())
    unreadable = place_all(dataset, options, annotations.clips, state)
    names = [target_name(clip, encoding) for clip in annotations.clips]
    present = [name for name in names if (options.out / name).exists()]
    # What is not looked at this time is as an earlier run found it.
    looked_at = set(present) if options.verify else set()
    known = state.known_corrupt()
    corrupt = {name: known[name] for name in names
               if name in known and name not in looked_at}
    corrupt.update(unreadable)
    if options.verify:
        corrupt.update(verify(present, state, options.workers))
    state.save_corrupt(corrupt)
    report_missing(dataset, options, [
        name for name in names
        if name not in corrupt and not (options.out / name).exists()
    ])
    report_corrupt(options, corrupt)
    usable = set(present) - set(corrupt)
    for file, clips in annotations.lists.items():
        write_list(options, file, clips, usable)
    shutil.rmtree(state.work, ignore_errors=True)


def load_annotations(dataset: Dataset, options: Options) -> Annotations:
    """Reads the split files, after a look whether everything is there."""
    splits = dataset.find_splits(options.src)
    lacks = [] if splits else ['the split files']
    # Archives may be deleted once their videos are in place.
    if not dataset.find_videos(options.src) and not any(
            options.out.glob('videos*')):
        lacks.append('the videos')
    if lacks:
        raise missing_sources(dataset, options, lacks)
    work = State(options.out).work
    annotations = dataset.read_splits(splits, work)
    found, expected = len(annotations.classes), dataset.official.classes
    if found != expected:
        # Labels would be numbered differently.
        raise PrepareError(f'the split files have {found} classes instead of '
                           f'{expected}; download them again')
    return annotations


def missing_sources(dataset: Dataset, options: Options,
                    lacks: List[str]) -> PrepareError:
    """Says what is missing and where it is obtained."""
    return PrepareError(f"{options.src} lacks {' and '.join(lacks)} of "
                        f'{dataset.name}. {dataset.download}')


def check_counts(annotations: Annotations, official: Official) -> None:
    """Holds the split files against the published numbers.

    Raises:
        PrepareError: If a number differs.
    """
    found = {name: len(clips) for name, clips in annotations.lists.items()}
    expected = dict(official.lists)
    if official.videos is not None:
        found['videos'] = len(annotations.clips)
        expected['videos'] = official.videos
    wrong = [f'{name}: {found[name]} instead of {number}'
             for name, number in expected.items() if found[name] != number]
    wrong += [f'{name}: {found[name]} instead of at least {number}'
              for name, number in official.at_least.items()
              if found[name] < number]
    for name, clips in annotations.lists.items():
        classes = len({clip.label for clip in clips})
        if classes != official.classes:
            wrong.append(f'{name}: {classes} classes instead of '
                         f'{official.classes}')
    if wrong:
        raise PrepareError('the split files differ from the official ones, '
                           'download them again: ' + '; '.join(wrong))


def place_all(dataset: Dataset, options: Options, clips: List[Clip],
              state: State) -> Dict[str, str]:
    """Brings all videos to their places.

    Returns:
        Reasons by the names of videos that could not be re-encoded.
    """
    corrupt: Dict[str, str] = {}
    pending = [
        clip for clip in clips
        if not (options.out / target_name(clip, options.encoding)).exists()
    ]
    sources = dataset.find_videos(options.src)
    # With some in place, archives may have been deleted, and what is missing
    # may be what no archive had.
    if pending and len(pending) == len(clips) and not sources:
        raise missing_sources(dataset, options,
                              [f'{len(pending)} of the videos'])
    placer = Placer(clips, options.encoding, state, options.workers)
    for source in sources if pending else ():
        corrupt.update(placer.visit(source, source.name).corrupt)
    # One source may have a good copy of what is corrupt in another.
    return {name: reason for name, reason in corrupt.items()
            if not (options.out / name).exists()}


def verify(names: List[str], state: State, workers: int) -> Dict[str, str]:
    """Decodes videos; those found good are not decoded again.

    Args:
        names: The videos, below the output folder.
        state: Records of the output folder.
        workers: Number of threads.

    Returns:
        What is wrong, by name.
    """
    known = state.verified()
    jobs = [name for name in names if state.verified_line(name) not in known]
    corrupt = {}
    results = in_parallel(lambda name: find_defect(state.out / name), jobs,
                          workers, 'verifying')
    with open(state.verified_file, 'a', encoding='utf-8') as log, \
            closing(results):
        log.write('\n')  # ends a line that an interruption cut off
        for name, defect in results:
            if defect is None:
                log.write(f'{state.verified_line(name)}\n')
                log.flush()
            else:
                corrupt[name] = defect
    return corrupt


def report_missing(dataset: Dataset, options: Options,
                   missing: List[str]) -> None:
    """Lists missing videos, which only Kinetics may have."""
    path = options.out / 'missing.txt'
    write_rows(path, missing)
    if not missing:
        return
    text = f'{len(missing)} videos of the split files are missing, see {path}'
    if dataset.official.videos is not None:
        raise PrepareError(f'{text}. {dataset.download}')
    print(text)


def report_corrupt(options: Options, corrupt: Dict[str, str]) -> None:
    """Lists corrupt videos and stops unless they may be skipped."""
    path = options.out / 'corrupt.txt'
    write_rows(path, [f'{name}\t{corrupt[name]}' for name in sorted(corrupt)])
    if not corrupt:
        return
    text = f'{len(corrupt)} videos are corrupt, see {path}'
    if not options.skip_corrupt:
        raise PrepareError(f'{text}. Replace them, or leave them out with '
                           '--skip-corrupt')
    print(f'{text}; they are left out')


def write_list(options: Options, file: str, clips: List[Clip],
               usable: set) -> None:
    """Writes one of MMAction2's lists."""
    rows = [f'{listed_path(clip, options.encoding)} {clip.label}'
            for clip in clips
            if target_name(clip, options.encoding) in usable]
    if not rows:
        raise PrepareError(f'none of the videos of {file} was found in '
                           f'{options.src}')
    write_rows(options.out / file, rows)
    # Rounded down: 100.0 % is all of them.
    share = 1000 * len(rows) // len(clips) / 10
    print(f'{options.out / file}: {len(rows)} of {len(clips)} videos '
          f'({share} %)')
