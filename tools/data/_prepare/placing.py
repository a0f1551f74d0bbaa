"""Bringing videos from folders and archives to their places."""
import errno
import os
import shutil
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import (Any, Callable, Dict, Iterable, Iterator, List, Optional,
                    Tuple)

import av
from rich.progress import track

from .annotations import Clip
from .archives import as_folder, is_archive
from .errors import PrepareError
from .state import Content, State, partial
from .video import Encoding, find_defect, one_line, reencode

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def listed_path(clip: Clip, encoding: Optional[Encoding]) -> str:
    """Returns a clip's path as it stands in the lists."""
    if encoding is None:
        return clip.path
    return str(PurePosixPath(clip.path).with_suffix('.mp4'))


def target_name(clip: Clip, encoding: Optional[Encoding]) -> str:
    """Returns a clip's path below the output folder."""
    return f'{clip.folder}/{listed_path(clip, encoding)}'


def in_parallel(function: Callable[[Any], Any], jobs: Iterable[Any],
                workers: int, title: str) -> Iterator[Tuple[Any, Any]]:
    """Calls a function on all jobs in threads and shows the progress.

    FFmpeg works outside Python's global lock, so threads are enough.

    Yields:
        Job and result, in the order in which they end.
    """
    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(function, job): job for job in jobs}
        done = as_completed(futures)
        try:
            for future in track(done, title, len(futures)) if futures else ():
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Lets a file appear in a second place, as a link where that is possible.

    A hard link needs no disk space; nothing here ever writes into a video.
    """
    part = partial(target)
    part.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), part)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, part)
    os.replace(part, target)


def place(source: Path, target: Path,
          encoding: Optional[Encoding]) -> Optional[str]:
    """Puts one video in its place.

    Args:
        source: The original, which stays as it is.
        target: Its place.
        encoding: How to re-encode it, or None to leave it as it is.

    Returns:
        Why the video could not be re-encoded, or None.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if encoding is None:
        link_or_copy(source, target)
        return None
    # A copy of a cut-off video would look sound, so the original is checked.
    defect = find_defect(source)
    if defect is None:
        try:
            reencode(source, target, encoding)
        except (av.FFmpegError, ValueError) as error:
            partial(target).unlink(missing_ok=True)
            if getattr(error, 'errno', None) in DISK_FULL:
                raise PrepareError(f'no space left for {target}') from error
            defect = one_line(error)
    return defect


def is_replacement(path: Path) -> bool:
    """Tells whether a path is from the repaired videos of Kinetics."""
    return 'replacement' in path.as_posix()


class Placer:
    """Works through sources until every clip has its video.

    Args:
        clips: The clips to place.
        encoding: How to re-encode videos, or None.
        state: Records of the output folder.
        workers: Number of threads.
    """

    def __init__(self, clips: List[Clip], encoding: Optional[Encoding],
                 state: State, workers: int) -> None:
        self.encoding = encoding
        self.state = state
        self.workers = workers
        self.by_key: Dict[str, List[str]] = {}
        for clip in clips:
            names = self.by_key.setdefault(clip.key, [])
            names.append(target_name(clip, encoding))
        # Keys of a data set all have the same number of parts.
        self.depth = 1 + clips[0].key.count('/') if clips else 1

    def visit(self, source: Path, name: str) -> Content:
        """Places what a source has, including archives within it.

        Args:
            source: A folder or an archive.
            name: Under which an archive is recorded as worked off.

        Returns:
            What was found in it.
        """
        record = None
        if is_archive(source):
            record = self.state.archive_record(name, source, self.by_key)
            content = self.state.load_content(record)
            if content is not None:
                return content
        with as_folder(source, self.state.work) as folder:
            content = self.visit_folder(folder, name)
        if record is not None:
            self.state.save_content(record, content)
        return content

    def visit_folder(self, folder: Path, name: str) -> Content:
        """Places what a folder has, including archives within it."""
        paths = visible_files(folder)
        archives = [path for path in paths if is_archive(path)]
        content = Content([], {})
        # What is placed first stays, so repaired videos come first.
        for wanted in (True, False):
            if not wanted:
                merge(content, self.place_files(paths, name))
            for path in archives:
                if is_replacement(path.relative_to(folder)) is wanted:
                    inner = path.relative_to(folder).as_posix()
                    merge(content, self.visit(path, f'{name}/{inner}'))
        return content

    def place_files(self, paths: List[Path], title: str) -> Content:
        """Places those files that belong to a clip."""
        found: Dict[str, Path] = {}
        for path in sorted(paths, key=is_replacement, reverse=True):
            key = '/'.join(path.parts[-self.depth:])
            for target in self.by_key.get(key, ()):
                found.setdefault(target, path)
        jobs = [(path, target) for target, path in found.items()
                if not (self.state.out / target).exists()]
        content = Content(list(found), {})
        results = in_parallel(self.place_job, jobs, self.workers, title)
        with closing(results):
            for (_, target), defect in results:
                if defect is not None:
                    content.corrupt[target] = defect
        return content

    def place_job(self, job: Tuple[Path, str]) -> Optional[str]:
        """Calls ``place`` for a source and a target name."""
        source, target = job
        return place(source, self.state.out / target, self.encoding)


def merge(content: Content, more: Content) -> None:
    """Adds what was found elsewhere."""
    content.videos.extend(more.videos)
    content.corrupt.update(more.corrupt)


def visible_files(folder: Path) -> List[Path]:
    """Lists the files below a folder, in order.

    Hidden folders are left out, among them the one that holds the records,
    and the folder ``test`` of Kinetics, which has no labels.
    """
    files = []
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders
                            if name[0] != '.' and name != 'test')
        files += [Path(path, name) for name in sorted(names)
                  if name[0] != '.']
    return files
