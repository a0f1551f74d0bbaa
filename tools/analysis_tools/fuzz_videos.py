"""Read damaged and unusual videos, generated here, with both decoders.

``python tools/analysis_tools/fuzz_videos.py`` prints a table: what came of
every kind of file. The exit status is 1 if any outcome is one that
docs/robustness.md does not promise. ``--decodes N`` then reads ``N`` more
times in one process and prints its memory and open files.
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
    """Memory and open files of this process, now."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    memory = pages * os.sysconf('SC_PAGE_SIZE') / 2**20
    return f'{memory:.1f} MiB, {len(os.listdir("/proc/self/fd"))} files'


def soak(dataset: CheckedVideoDataset, decodes: int) -> None:
    """Read in one process, over and over, and print what it holds."""
    print(f'{decodes} reads of {len(dataset)} files:', flush=True)

    def read_one(number: int) -> Outcome:
        outcome = read(dataset, number % len(dataset))
        if number % (decodes // 10) == 0 or number == decodes - 1:
            print(f'  after {number + 1:5}: {resources()}', flush=True)
        return outcome

    lost = [x for x in sweep(read_one, range(decodes)).values()
            if x.verdict in ('crash', 'hang')]
    print(f'  processes lost: {len(lost)}', flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=10,
                        help='damaged copies of each good clip and kind')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--decodes', type=int, default=0)
    args = parser.parse_args()
    status, outcomes = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        cases = make_cases(Path(folder), args.count, args.seed)
        for backend in BACKENDS:
            dataset = make_dataset(cases, Path(folder, 'list.txt'), backend)
            outcomes[backend] = outcomes_of(cases, dataset)
            for case, outcome in zip(cases, outcomes[backend]):
                if not is_allowed(case, outcome):
                    status = 1
                    print(f'{backend}, {case.kind}: {outcome}')
            if args.decodes:
                soak(dataset, args.decodes)
    print('\n'.join(table(cases, outcomes)))
    return status


if __name__ == '__main__':
    sys.exit(main())
