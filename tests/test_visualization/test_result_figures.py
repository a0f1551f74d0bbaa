import json

import pytest
import torch

from respike_mm.visualization.confusion_figures import (class_accuracy,
                                                        draw_confusion)
from respike_mm.visualization.curve_figures import (draw_curves, read_scalars,
                                                    series)

MATRIX = torch.tensor([[3, 1], [0, 2]])  # true, predicted


def test_confusion():
    assert class_accuracy(MATRIX).tolist() == [75, 100]
    figure = draw_confusion(MATRIX, ['a', 'b'], 'title')
    left, right = figure.axes[:2]
    assert left.images[0].get_array().tolist() == [[75, 25], [0, 100]]
    assert [text.get_text() for text in left.texts] == ['3', '1', '2']
    assert [bar.get_width() for bar in right.patches] == [75, 100]


ROWS = [dict(loss=2., lr=.1, iter=20, step=20), dict(loss=1., iter=40,
                                                     step=40),
        {'acc/top1': .5, 'step': 1}]


def test_curves(tmp_path):
    path = tmp_path / 'scalars.json'
    path.write_text(''.join(json.dumps(row) + '\n' for row in ROWS))
    rows = read_scalars(path)
    assert series(rows, 'loss') == ([20, 40], [2, 1])
    assert series(rows, 'acc/top1') == ([1], [.5])
    with pytest.raises(ValueError, match=r"'acc'.*\['acc/top1', 'loss'"):
        series(rows, 'acc')
    axes = draw_curves({'a': rows, 'b': rows}, ['loss', 'acc/top1'], '').axes
    assert [axis.get_xlabel() for axis in axes] == ['iteration', 'epoch']
    assert len(axes[0].lines) == 2
    path.write_text('{}\nnot json\n')
    with pytest.raises(ValueError, match='scalars.json:2'):
        read_scalars(path)
