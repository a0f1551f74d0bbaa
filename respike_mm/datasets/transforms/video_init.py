"""Open and decode a video with the decoder that the config names.

``VideoInit(backend=...)`` is the one place to choose between decord, PyAV and
torchcodec: ``VideoDecode`` follows whatever ``VideoInit`` opened.
"""
from importlib import import_module
from typing import Dict

import numpy as np
from mmaction.datasets.transforms import DecordDecode, DecordInit, PyAVInit
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform

from .pyav_frames import UprightPyAVDecode, count_packets, decode_frames
from .torchcodec_frames import TorchCodecInit, torchcodec_frames

# Backend name to (module it imports, how to install that module).
BACKENDS = {
    'decord': ('decord', 'pip install decord'),
    'pyav': ('av', 'pip install "respike_mm[pyav]" (or: pip install av)'),
    'torchcodec': (
        'torchcodec.decoders', 'pip install torchcodec, of a release for this '
        "PyTorch, and the system's package ffmpeg"),
}


class DecordFileInit(DecordInit):
    """``DecordInit`` that hands decord the path, not the content.

    decord copies the content twice and, where it cannot open it, never frees
    the copies: a few broken videos would fill the memory.
    """

    def _get_video_reader(self, filename: str) -> object:
        from decord import VideoReader  # not needed by users of PyAV
        with open(filename, 'rb'):
            pass  # raises what decord does not say
        return VideoReader(filename, num_threads=self.num_threads)


@TRANSFORMS.register_module()
class VideoInit(BaseTransform):
    """Open ``filename``; the work is done by ``DecordInit``, ``PyAVInit`` or
    ``TorchCodecInit``.

    Required Keys:

        - filename

    Added Keys:

        - video_reader
        - video_backend
        - total_frames
        - avg_fps (not with PyAV)

    Args:
        backend (str): ``'decord'``, ``'pyav'`` or ``'torchcodec'``. Defaults
            to ``'decord'``. torchcodec is the fastest and needs FFmpeg's
            libraries; it does not say where a file ends inside a frame.
        num_threads (int): Threads of one reader; PyAV ignores it.
            The DataLoader's workers already decode in parallel, and decord
            with several threads can hang in forked workers. Defaults to 1.
        io_backend (str): MMEngine's file backend. Defaults to ``'disk'``.

    Raises:
        ValueError: If ``backend`` is another.
        ImportError: If the backend's package is not installed. It is
            imported here, in the parent, so that the error comes at start-up.
    """

    def __init__(self,
                 backend: str = 'decord',
                 num_threads: int = 1,
                 io_backend: str = 'disk') -> None:
        if backend not in BACKENDS:
            raise ValueError(f'unknown video backend {backend!r}; choose one '
                             f'of {sorted(BACKENDS)}')
        module, install = BACKENDS[backend]
        try:
            import_module(module)
        except (ImportError, RuntimeError, OSError) as error:
            # torchcodec without FFmpeg's libraries: a RuntimeError.
            raise ImportError(f'VideoInit(backend={backend!r}) needs the '
                              f'package {module!r}: {install}') from error
        self.backend = backend
        if backend == 'decord':
            opener = DecordFileInit if io_backend in ('disk', 'local') \
                else DecordInit
            self.opener = opener(io_backend, num_threads=num_threads)
        elif backend == 'pyav':
            self.opener = PyAVInit(io_backend)
        else:
            self.opener = TorchCodecInit(io_backend, num_threads)

    def transform(self, results: Dict) -> Dict:
        """Open the video.

        Args:
            results (dict): The sample, with ``filename``.

        Returns:
            dict: The sample with an open ``video_reader``.
        """
        results = self.opener.transform(results)
        results['video_backend'] = self.backend
        if self.backend == 'pyav':
            results['total_frames'] = count_packets(results['video_reader'])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.opener!r})'


@TRANSFORMS.register_module()
class VideoDecode(BaseTransform):
    """Decode ``frame_inds`` with the backend that ``VideoInit`` opened.

    Required Keys:

        - video_reader
        - video_backend
        - frame_inds

    Added Keys:

        - imgs: a list of ``len(frame_inds)`` uint8 RGB arrays ``(H, W, 3)``,
          turned as the file says and none twice, whatever the backend
        - original_shape
        - img_shape

    Args:
        mode (str): ``'accurate'``, or ``'efficient'`` for the nearest key
            frames only, which torchcodec does not offer. Defaults to
            ``'accurate'``.

    Raises:
        KeyError: If no ``VideoInit`` came before it in the pipeline.
        TypeError: If torchcodec shall be ``'efficient'``.
    """

    def __init__(self, mode: str = 'accurate') -> None:
        self.mode = mode
        self.decoders = dict(
            decord=DecordDecode(mode=mode), pyav=UprightPyAVDecode(mode=mode))

    def transform(self, results: Dict) -> Dict:
        """Decode the sampled frames.

        Args:
            results (dict): The sample, with an open ``video_reader``.

        Returns:
            dict: The sample with ``imgs``; the reader is closed.
        """
        if 'video_backend' not in results:
            raise KeyError('video_backend: VideoDecode needs a VideoInit '
                           'before it in the pipeline')
        backend, reader = results['video_backend'], results['video_reader']
        numbers = np.ravel(results['frame_inds']).tolist()
        if backend == 'torchcodec':
            if self.mode != 'accurate':
                raise TypeError("VideoDecode(mode='efficient') needs another "
                                'backend than torchcodec')
            imgs = torchcodec_frames(reader, numbers)
        elif backend == 'pyav' and self.mode == 'accurate':
            imgs = decode_frames(reader, numbers, results['total_frames'])
        else:
            return self.decoders[backend].transform(results)
        shape = imgs[0].shape[:2]
        results.update(imgs=imgs, original_shape=shape, img_shape=shape,
                       video_reader=None)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(mode={self.mode!r})'
