"""MMAction2's ``VideoDataset`` with errors that say what to mend.

MMAction2 answers a bad list with a bare ``ValueError`` and a bad video with
the decoder's own words, in which the file's name does not occur. Here each
names the file (and line), the cause and the remedy, and no sample is ever
replaced by another.
"""
import os.path as osp
import struct
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from mmaction.datasets import VideoDataset
from mmaction.datasets.transforms import (DecordDecode, DecordInit,
                                          OpenCVDecode, OpenCVInit, PIMSDecode,
                                          PIMSInit, PyAVDecode, PyAVInit)
from mmaction.registry import DATASETS
from mmaction.utils import ConfigType
from mmengine.fileio import isdir, isfile, list_from_file

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


def cut_off_avi(filename: str) -> Optional[str]:
    """Tell whether a local AVI file is shorter than its header says.

    decord does not raise on such a file: it crashes the process. Other
    containers, and files that are not on a local disk, pass.

    Args:
        filename (str): The video file.

    Returns:
        Optional[str]: What is wrong, or None.
    """
    if not osp.isfile(filename):
        return None
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
        **kwargs: Further arguments of MMAction2's ``VideoDataset``.

    Raises:
        FileNotFoundError: If the list or the folder is missing.
        ValueError: If a line of the list is wrong, or the list is empty.
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
                 **kwargs) -> None:
        if 'video' not in data_prefix:
            raise ValueError('data_prefix must be dict(video=FOLDER), not '
                             f'{dict(data_prefix)}')
        if multi_class and num_classes is None:
            raise ValueError('multi_class=True needs num_classes')
        self.prepare = prepare
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
        """Run the pipeline on one sample.

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
        return data

    def _read(self, reader: Callable[[Dict], Dict], data: Dict) -> Dict:
        """Call a transform that reads the video and name what fails."""
        filename, opened = data['filename'], 'video_reader' in data
        defect = None if opened else cut_off_avi(filename)
        if defect:
            raise self._read_error(filename, defect)
        try:
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
        if data.get('total_frames') == 0:
            raise self._read_error(filename, f'{reader!r} finds no frames')
        return data

    def _read_error(self, filename: str, cause: str) -> VideoReadError:
        remedy = f' (data set prepared by: {self.prepare})' \
            if self.prepare else ''
        return VideoReadError(
            f'cannot read video {filename}: {cause}. Replace or re-encode the '
            f'file, or take its line out of {self.ann_file}{remedy}')
