"""Prepares UCF-101: videos by class, and lists of the three splits.

See docs/data.md, or run it with --help.
"""
import sys
from pathlib import Path
from typing import List, Optional

from _prepare.annotations import read_ucf101
from _prepare.archives import find_sources
from _prepare.cli import run
from _prepare.pipeline import Dataset, Official
from _prepare.splits import text_reader

OFFICIAL = Official(
    classes=101,
    videos=13320,
    lists={
        'ucf101_train_split_1_videos.txt': 9537,
        'ucf101_val_split_1_videos.txt': 3783,
        'ucf101_train_split_2_videos.txt': 9586,
        'ucf101_val_split_2_videos.txt': 3734,
        'ucf101_train_split_3_videos.txt': 9624,
        'ucf101_val_split_3_videos.txt': 3696,
    })
DOWNLOAD = (
    '--src must hold UCF101.rar (or the folder UCF-101 out of it) and '
    'UCF101TrainTestSplits-RecognitionTask.zip (or the folder '
    'ucfTrainTestlist); both are linked from the page "UCF101 - Action '
    'Recognition Data Set" of the Center for Research in Computer Vision, '
    'https://www.crcv.ucf.edu/data/UCF101.php')


def find_splits(src: Path) -> List[Path]:
    """Finds the split files."""
    return find_sources(
        src, ['ucfTrainTestlist', 'UCF101TrainTestSplits-RecognitionTask'])


def find_videos(src: Path) -> List[Path]:
    """Finds the videos."""
    return find_sources(src, ['UCF-101', 'UCF101'])


def main(argv: Optional[List[str]] = None,
         official: Official = OFFICIAL) -> int:
    """Runs the script; other ``official`` numbers are for tests."""
    dataset = Dataset('ucf101', DOWNLOAD, find_splits,
                      text_reader(read_ucf101), find_videos, official)
    return run(dataset, 'needless here: the videos are 320x240', argv)


if __name__ == '__main__':
    sys.exit(main())
