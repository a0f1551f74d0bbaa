"""Read damaged and unusual videos, generated here, with both decoders.

    python tools/analysis_tools/fuzz_videos.py --decodes 5000

prints what came of every kind of file, and then the memory and open files of
a process that reads on, so many times. The exit status is 1 if a file did
what docs/robustness.md does not promise.
"""
import argparse
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

import numpy as np
from mmengine.registry import init_default_scope

from _fuzz.cases import Case, make_cases
from _fuzz.sweep import Outcome, read, sweep
from respike_mm.datasets import CheckedVideoDataset

BACKENDS = ('decord', 'pyav')
VERDICTS = ('frames', 'error', 'other error', 'crash', 'hang')
CLIP_LEN, NOBODY = 8, 65534


def whole_clip(sample: dict) -> dict:
    """The last transform: a clip is as many colour frames as were asked."""
    frames = np.stack(sample['imgs'])
    if frames.dtype != np.uint8 or frames.shape[::3] != (CLIP_LEN, 3):
        raise AssertionError(f'read {frames.dtype} {frames.shape}')
    return sample


def make_dataset(cases: Sequence[Case], ann_file: Path,
                 backend: str) -> CheckedVideoDataset:
    """A data set of the cases, as a config would have it."""
    init_default_scope('mmaction')
    ann_file.write_text(''.join(f'{case.path} 0\n' for case in cases))
    return CheckedVideoDataset(str(ann_file), [
        dict(type='VideoInit', backend=backend),
        dict(type='SampleFrames', clip_len=CLIP_LEN, test_mode=True),
        dict(type='VideoDecode'), whole_clip
    ])


def outcomes_of(cases: Sequence[Case],
                dataset: CheckedVideoDataset) -> List[Outcome]:
    """Read every case, in a process apart."""

    def read_one(index: int) -> Outcome:
        if cases[index].kind == 'no permission' and os.geteuid() == 0:
            os.seteuid(NOBODY)  # nothing is locked to root
        try:
            return read(dataset, index)
        finally:
            os.seteuid(os.getuid())

    return list(sweep(read_one, range(len(cases))).values())


def is_allowed(case: Case, outcome: Outcome) -> bool:
    """Whether docs/robustness.md promises this outcome."""
    either = case.expected == 'either' and outcome.verdict in ('frames',
                                                               'error')
    return either or outcome.verdict == case.expected


def table(cases: Sequence[Case],
          outcomes: Dict[str, List[Outcome]]) -> Iterator[str]:
    """Markdown: files by kind, backend and verdict."""
    yield f'| kind | files | decoder | {" | ".join(VERDICTS)} |'
    yield '|---|' + '---|' * (2 + len(VERDICTS))
    kinds = list(dict.fromkeys(case.kind for case in cases))
    for kind in [*kinds, 'all']:
        chosen = [i for i, case in enumerate(cases) if kind in (case.kind,
                                                                'all')]
        for backend, results in outcomes.items():
            count = Counter(results[i].verdict for i in chosen)
            cells = ' | '.join(str(count[verdict]) for verdict in VERDICTS)
            yield f'| {kind} | {len(chosen)} | {backend} | {cells} |'


def resources() -> str:
    """Memory in MiB and open files of this process, as table cells."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    memory = pages * os.sysconf('SC_PAGE_SIZE') / 2**20
    return f'{memory:.1f} | {len(os.listdir("/proc/self/fd"))}'


def soak(dataset: CheckedVideoDataset, decodes: int) -> Iterator[str]:
    """Read in one process, over and over. Markdown: what it then holds."""

    def read_one(number: int) -> Outcome:
        outcome = read(dataset, number % len(dataset))
        # Every part of a round reads other files, so whole rounds compare.
        if number % len(dataset) == len(dataset) - 1:
            return Outcome(outcome.verdict, resources())
        return outcome

    outcomes = sweep(read_one, range(decodes))
    rounds = range(len(dataset) - 1, decodes, len(dataset))
    shown = sorted({rounds[i * (len(rounds) - 1) // 8] for i in range(9)})
    for number in shown:
        yield f'| {number + 1} | {outcomes[number].detail} |'
    lost = [x for x in outcomes.values() if x.verdict in ('crash', 'hang')]
    yield f'| processes lost | {len(lost)} | |'


def check(cases: Sequence[Case], dataset: CheckedVideoDataset,
          backend: str) -> List[Outcome]:
    """Read every case and print what was not promised."""
    outcomes = outcomes_of(cases, dataset)
    for case, outcome in zip(cases, outcomes):
        if not is_allowed(case, outcome):
            print(f'{backend}, {case.kind}: {outcome}')
    return outcomes


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--count', type=int, default=10,
                        help='damaged copies of each good clip and kind')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--decodes', type=int, default=0,
                        help='further reads in one process')
    parser.add_argument('--out', type=Path, help='Markdown file to write')
    return parser.parse_args()


def main() -> int:
    """Read, print, tell whether promises were kept."""
    args = parse_args()
    outcomes, lines = {}, []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cases = make_cases(Path(folder), args.count, args.seed)
        for backend in BACKENDS:
            dataset = make_dataset(cases, Path(folder, 'list.txt'), backend)
            outcomes[backend] = check(cases, dataset, backend)
            if args.decodes >= len(cases):
                lines += ['', f'| {backend}: reads | MiB | open files |',
                          '|---|---|---|', *soak(dataset, args.decodes)]
    command = (f'python tools/analysis_tools/fuzz_videos.py --count '
               f'{args.count} --seed {args.seed} --decodes {args.decodes}')
    text = '\n'.join([f'Made by `{command}`.', '', *table(cases, outcomes),
                      *lines, ''])
    print(text)
    if args.out:
        args.out.write_text(text)
    return int(not all(
        is_allowed(case, outcome) for results in outcomes.values()
        for case, outcome in zip(cases, results)))


if __name__ == '__main__':
    sys.exit(main())
