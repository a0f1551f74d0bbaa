"""Video files without labels, for inference."""
from pathlib import Path
from typing import List, Sequence

from mmengine.config import Config

from ..datasets import CheckedVideoDataset
from ..datasets.checked_video_dataset import VideoReadError

VIDEO_SUFFIXES = ('.avi', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm',
                  '.wmv')


def find_videos(paths: Sequence[Path]) -> List[Path]:
    """Files as given, and the videos in folders, sorted.

    Args:
        paths: Files, or folders that are searched with all below them.

    Raises:
        FileNotFoundError: If a path does not exist, or a folder has no
            videos.
    """
    videos = []
    for path in map(Path, paths):
        if path.is_dir():
            found = sorted(p for p in path.rglob('*')
                           if p.suffix.lower() in VIDEO_SUFFIXES)
            if not found:
                raise FileNotFoundError(
                    f'{path} holds no videos ({", ".join(VIDEO_SUFFIXES)})')
            videos += found
        elif path.exists():
            videos.append(path)
        else:
            raise FileNotFoundError(f'{path} does not exist')
    return list(dict.fromkeys(videos))


def inference_pipeline(config: Config) -> list:
    """The pipeline that inference runs.

    Raises:
        ValueError: If the config names none.
    """
    if 'test_pipeline' not in config:
        raise ValueError(f'{config.filename} has no test_pipeline: set it to '
                         'the transforms of test_dataloader')
    return config.test_pipeline


class VideoFiles(CheckedVideoDataset):
    """A data set of files; sample ``i`` is file ``i``, label -1.

    Args:
        files: The videos.
        pipeline: Their transforms, such as a config's ``test_pipeline``.

    Raises:
        VideoReadError: At sample time, if a video cannot be read.
    """

    def __init__(self, files: Sequence[Path], pipeline: list) -> None:
        self.files = [str(file) for file in files]
        super().__init__(ann_file='', pipeline=pipeline, test_mode=True)

    def load_data_list(self) -> List[dict]:
        return [dict(filename=file, label=-1) for file in self.files]

    def _read_error(self, filename: str, cause: str) -> VideoReadError:
        return VideoReadError(f'cannot read video {filename}: {cause}')
