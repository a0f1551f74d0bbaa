"""What a run leaves behind so that the next one continues it.

Everything lies in ``<out>/.prepare``; removing that folder only costs time.
"""
import hashlib
import json
import os
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set
from urllib.parse import quote

from .errors import PrepareError

FOLDER = '.prepare'


class Content(NamedTuple):
    """What was found in an archive; videos are named by their targets."""
    videos: List[str]
    corrupt: Dict[str, str]  # target to reason


def partial(target: Path) -> Path:
    """Names the file that becomes ``target`` when it is complete."""
    return target.with_name(f'.{target.name}.part')


def write_text(target: Path, text: str) -> None:
    """Writes a file that is never seen half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = partial(target)
    part.write_text(text, encoding='utf-8')
    os.replace(part, target)


def write_rows(target: Path, rows: List[str]) -> None:
    """Writes one row per line, or removes the file if there are none."""
    if rows:
        write_text(target, ''.join(f'{row}\n' for row in rows))
    else:
        target.unlink(missing_ok=True)


class State:
    """The records of one output folder.

    Args:
        out: The output folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / FOLDER
        self.work = self.folder / 'work'

    def check_settings(self, settings: Any) -> None:
        """Keeps videos of different settings out of one folder.

        Args:
            settings: How videos are encoded, in JSON's types.

        Raises:
            PrepareError: If an earlier run had other settings.
        """
        path = self.folder / 'settings.json'
        if not path.exists():
            write_text(path, json.dumps(settings))
            return
        before = json.loads(path.read_text(encoding='utf-8'))
        if before != settings:
            raise PrepareError(
                f'{self.out} was begun with the encoding {before}, not '
                f'{settings}: choose another --out, or remove that folder')

    def archive_record(self, name: str, archive: Path,
                       wanted: Iterable[str]) -> Path:
        """Names the record of what an archive has of the wanted videos."""
        size = archive.stat().st_size
        digest = hashlib.sha256('\n'.join(sorted(wanted)).encode()).hexdigest()
        name = f"{quote(name, safe='')}.{size}.{digest[:8]}.json"
        return self.folder / 'archives' / name

    def load_content(self, record: Path) -> Optional[Content]:
        """Reads what an archive contributed, if all of it is still there."""
        if not record.exists():
            return None
        content = Content(**json.loads(record.read_text(encoding='utf-8')))
        placed = set(content.videos) - set(content.corrupt)
        if not all((self.out / video).exists() for video in placed):
            return None
        return content

    def save_content(self, record: Path, content: Content) -> None:
        """Records that an archive was worked off."""
        write_text(record, json.dumps(content._asdict()))

    @property
    def verified_file(self) -> Path:
        """The file with a line for each video that was found good."""
        # ``verified.txt`` of earlier versions tells of three frames only.
        return self.folder / 'decoded.txt'

    def verified(self) -> Set[str]:
        """Reads the lines of ``verified_file``."""
        if not self.verified_file.exists():
            return set()
        return set(self.verified_file.read_text('utf-8').splitlines())

    @property
    def corrupt_file(self) -> Path:
        """The file of what the last run knew to be corrupt, and why."""
        return self.folder / 'corrupt.json'

    def known_corrupt(self) -> Dict[str, str]:
        """Reads findings on videos that are still as they were found."""
        if not self.corrupt_file.exists():
            return {}
        known = json.loads(self.corrupt_file.read_text(encoding='utf-8'))
        return {video: reason for video, (line, reason) in known.items()
                if line == self.found_line(video)}

    def save_corrupt(self, corrupt: Dict[str, str]) -> None:
        """Records them for runs that do not look again."""
        write_text(self.corrupt_file, json.dumps({
            video: (self.found_line(video), reason)
            for video, reason in corrupt.items()}))

    def found_line(self, video: str) -> Optional[str]:
        """``verified_line``, or None for one that was not re-encoded."""
        present = (self.out / video).exists()
        return self.verified_line(video) if present else None

    def verified_line(self, video: str) -> str:
        """Identifies the present content of a video by size and time."""
        stat = (self.out / video).stat()
        return f'{stat.st_size} {stat.st_mtime_ns} {video}'
