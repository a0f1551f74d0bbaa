"""MMAction2's ``VideoDataset`` with errors that say what to mend.

MMAction2 answers a bad list with a bare ``ValueError`` and a bad video with
the decoder's own words, in which the file's name does not occur. Here each
names the file (and line), the cause and the remedy, and no sample is replaced
by another unless that is asked for, and then on record.
"""
import os.path as osp
import struct
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

import numpy as np
from mmaction.datasets import VideoDataset
from mmaction.datasets.transforms import (DecordDecode, DecordInit,
                                          OpenCVDecode, OpenCVInit, PIMSDecode,
                                          PIMSInit, PyAVDecode, PyAVInit)
from mmaction.registry import DATASETS
from mmaction.utils import ConfigType
from mmengine.fileio import isdir, isfile, list_from_file
from mmengine.structures import BaseDataElement

from .transforms.video_init import VideoDecode, VideoInit

# What these raise concerns the file; what others raise concerns the pipeline.
READERS = (VideoInit, VideoDecode, DecordInit, DecordDecode, PyAVInit,
           PyAVDecode, OpenCVInit, OpenCVDecode, PIMSInit, PIMSDecode)
# Never the file's fault, even when a reader raises them.
PIPELINE_ERRORS = (ImportError, KeyError, TypeError, AttributeError)


class VideoReadError(RuntimeError):
    """A video could not be opened or decoded.

    It takes the message alone, so that it crosses from a DataLoader worker to
    the main process with type and text intact.
    """


def record(data: Any, **metainfo) -> bool:
    """Add to the meta information of a packed sample.

    Args:
        data (Any): What the pipeline returned.
        **metainfo: What to add.

    Returns:
        bool: Whether there was a data sample to add it to.
    """
    sample = data.get('data_samples') if isinstance(data, dict) else None
    if not isinstance(sample, BaseDataElement):
        return False
    sample.set_metainfo(metainfo)
    return True


def leads_out(path: str) -> bool:
    """Tell whether a path, taken from a folder, leads out of that folder."""
    return osp.isabs(path) or osp.normpath(path).split(osp.sep)[0] == '..'


def unreadable(filename: str) -> Optional[str]:
    """Tell whether a local file would hang or crash a decoder.

    Opening a named pipe or a device waits forever, and decord does not raise
    on an AVI file that is shorter than its header says: it crashes the
    process. Anything else passes, and so do files that are not on a local
    disk.

    Args:
        filename (str): The video file.

    Returns:
        Optional[str]: What is wrong, or None.
    """
    if not osp.isfile(filename):
        return 'not a regular file' if osp.exists(filename) else None
    with open(filename, 'rb') as file:
        head = file.read(12)
    if len(head) < 12 or head[:4] != b'RIFF' or head[8:] != b'AVI ':
        return None
    said, size = struct.unpack('<I', head[4:8])[0] + 8, osp.getsize(filename)
    if size >= said:
        return None
    return f'truncated: {size} of the {said} bytes its header announces'


@DATASETS.register_module()
class CheckedVideoDataset(VideoDataset):
    """Videos and labels from a list, with clear errors.

    One line of ``ann_file`` is a video's path, relative to
    ``data_prefix['video']``, and its label, with ``delimiter`` in between::

        Lunges/first clip.mp4 4

    The label is the last field, so paths may hold spaces. The default
    delimiter stands for any run of blanks. Blank lines are skipped. With
    ``multi_class`` a line is ``path label label ...`` and the path is the
    first field: for paths with spaces choose another delimiter.

    Where ``data_prefix`` names a folder, paths that lead out of it (absolute
    ones, ``..``) are refused; links inside it are followed.

    A video shorter than the clip is no error: MMAction2's ``SampleFrames``
    starts again at its first frame (``out_of_bound_opt='loop'``).

    Args:
        ann_file (str): The list, in UTF-8.
        pipeline (list): Data transforms. Those that read the video are
            MMAction2's, or ``VideoInit`` and ``VideoDecode``.
        data_prefix (dict): ``dict(video=folder of the videos)``.
        multi_class (bool): Several labels per video. Defaults to False.
        num_classes (int, optional): If given, labels are checked against it;
            ``multi_class`` requires it.
        test_mode (bool): Defaults to False.
        delimiter (str): Defaults to ``' '``.
        prepare (str, optional): The command that prepares this data set,
            named in the errors that it would mend.
        on_error (str): What an unreadable video is: ``'raise'`` an error, or
            ``'skip'`` replaced by another of the set, drawn by NumPy's
            generator, hence by the run's seed, and anew each time. Training
            only: figures on part of a test set compare with nothing. Each is
            warned of once, and recorded as ``skipped_videos`` in the sample
            that stands for it, which ``SkippedVideosHook`` sums up by epoch.
            Defaults to ``'raise'``.
        max_skips (int): With ``'skip'``, how many videos in a row may be
            unreadable before it is an error all the same. Defaults to 5.
        allow_outside (bool): Let paths lead out of the folder. Defaults to
            False.
        **kwargs: Further arguments of MMAction2's ``VideoDataset``.

    Raises:
        FileNotFoundError: If the list or the folder is missing.
        ValueError: If a line of the list is wrong, or the list is empty; if
            ``on_error`` is unknown, or ``'skip'`` for a test set.
        VideoReadError: At sample time, if the video cannot be read.
        RuntimeError: At sample time, if a transform returns None, which
            MMEngine would answer by drawing another sample.
    """

    def __init__(self,
                 ann_file: str,
                 pipeline: List[Union[dict, Callable]],
                 data_prefix: ConfigType = dict(video=''),
                 multi_class: bool = False,
                 num_classes: Optional[int] = None,
                 test_mode: bool = False,
                 delimiter: str = ' ',
                 prepare: Optional[str] = None,
                 on_error: str = 'raise',
                 max_skips: int = 5,
                 allow_outside: bool = False,
                 **kwargs) -> None:
        if 'video' not in data_prefix:
            raise ValueError('data_prefix must be dict(video=FOLDER), not '
                             f'{dict(data_prefix)}')
        if multi_class and num_classes is None:
            raise ValueError('multi_class=True needs num_classes')
        if on_error not in ('raise', 'skip'):
            raise ValueError("on_error must be 'raise' or 'skip', got "
                             f'{on_error!r}')
        if on_error == 'skip' and (test_mode or max_skips < 1):
            raise ValueError(
                "on_error='skip' is for training (test_mode=False) and needs "
                f'max_skips >= 1, got {test_mode=}, {max_skips=}. Take '
                f'unreadable videos out of {ann_file} instead')
        self.prepare = prepare
        self.on_error = on_error
        self.max_skips = max_skips
        self.allow_outside = allow_outside
        super().__init__(
            ann_file,
            pipeline=pipeline,
            data_prefix=data_prefix,
            multi_class=multi_class,
            num_classes=num_classes,
            test_mode=test_mode,
            delimiter=delimiter,
            **kwargs)

    def load_data_list(self) -> List[dict]:
        """Read and check the list.

        Returns:
            List[dict]: For each video its ``filename`` and ``label``, an int
            or, with ``multi_class``, a list of ints.
        """
        folder = self.data_prefix['video']
        remedy = 'Check ann_file, data_root and data_prefix in the config'
        if self.prepare:
            remedy = f'Prepare the data set with: {self.prepare}'
        if not isfile(self.ann_file):
            raise FileNotFoundError(
                f'annotation file {self.ann_file} does not exist. {remedy}')
        if folder and not isdir(folder):
            raise FileNotFoundError(
                f'video folder {folder} does not exist. {remedy}')
        # Editors on Windows put a byte-order mark first, which would become
        # part of the first path.
        lines = list_from_file(self.ann_file, encoding='utf-8-sig')
        data_list = []
        for number, line in enumerate(lines, 1):
            if line.strip():
                path, label = self._parse_line(line.strip(), number)
                if folder and not self.allow_outside and leads_out(path):
                    raise ValueError(
                        f'{self.ann_file}:{number}: {path!r} leads out of '
                        f'{folder}. Mend the list, or set allow_outside=True')
                data_list.append(
                    dict(filename=osp.join(folder, path), label=label))
        if not data_list:
            raise ValueError(f'{self.ann_file} lists no videos. {remedy}')
        return data_list

    def _parse_line(self, line: str,
                    number: int) -> Tuple[str, Union[int, List[int]]]:
        """Split one line of the list into path and label(s)."""
        place = f'{self.ann_file}:{number}'
        # None splits at any run of blanks: tabs and double spaces too.
        delimiter = None if self.delimiter == ' ' else self.delimiter
        if self.multi_class:
            path, *fields = line.split(delimiter)
        else:
            path, *fields = line.rsplit(delimiter, 1)
        try:
            labels = [int(field) for field in fields]
        except ValueError:
            labels = []
        if not path.strip() or not labels:
            form = 'path label [label ...]' if self.multi_class \
                else 'path label'
            raise ValueError(
                f'{place}: {line!r} is not of the form "{form}" with an '
                f'integer label, separated by {self.delimiter!r}')
        for label in labels:
            if label < 0 or (self.num_classes is not None
                             and label >= self.num_classes):
                limit = ('0 or more' if self.num_classes is None else
                         f'0 to {self.num_classes - 1}')
                raise ValueError(
                    f'{place}: label {label} must be {limit} '
                    f'(num_classes={self.num_classes}): {line!r}')
        return path.strip(), labels if self.multi_class else labels[0]

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one sample, or on another by ``on_error``.

        Args:
            idx (int): The sample's index.

        Returns:
            Any: What the last transform returns.
        """
        if self.on_error == 'raise':
            return self.run_pipeline(idx)
        tried, skipped = [], {}
        while True:
            try:
                data = self.run_pipeline(idx)
            except VideoReadError as error:
                warnings.warn(f'skipped: {error}')
                tried.append(idx)
                skipped[self.get_data_info(idx)['filename']] = str(error)
                others = np.setdiff1d(np.arange(len(self)), tried)
                if len(tried) > self.max_skips or not len(others):
                    raise VideoReadError(
                        f'{len(tried)} videos in a row cannot be read, of '
                        f'max_skips={self.max_skips}. The last: '
                        f'{error}') from error
                idx = int(np.random.choice(others))
            else:
                if skipped and not record(data, skipped_videos=skipped):
                    raise TypeError(
                        "on_error='skip' records in data_samples what it "
                        'skips: end the pipeline with PackActionInputs')
                return data

    def run_pipeline(self, idx: int) -> Any:
        """Run the pipeline on this very sample.

        A packed sample has its file's name as ``video_path`` afterwards.
        The transforms are called one by one, as MMEngine's ``Compose`` does,
        to know which of them failed.

        Args:
            idx (int): The sample's index.

        Returns:
            Any: What the last transform returns.
        """
        data = self.get_data_info(idx)
        filename = data['filename']
        for transform in self.pipeline.transforms:
            if isinstance(transform, READERS):
                data = self._read(transform, data)
            else:
                data = transform(data)
            if data is None:
                raise RuntimeError(f'{transform!r} returned None for '
                                   f'{filename}')
        record(data, video_path=filename)
        return data

    def _read(self, reader: Callable[[Dict], Dict], data: Dict) -> Dict:
        """Call a transform that reads the video and name what fails."""
        filename, opened = data['filename'], 'video_reader' in data
        try:
            defect = None if opened else unreadable(filename)
            if not defect:
                data = reader(data)
        except PIPELINE_ERRORS:
            raise
        except Exception as error:
            if opened and isinstance(error, IndexError):
                raise  # a frame was asked for that the video does not have
            # decord appends a stack trace; it stays in the chained error.
            cause = str(error).strip().split('\n')[0]
            raise self._read_error(
                filename, f'{type(error).__name__}: {cause}') from error
        if defect:
            raise self._read_error(filename, defect)
        if data.get('total_frames') == 0:
            raise self._read_error(filename, f'{reader!r} finds no frames')
        return data

    def _read_error(self, filename: str, cause: str) -> VideoReadError:
        remedy = f' (data set prepared by: {self.prepare})' \
            if self.prepare else ''
        return VideoReadError(
            f'cannot read video {filename}: {cause}. Replace or re-encode the '
            f'file, or take its line out of {self.ann_file}{remedy}')
