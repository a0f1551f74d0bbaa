"""Predictions as text and as annotated copies of the videos."""
import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List

from respike_mm.apis.prediction_log import Prediction

if TYPE_CHECKING:
    from torch import Tensor


def best(scores: 'Tensor', names: List[str], k: int) -> List[Prediction]:
    """The ``k`` classes with the highest scores."""
    top = scores.topk(k)
    return [Prediction(names[label], score)
            for score, label in zip(top.values.tolist(),
                                    top.indices.tolist())]


def sentence(predictions: List[Prediction]) -> str:
    return ', '.join(f'{x.name} {100 * x.score:.1f} %' for x in predictions)


def annotate(source: Path, target: Path,
             predictions: List[Prediction]) -> None:
    """Write a file's frames with their prediction above."""
    from respike_mm.apis.live_source import (frames_per_second, live_frames,
                                             open_capture)
    from respike_mm.visualization.captions import draw_caption
    from respike_mm.visualization.video import VideoFile
    capture = open_capture(str(source))
    with VideoFile(target, frames_per_second(capture)) as video:
        for frame in live_frames(capture):
            video.write(draw_caption(frame, predictions))


def annotated_path(video: Path, args: argparse.Namespace) -> Path:
    """Where in ``--video-out`` the copy of a video goes.

    Below a folder that was given, its sub-folders are kept. ``a.avi`` becomes
    ``a.avi.mp4``, since ``a.mp4`` may lie beside it.
    """
    name = Path(video.name)
    for given in map(Path, args.inputs):
        if given.is_dir() and given in video.parents:
            name = video.relative_to(given)
    if name.suffix.lower() != '.mp4':
        name = name.with_name(name.name + '.mp4')
    return args.video_out / name


def annotated_paths(videos: List[Path],
                    args: argparse.Namespace) -> Dict[Path, Path]:
    """Every video's place in ``--video-out``.

    Raises:
        ValueError: If one is an input, or that of another video as well, or
            the folder lies in one of the inputs.
    """
    targets = {video: annotated_path(video, args) for video in videos}
    inputs = {video.resolve(): video for video in videos}
    sources: Dict[Path, Path] = {}
    for video, target in targets.items():
        place = target.resolve()
        if place in inputs:
            raise ValueError(
                f'the annotated copy of {video} would replace the input '
                f'{inputs[place]}; choose a --video-out outside the inputs')
        if place in sources:
            raise ValueError(
                f'the annotated copies of {sources[place]} and {video} would '
                f'both be {target}; run the tool once for each, with another '
                '--video-out')
        sources[place] = video
    for given in map(Path, args.inputs):
        folder = given.resolve()
        if folder.is_dir() and args.video_out.resolve().is_relative_to(folder):
            raise ValueError(
                f'the next run would take annotated copies in '
                f'{args.video_out} for videos of the folder {given}; choose a '
                '--video-out outside it')
    return targets
