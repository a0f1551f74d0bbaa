"""Prepares Kinetics-400: videos by class, lists for training and validation.

See docs/data.md, or run it with --help.
"""
import sys
from pathlib import Path
from typing import Dict, List, Optional

from _prepare.annotations import Annotations, read_kinetics400
from _prepare.archives import find_sources, is_archive
from _prepare.cli import run
from _prepare.errors import PrepareError
from _prepare.pipeline import Dataset, Official
from _prepare.placing import visible_files
from _prepare.splits import read_texts

# How many clips there are depends on when they were downloaded. CVDF's CSV
# files have 246534 and 19906 rows; later editions leave out what has vanished
# from YouTube, a tenth by 2020 (arXiv:2010.10864). With less than half, a file
# was cut off.
OFFICIAL = Official(
    classes=400,
    videos=None,
    lists={},
    at_least={
        'kinetics400_train_list_videos.txt': 246534 // 2,
        'kinetics400_val_list_videos.txt': 19906 // 2,
    })
FOLDERS = ('.', 'annotations', 'kinetics400', 'k400/annotations')
SUBSETS = {'train': 'train', 'val': 'val', 'validate': 'val'}
DOWNLOAD = (
    '--src must hold train.csv and val.csv (or validate.csv), also in a '
    'folder annotations or as kinetics400.tar.gz, and the clips '
    '<youtube_id>_<start>_<end>.mp4, in any folders or in tar files; both are '
    'linked from the page of the Common '
    'Visual Data Foundation, https://github.com/cvdfoundation/'
    'kinetics-dataset, which hosts them as train, val and replacement')


def find_splits(src: Path) -> List[Path]:
    """Finds the annotations, as CSV files or in an archive."""
    places = [src / folder for folder in FOLDERS]
    files = [place / f'{stem}.csv' for place in places for stem in SUBSETS]
    archives = find_sources(src, ['kinetics400'])
    return [path for path in files + archives if path.is_file()]


def read_splits(sources: List[Path], work: Path) -> Annotations:
    """Reads the annotations of both subsets."""
    texts: Dict[str, str] = {}
    for source in sources:
        for name, text in read_texts(source, work, '*.csv').items():
            subset = SUBSETS.get(Path(name).stem)
            if subset is not None:
                texts.setdefault(subset, text)
    if len(texts) < 2:
        raise PrepareError('only the annotations of '
                           f"{', '.join(texts) or 'neither subset'} were "
                           f'found. {DOWNLOAD}')
    return read_kinetics400(texts)


def find_videos(src: Path) -> List[Path]:
    """Finds the clips: the whole folder, if there are any in it."""
    if any(path.suffix == '.mp4' or is_archive(path)
           for path in visible_files(src)):
        return [src]
    return []


def main(argv: Optional[List[str]] = None,
         official: Official = OFFICIAL) -> int:
    """Runs the script; other ``official`` numbers are for tests."""
    dataset = Dataset('kinetics400', DOWNLOAD, find_splits, read_splits,
                      find_videos, official)
    return run(dataset, 'recommended here: 256', argv)


if __name__ == '__main__':
    sys.exit(main())
