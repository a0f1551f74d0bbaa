"""What the tools here share: which sample, which model, where to write."""
import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _common  # noqa: E402

if TYPE_CHECKING:
    from mmengine.config import Config


def parser_of(description: str) -> argparse.ArgumentParser:
    """A parser with config, checkpoint, sample and output."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='the config of the model')
    parser.add_argument('checkpoint', help='its trained weights')
    parser.add_argument(
        '--video', type=Path, help='a video file in place of a data set')
    add_split_options(parser)
    parser.add_argument(
        '--index', type=int, default=0, help='which sample (default: 0)')
    parser.add_argument('--device', default='cpu')
    _common.add_common_options(parser)
    return parser


def add_split_options(parser: argparse.ArgumentParser) -> None:
    """Options that data sets and files share."""
    parser.add_argument(
        '--split',
        choices=['train', 'val', 'test'],
        default='val',
        help='whose data set and pipeline (default: val)')
    parser.add_argument(
        '--view',
        type=int,
        default=0,
        help='which clip or crop of the sample (default: 0)')


def dataset_of(cfg: 'Config', split: str) -> Any:
    """Build the data set of a split.

    Raises:
        SystemExit: If the config has none.
    """
    from mmaction.registry import DATASETS
    from mmengine.registry import init_default_scope
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        raise SystemExit(f'{cfg.filename} has no {split}_dataloader; choose '
                         'another --split')
    return DATASETS.build(loader.dataset)


def sample_of(dataset: Any, index: int) -> Dict[str, Any]:
    """One sample as its pipeline packs it.

    Raises:
        SystemExit: If there is no such sample.
    """
    if not 0 <= index < len(dataset):
        raise SystemExit(f'there is no sample {index}: the data set has 0 to '
                         f'{len(dataset) - 1}')
    return dataset[index]


def load_batch(cfg: 'Config', args: argparse.Namespace) -> Dict[str, Any]:
    """The sample that the options name, as a batch of one."""
    from mmengine.dataset import pseudo_collate

    from respike_mm.apis import VideoFiles, find_videos, inference_pipeline
    if args.video is None:
        sample = sample_of(dataset_of(cfg, args.split), args.index)
    else:
        files = find_videos([args.video])
        sample = VideoFiles(files, inference_pipeline(cfg))[0]
    return pseudo_collate([sample])


def name_of(args: argparse.Namespace) -> str:
    """The sample in words, for headings."""
    if args.video is not None:
        return args.video.name
    return f'{args.split} sample {args.index}'


def save(figure: Any, path: Path) -> None:
    """Write a figure, in 256 colours (a third of the bytes), and say so."""
    from PIL import Image

    from respike_mm.visualization.rendering import render
    path.parent.mkdir(parents=True, exist_ok=True)
    few = Image.fromarray(render(figure)).quantize(
        method=Image.Quantize.MAXCOVERAGE, kmeans=4)
    few.save(path, optimize=True)
    print(path)


def prepare(args: argparse.Namespace) -> tuple:
    """The model and the batch that the options name."""
    _common.check_checkpoint(args.checkpoint)
    cfg = _common.load_config(args)
    from respike_mm.apis import load_recognizer
    model = load_recognizer(cfg, args.checkpoint, args.device)
    return model, load_batch(cfg, args)


def run(main: Callable[[], None]) -> None:
    """Call a tool's main; what is wrong with the input ends it in one line."""
    _common.import_plugin()
    from respike_mm.datasets.checked_video_dataset import VideoReadError
    try:
        main()
    except (ValueError, OSError, VideoReadError) as error:
        raise SystemExit(f'error: {error}') from error
