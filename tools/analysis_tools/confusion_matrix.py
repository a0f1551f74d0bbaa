"""Confusion matrix and per-class accuracy of dumped predictions.

    python tools/test.py CONFIG CHECKPOINT --dump predictions.pkl
    python tools/analysis_tools/confusion_matrix.py predictions.pkl \\
        --labels classes.txt --out confusion.png

The matrix is that of MMAction2's metric ``ConfusionMatrix``.
"""
import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import _common  # noqa: E402


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('predictions', type=Path,
                        help='the .pkl of tools/test.py --dump')
    parser.add_argument('--out', type=Path, required=True, help='a .png')
    parser.add_argument('--labels', type=Path, help='class names, one a line')
    parser.add_argument('--title', default='Confusion matrix')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if not args.predictions.is_file():
        raise SystemExit(f'{args.predictions} does not exist')
    _common.import_plugin()
    from mmaction.evaluation import ConfusionMatrix
    from mmengine.evaluator import Evaluator
    from mmengine.fileio import load

    from respike_mm.apis.class_names import read_class_names
    from respike_mm.evaluation.functional import average_clips
    from respike_mm.visualization.confusion_figures import (class_accuracy,
                                                            draw_confusion)
    predictions = load(args.predictions)
    for sample in predictions:
        scores = sample.get('pred_score')
        if scores is not None and scores.dim() == 2:
            # Of clips and crops apart; averaged as by VideoAccuracy.
            sample['pred_score'] = average_clips(scores, softmax=True)
    metrics = Evaluator(ConfusionMatrix()).offline_evaluate(predictions)
    matrix = metrics['confusion_matrix/result']
    try:
        names = read_class_names(args.labels, len(matrix))
    except ValueError as error:
        raise SystemExit(f'error: {error}') from None
    for name, accuracy, count in zip(names, class_accuracy(matrix),
                                     matrix.sum(1)):
        print(f'{accuracy:6.1f} % of {count:4d}  {name}')
    correct = 100 * matrix.diag().sum() / matrix.sum()
    title = (f'{args.title}: {correct:.1f} % of {matrix.sum()} samples '
             'are right')
    args.out.parent.mkdir(parents=True, exist_ok=True)
    draw_confusion(matrix, names, title).savefig(args.out, dpi=100)
    print(args.out)


if __name__ == '__main__':
    main()
