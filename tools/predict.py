"""Recognize actions in video files, folders of them, a webcam or a stream.

    python tools/predict.py CONFIG CHECKPOINT clips/ --labels classes.txt \\
        --out predictions.csv --video-out annotated
    python tools/predict.py CONFIG CHECKPOINT 0 --show
    python tools/predict.py CONFIG CHECKPOINT rtsp://camera/stream --show

The table is written line by line; the same command continues after an
interruption, and a file that cannot be read is a row that says why. Live
video is recognized over its latest frames: a HybridReSpike takes them one by
one, as a stream; any other recognizer, or with --clips this one too, runs the
latest clip anew at every prediction.
"""
import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional

import _common

if TYPE_CHECKING:
    from torch import Tensor, nn

    from respike_mm.apis.prediction_log import Prediction, PredictionLog


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of the model')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument(
        'inputs', nargs='+',
        help='files and folders, or one webcam number or stream address')
    parser.add_argument('--labels', type=Path, help='class names, one a line')
    parser.add_argument('--top-k', type=int, default=5)
    parser.add_argument(
        '--out', type=Path, help='table to write or continue: .csv or .jsonl')
    parser.add_argument(
        '--retry', action='store_true',
        help='try the files again whose row says error')
    parser.add_argument(
        '--video-out', type=Path,
        help='folder for annotated videos; the .mp4 to write for live video')
    parser.add_argument('--device', default='cpu')
    parser.add_argument(
        '--fold', action='store_true',
        help='fold the batch norms of a HybridReSpike into its convolutions')
    parser.add_argument(
        '--compile', action='store_true',
        help="run a HybridReSpike's branches through torch.compile")
    live = parser.add_argument_group('live video')
    live.add_argument('--every', type=int, default=8,
                      help='frames from one prediction to the next '
                      '(default: 8)')
    live.add_argument('--clips', action='store_true',
                      help='run a HybridReSpike by clips, not as a stream')
    live.add_argument('--interval', type=int,
                      help='frames from one of a clip to its next (default: '
                      "the config's)")
    live.add_argument('--show', action='store_true',
                      help='show it in a window; q ends')
    live.add_argument('--max-frames', type=int, help='stop after so many')
    live.add_argument('--stall-timeout', type=float, default=10.,
                      help='seconds without a frame that end a stream '
                      '(default: 10)')
    _common.add_common_options(parser)
    args = parser.parse_args()
    if len(args.inputs) > 1 and any(map(is_live, args.inputs)):
        parser.error('live video comes alone')
    return args


def is_live(text: str) -> bool:
    """A webcam's number or an address, and no file of that name."""
    return not Path(text).exists() and (text.isdigit() or '://' in text)


def best(scores: 'Tensor', names: List[str], k: int) -> List['Prediction']:
    """The ``k`` classes with the highest scores."""
    from respike_mm.apis.prediction_log import Prediction
    top = scores.topk(k)
    return [Prediction(names[label], score)
            for score, label in zip(top.values.tolist(),
                                    top.indices.tolist())]


def sentence(predictions: List['Prediction']) -> str:
    return ', '.join(f'{x.name} {100 * x.score:.1f} %' for x in predictions)


def annotate(source: Path, target: Path,
             predictions: List['Prediction']) -> None:
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
        ValueError: If one is an input, or that of another video as well.
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
    return targets


def fingerprint(model: 'nn.Module') -> str:
    """Eight digits that tell a model's weights from others of the same name.

    Of the weights, not their file, which may be an address.
    """
    import hashlib

    import torch
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:8]


def accelerate(model: 'nn.Module', args: argparse.Namespace) -> 'nn.Module':
    """The model as ``--fold`` and ``--compile`` ask for it.

    Raises:
        ValueError: If it is no ``HybridReSpike``.
    """
    if not (args.fold or args.compile):
        return model
    import torch

    from respike_mm.deployment import fold_batch_norm
    from respike_mm.models import HybridReSpike
    if not isinstance(model, HybridReSpike):
        raise ValueError('--fold and --compile take a HybridReSpike, not a '
                         f'{type(model).__name__}')
    if args.fold:
        model = fold_batch_norm(model)
    if args.compile:
        model.forward_branches = torch.compile(model.forward_branches)
    return model


def predict_files(model: 'nn.Module', names: List[str],
                  log: Optional['PredictionLog'],
                  args: argparse.Namespace) -> int:
    """Recognize files; returns how many could not be read."""
    import torch
    from mmengine.dataset import pseudo_collate
    from mmengine.utils import ProgressBar

    from respike_mm.apis import VideoFiles, find_videos, inference_pipeline
    from respike_mm.apis.live_source import StreamError
    from respike_mm.datasets.checked_video_dataset import VideoReadError
    from respike_mm.structures import scores_of
    files = find_videos(args.inputs)
    targets = annotated_paths(files, args) if args.video_out else {}
    done = log.finished if log else {}
    left = [file for file in files if str(file) not in done]
    if len(left) < len(files):
        print(f'{len(files) - len(left)} of {len(files)} videos are in '
              f'{log.path} already')
    if not left:
        return 0
    data = VideoFiles(left, inference_pipeline(model.cfg))
    bar = ProgressBar(len(left), file=sys.stderr) if log else None
    failed = 0
    for i, file in enumerate(left):
        predictions, error = [], ''
        try:
            with torch.no_grad():
                sample, = model.test_step(pseudo_collate([data[i]]))
            predictions = best(scores_of(sample), names, args.top_k)
            if targets:
                annotate(file, targets[file], predictions)
        except (VideoReadError, StreamError) as problem:
            error, failed = str(problem), failed + 1
        if log:
            log.write(str(file), predictions, error)
            bar.update()
        else:
            print(f'{file}: {error or sentence(predictions)}', flush=True)
    if log:
        print(f'\n{log.path}: {len(left)} videos added, {failed} of them '
              'could not be read')
    return failed


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


def predict_live(model: 'nn.Module', names: List[str],
                 log: Optional['PredictionLog'],
                 args: argparse.Namespace) -> None:
    """Recognize a webcam or stream until it ends.

    Raises:
        StreamError: If it breaks, or ends before the first prediction.
        ValueError: If the video or the model does not suit.
    """
    from contextlib import nullcontext
    from itertools import islice

    from respike_mm.apis.live_recognizer import StreamedClip, live_recognizer
    from respike_mm.apis.live_source import (StreamError, frames_per_second,
                                             live_frames, open_capture)
    from respike_mm.visualization.captions import draw_caption
    from respike_mm.visualization.video import VideoFile
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


def main() -> int:
    args = parse_args()
    _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    from contextlib import nullcontext

    from respike_mm.apis import load_recognizer
    from respike_mm.apis.class_names import read_class_names
    from respike_mm.apis.live_source import StreamError
    from respike_mm.apis.prediction_log import PredictionLog
    cfg.model.cls_head.average_clips = 'prob'
    num_classes = cfg.model.cls_head.num_classes
    args.top_k = min(args.top_k, num_classes)
    try:
        names = read_class_names(args.labels, num_classes)
        model = load_recognizer(cfg, args.checkpoint, args.device)
        name = (f'{Path(args.config).stem} {Path(args.checkpoint).name} '
                f'{fingerprint(model)}')
        model = accelerate(model, args)
        with PredictionLog(args.out, name, args.top_k, args.retry) \
                if args.out else nullcontext() as log:
            if is_live(args.inputs[0]):
                predict_live(model, names, log, args)
                return 0
            return int(predict_files(model, names, log, args) > 0)
    except (StreamError, ValueError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    _common.restart_with_malloc_settings()
    sys.exit(main())
