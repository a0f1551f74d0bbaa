"""Live video: a webcam or a stream."""
import argparse
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import List, Optional

from torch import nn

from respike_mm.apis.live_recognizer import StreamedClip, live_recognizer
from respike_mm.apis.live_source import (StreamError, frames_per_second,
                                         live_frames, open_capture)
from respike_mm.apis.prediction_log import PredictionLog
from respike_mm.visualization.captions import draw_caption
from respike_mm.visualization.video import VideoFile

from .outputs import best, sentence


def check_live(args: argparse.Namespace) -> None:
    """Refuse to write the video over the file that it is read from.

    Raises:
        ValueError: If ``--video-out`` is that file.
    """
    source = Path(args.inputs[0].split('file:')[-1])
    target = args.video_out
    if (target and target.exists() and source.exists()
            and source.samefile(target)):
        raise ValueError(f'--video-out {target} would replace the input '
                         f'{args.inputs[0]}; choose another file')


def predict_live(model: nn.Module, names: List[str],
                 log: Optional[PredictionLog],
                 args: argparse.Namespace) -> None:
    """Recognize a webcam or stream until it ends.

    Raises:
        StreamError: If it breaks, or ends before the first prediction.
        ValueError: If the video or the model does not suit.
    """
    check_live(args)
    source = args.inputs[0]
    recognizer = live_recognizer(model, args.every, args.clips, args.interval)
    if args.compile and isinstance(recognizer, StreamedClip):
        raise ValueError('--compile acts on clips, not on a stream; add '
                         '--clips')
    print(f'{type(model).__name__} runs by {type(recognizer).__name__}')
    capture = open_capture(int(source) if source.isdigit() else source)
    fps = frames_per_second(capture)
    frames = islice(live_frames(capture, args.stall_timeout),
                    args.max_frames)
    predictions, number = [], -1
    with VideoFile(args.video_out, fps) if args.video_out else \
            nullcontext() as video:
        for number, frame in enumerate(frames):
            scores = recognizer.step(frame)
            if scores is not None:
                predictions = best(scores, names, args.top_k)
                print(f'frame {number}: {sentence(predictions)}', flush=True)
                if log:
                    log.write(f'{source}#{number}', predictions)
            # As many lines before the first prediction: one frame size.
            drawn = draw_caption(
                frame, predictions or [('...', 0.)] * args.top_k)
            if video:
                video.write(drawn)
            if args.show and shown(drawn):
                break
    if not predictions:
        raise StreamError(f'{source} ended after {number + 1} frames; the '
                          f'model needs {recognizer.span}')
    print(f'{source} ended after {number + 1} frames')


def shown(frame) -> bool:
    """Show a frame; whether the user wants to end."""
    import cv2
    cv2.imshow('respike_mm', frame[..., ::-1])
    return cv2.waitKey(1) & 0xFF in (ord('q'), 27)
