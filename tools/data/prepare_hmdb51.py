"""Prepares HMDB-51: videos by class, and lists of the three splits.

See docs/data.md, or run it with --help.
"""
import sys
from pathlib import Path
from typing import List, Optional

from _prepare.annotations import SPLITS, read_hmdb51
from _prepare.archives import find_sources
from _prepare.cli import run
from _prepare.pipeline import Dataset, Official
from _prepare.splits import text_reader

# 70 videos of a class for training and 30 for testing.
OFFICIAL = Official(
    classes=51,
    videos=6766,
    lists={
        f'hmdb51_{subset}_split_{split}_videos.txt': 51 * number
        for split in SPLITS for subset, number in (('train', 70), ('val', 30))
    })
DOWNLOAD = (
    '--src must hold hmdb51_org.rar (or a folder hmdb51_org with the rar '
    'files or the '
    'folders of the classes) and test_train_splits.rar (or the folder '
    'testTrainMulti_7030_splits); both are linked from the page "HMDB: '
    'a large human motion database" of the Serre Lab at Brown University, '
    'https://serre-lab.clps.brown.edu/resource/'
    'hmdb-a-large-human-motion-database/')


def find_splits(src: Path) -> List[Path]:
    """Finds the split files."""
    return find_sources(
        src, ['testTrainMulti_7030_splits', 'test_train_splits'])


def find_videos(src: Path) -> List[Path]:
    """Finds the videos."""
    return find_sources(src, ['hmdb51_org'])


def main(argv: Optional[List[str]] = None,
         official: Official = OFFICIAL) -> int:
    """Runs the script; other ``official`` numbers are for tests."""
    dataset = Dataset('hmdb51', DOWNLOAD, find_splits,
                      text_reader(read_hmdb51), find_videos, official)
    return run(dataset, 'needless here: the videos are 240 high', argv)


if __name__ == '__main__':
    sys.exit(main())
