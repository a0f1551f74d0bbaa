"""Frames of a video through PyAV, as decord would give them."""
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmaction.datasets.transforms import PyAVDecode


def count_packets(container) -> int:
    """Count the frames that a file really holds, without decoding them.

    ``PyAVInit`` takes the count from the header: Matroska and WebM have none
    there, and where a file was cut off the header promises too many, which
    ``PyAVDecode`` answers by silently starting again at the first frame.

    Args:
        container (av.container.InputContainer): An open video; it is rewound.

    Returns:
        int: Video packets in the file, one for each frame that is shown.

    Raises:
        ValueError: If a packet is incomplete. decord refuses such files too.
    """
    count = 0
    for packet in container.demux(video=0):
        if packet.is_corrupt:
            raise ValueError(f'truncated or damaged after {count} frames')
        # An empty one ends the stream, and what a video that was trimmed
        # without encoding it anew hides in front of the cut is not shown.
        count += packet.size > 0 and not packet.is_discard
    container.seek(0)
    return count


def upright(frame) -> np.ndarray:
    """Convert a frame, turned as the file says.

    Args:
        frame (av.VideoFrame): A decoded frame.

    Returns:
        np.ndarray: uint8 RGB ``(H, W, 3)``, contiguous: OpenCV cannot work
        in place on the view that ``np.rot90`` gives.
    """
    picture = frame.to_ndarray(format='rgb24')
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90))


def own_arrays(imgs: Sequence[np.ndarray]) -> List[np.ndarray]:
    """Copy what comes again: ``Flip`` would turn one array back and forth.

    Args:
        imgs (sequence of np.ndarray): Frames; some may be the same object.

    Returns:
        list[np.ndarray]: The same frames, each an array of its own.
    """
    seen, own = set(), []
    for img in imgs:
        own.append(img.copy() if id(img) in seen else img)
        seen.add(id(img))
    return own


def decode_frames(container,
                  numbers: Sequence[int],
                  num_frames: int = 0) -> List[np.ndarray]:
    """Decode from the start, converting only the frames asked for.

    ``PyAVDecode`` converts and keeps every frame up to the last one, which
    takes up to twice the time and the memory of a whole video. Nor does it
    turn what a telephone held upright has marked as to be turned; decord does.

    Args:
        container (av.container.InputContainer): A video at its start.
        numbers (sequence of int): Frames to decode, in any order. Those that
            do not exist count on from the first frame, as in ``PyAVDecode``.
        num_frames (int): Frames that the file holds: where damage leaves
            fewer, ``PyAVDecode`` would start again in silence.

    Returns:
        list[np.ndarray]: uint8 RGB frames ``(H, W, 3)``, each an array of
        its own that transforms may change in place.

    Raises:
        ValueError: If there is no frame at all, or fewer than ``num_frames``
            and one of the others is asked for.
    """
    wanted, found, last = set(numbers), {}, -1
    for last, frame in enumerate(container.decode(video=0)):
        if last in wanted:
            found[last] = upright(frame)
        if len(found) == len(wanted):
            return own_arrays([found[number] for number in numbers])
    if last < 0:
        raise ValueError('no frame of the video can be decoded')
    if last + 1 < num_frames:
        raise ValueError(f'only {last + 1} of {num_frames} frames can be '
                         'decoded')
    container.seek(0)
    return decode_frames(container, [n % (last + 1) for n in numbers])


class UprightPyAVDecode(PyAVDecode):
    """``PyAVDecode`` whose ``mode='efficient'`` turns frames as decord does.

    It repeats the frame before where it can decode none; that is copied.
    """

    @staticmethod
    def frame_generator(container, stream) -> Optional[np.ndarray]:
        """The next frame ``(H, W, 3)``, or None if there is none."""
        return next(map(upright, container.decode(stream)), None)

    def transform(self, results: Dict) -> Dict:
        """Decode as ``PyAVDecode``, every frame an array of its own."""
        results = super().transform(results)
        results['imgs'] = own_arrays(results['imgs'])
        return results
