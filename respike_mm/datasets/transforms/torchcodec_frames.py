"""Frames of a video through torchcodec, as decord would give them."""
from typing import Dict, List, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.fileio import get


class TorchCodecInit(BaseTransform):
    """Open ``filename`` with torchcodec, which scans it for its frames.

    Args:
        io_backend (str): MMEngine's file backend. Defaults to ``'disk'``.
        num_threads (int): Threads of one reader. Defaults to 1.
    """

    def __init__(self, io_backend: str = 'disk', num_threads: int = 1) -> None:
        self.io_backend = io_backend
        self.num_threads = num_threads

    def transform(self, results: Dict) -> Dict:
        """Open the video.

        Args:
            results (dict): The sample, with ``filename``.

        Returns:
            dict: The sample with ``video_reader``, ``total_frames`` and
            ``avg_fps``.
        """
        from torchcodec.decoders import VideoDecoder  # needs FFmpeg
        filename = results['filename']
        if self.io_backend in ('disk', 'local'):
            with open(filename, 'rb'):
                pass  # raises what torchcodec does not say
            source = filename
        else:
            source = get(
                filename, backend_args=dict(backend=self.io_backend))
        # `approximate` would trust a header that may promise frames which
        # are not there.
        reader = VideoDecoder(
            source,
            dimension_order='NHWC',
            num_ffmpeg_threads=self.num_threads,
            seek_mode='exact')
        results.update(
            video_reader=reader,
            total_frames=len(reader),
            avg_fps=reader.metadata.average_fps)
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(io_backend={self.io_backend!r}, '
                f'num_threads={self.num_threads})')


def torchcodec_frames(reader, numbers: Sequence[int]) -> List[np.ndarray]:
    """Decode frames in any order.

    Args:
        reader (torchcodec.decoders.VideoDecoder): An open video.
        numbers (sequence of int): Frames to decode; all must exist.

    Returns:
        list[np.ndarray]: uint8 RGB frames ``(H, W, 3)``, each with memory of
        its own, so that transforms may change them in place.
    """
    return list(reader.get_frames_at(list(numbers)).data.numpy())
