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
from typing import TYPE_CHECKING, List, Optional

import _common

if TYPE_CHECKING:
    from torch import nn

    from respike_mm.apis.prediction_log import PredictionLog


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


def predict_files(model: 'nn.Module', names: List[str],
                  log: Optional['PredictionLog'],
                  args: argparse.Namespace) -> int:
    """Recognize files; returns how many could not be read."""
    import torch
    from mmengine.dataset import pseudo_collate
    from mmengine.utils import ProgressBar

    from _predict.outputs import annotate, annotated_paths, best, sentence
    from respike_mm.apis import VideoFiles, find_videos, inference_pipeline
    from respike_mm.apis.live_source import StreamError
    from respike_mm.datasets.checked_video_dataset import VideoReadError
    from respike_mm.structures import scores_of
    # Names of files may be any bytes: show them as errors do.
    sys.stdout.reconfigure(errors='backslashreplace')
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


def main() -> int:
    args = parse_args()
    _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    from contextlib import nullcontext

    from _predict.live import predict_live
    from _predict.models import accelerate, fingerprint
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
