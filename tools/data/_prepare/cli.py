"""The command line that the three scripts share."""
import argparse
import os
import sys
import textwrap
from pathlib import Path
from typing import List, Optional

from .errors import PrepareError
from .pipeline import Dataset, Options, prepare
from .video import Encoding

GOP, CRF = 16, 18
INTERRUPTED = 130  # the shell's code for Ctrl-C


def positive(text: str) -> int:
    """Reads a number that is at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def build_parser(dataset: Dataset, advice: str) -> argparse.ArgumentParser:
    """Builds the parser of a script."""
    parser = argparse.ArgumentParser(
        description=f'Prepares {dataset.name} for MMAction2. '
        'Run it again to continue after an interruption.',
        # Addresses must not be broken at their hyphens.
        epilog=textwrap.fill(
            dataset.download, break_on_hyphens=False, break_long_words=False),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--src',
        type=Path,
        default=Path('data', dataset.name, 'archives'),
        help='folder with what was downloaded (default: %(default)s)')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data', dataset.name),
        help='folder for videos and lists (default: %(default)s)')
    parser.add_argument(
        '--resize',
        type=positive,
        metavar='PIXELS',
        help='re-encode every video as MP4 with at most so many pixels on '
        f'its short side; {advice}')
    parser.add_argument(
        '--gop',
        type=positive,
        help='with --resize: frames from one key frame to the next; few '
        f'make random access fast (default: {GOP})')
    parser.add_argument(
        '--crf',
        type=int,
        choices=range(52),
        metavar='CRF',
        help='with --resize: quality of x264, 0 (best) to 51 '
        f'(default: {CRF})')
    parser.add_argument(
        '--workers',
        type=positive,
        default=os.cpu_count(),
        help='videos handled at a time (default: %(default)s)')
    parser.add_argument(
        '--verify',
        action='store_true',
        help='decode every frame of every video, once, and check that the '
        'numbers of videos are the official ones')
    parser.add_argument(
        '--skip-corrupt',
        action='store_true',
        help='leave corrupt videos out of the lists instead of stopping')
    return parser


def read_options(parser: argparse.ArgumentParser,
                 argv: Optional[List[str]]) -> Options:
    """Reads the command line."""
    args = parser.parse_args(argv)
    encoding = None
    if args.resize is not None:
        encoding = Encoding(args.resize, args.gop or GOP,
                            CRF if args.crf is None else args.crf)
    elif args.gop is not None or args.crf is not None:
        parser.error('--gop and --crf need --resize')
    return Options(args.src, args.out, encoding, args.workers, args.verify,
                   args.skip_corrupt)


def run(dataset: Dataset, advice: str,
        argv: Optional[List[str]] = None) -> int:
    """Runs a script.

    Args:
        dataset: What to prepare.
        advice: Whether to use ``--resize``, for its help.
        argv: The arguments, by default those of the process.

    Returns:
        The exit status.
    """
    options = read_options(build_parser(dataset, advice), argv)
    try:
        prepare(dataset, options)
    except (PrepareError, OSError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('interrupted; run the same command to continue',
              file=sys.stderr)
        return INTERRUPTED
    return 0
