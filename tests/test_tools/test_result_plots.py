import json
import pickle

import pytest
import torch
from action_samples import labelled

from respike_mm.structures import set_scores


@pytest.mark.parametrize('clips', [(), (2, )], ids=['averaged', 'apart'])
def test_confusion_matrix_of_dumped_predictions(clips, tool, tmp_path, capsys):
    scores = torch.eye(3).expand(*clips, 3, 3)
    samples = [set_scores(labelled(label),
                          scores[..., predicted, :]).to_dict()
               for label, predicted in ((0, 0), (0, 1), (1, 1), (2, 2))]
    path = tmp_path / 'predictions.pkl'
    path.write_bytes(pickle.dumps(samples))
    labels = tmp_path / 'labels.txt'
    labels.write_text('jump\nrun\nsit\n')
    out = tmp_path / 'new/c.png'
    tool('analysis_tools/confusion_matrix.py', path, '--out', out, '--labels',
         labels)['main']()
    assert out.read_bytes().startswith(b'\x89PNG')
    printed = capsys.readouterr().out
    assert '50.0 % of    2  jump' in printed
    assert '100.0 % of    1  run' in printed
    labels.write_text('jump\n')
    with pytest.raises(SystemExit, match='names 1 classes, the model has 3'):
        tool('analysis_tools/confusion_matrix.py', path, '--out', out,
             '--labels', labels)['main']()


def test_curves_of_a_work_dir(tool, tmp_path):
    run = tmp_path / 'run'
    for start, loss in (('2024', 1.), ('2025', 2.)):
        folder = run / start / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text(
            json.dumps(dict(loss=loss, iter=1, step=1)) + '\n')
    out = tmp_path / 'c.png'
    functions = tool('analysis_tools/plot_curves.py', out, run, '--keys',
                     'loss')
    assert functions['scalars_of'](run).parts[-3] == '2025'
    functions['main']()
    assert out.read_bytes().startswith(b'\x89PNG')
    for args, match in (((run, ), "no scalar 'acc/top1'"),
                        ((tmp_path / 'x', ), 'holds no')):
        with pytest.raises(SystemExit, match=match):
            tool('analysis_tools/plot_curves.py', out, *args)['main']()
