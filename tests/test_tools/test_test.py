import pickle

import numpy as np
import pytest
from action_samples import label_of, restored, score_of
from mmengine.config import Config


def test_dumps_predictions(trained, tiny_config, tool, tmp_path, capfd):
    checkpoint = trained[0] / 'epoch_1.pth'
    dump = tmp_path / 'predictions.pkl'
    tool('test.py', tiny_config, checkpoint, '--work-dir', tmp_path, '--dump',
         dump)['main']()
    predictions = list(map(restored, pickle.loads(dump.read_bytes())))
    assert [int(label_of(sample)) for sample in predictions] == [0, 1, 2]
    scores = np.stack([score_of(sample) for sample in predictions])
    assert scores.shape == (3, 3)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    accuracy = (scores.argmax(1) == [0, 1, 2]).mean()
    assert f'acc/top1: {accuracy:.4f}' in capfd.readouterr().out


def test_saves_videos_with_predictions(trained, tiny_config, tool, tmp_path):
    """The config has no visualization hook: the option adds it."""
    tool('test.py', tiny_config, trained[0] / 'epoch_1.pth', '--work-dir',
         tmp_path, '--show-dir', tmp_path / 'shown')['main']()
    frames = sorted(tmp_path.glob('shown/**/*.png'))
    assert len(frames) == 3 * 2
    for label in range(3):
        assert sum(f'class{label}_0.mp4' in str(path) for path in frames) == 2


def test_show_options_reach_the_configs_own_hook(tool):
    test = tool('test.py', 'a.py', 'a.pth', '--show', '--interval', 5,
                '--wait-time', 0.5)
    hook = dict(type='OurVisualizationHook', enable=False)
    cfg = Config(dict(default_hooks=dict(visualization=hook)))
    test['apply_args'](cfg, test['parse_args']())
    assert cfg.default_hooks.visualization == dict(
        type='OurVisualizationHook',
        enable=True,
        show=True,
        out_dir=None,
        interval=5,
        wait_time=0.5)


@pytest.mark.parametrize('args, message', [
    (['tiny.py', 'none.pth'], 'checkpoint none.pth does not exist'),
    (['none.py', __file__], 'config none.py does not exist'),
])
def test_missing_files_are_named(tool, args, message):
    with pytest.raises(SystemExit, match=message):
        tool('test.py', *args)['main']()


def test_dump_must_be_a_pickle_file(tool, capsys):
    with pytest.raises(SystemExit):
        tool('test.py', 'a.py', 'a.pth', '--dump', 'a.json')['main']()
    assert 'a.json' in capsys.readouterr().err
