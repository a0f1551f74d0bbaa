import pytest
import torch
from tiny_respike import SMALLEST, settled, write_config


@pytest.fixture
def trained(tmp_path):
    checkpoint = tmp_path / 'weights.pth'
    torch.save(settled(**SMALLEST).state_dict(), checkpoint)
    return write_config(tmp_path / 'config.py'), checkpoint


def test_exports_and_checks(tool, trained, tmp_path, capsys):
    for name in ('onnx', 'onnxscript', 'onnxruntime', 'nir', 'nirtorch'):
        pytest.importorskip(name)
    out = tmp_path / 'exported'
    tool('deployment/export.py', *trained, '--out', out, '--formats', 'onnx',
         '--graphs', 'recognizer', 'streaming', 'nir', '--int8',
         'spikes')['main']()
    printed = capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == [
        'key_frame.onnx', 'recognizer.onnx', 'recognizer_int8.onnx',
        'snn_branch.nir', 'step.onnx']
    assert '2 segments of 3 frames, 32x32; ONNX opset 20' in printed
    assert printed.count('within 0.0001') == 3


@pytest.mark.parametrize('args, message', [
    (('--int8', 'all', '--formats', 'pt2'), 'in the format onnx'),
    (('--opset', 17), 'PyTorch writes 18 or later'),
])
def test_what_cannot_be_exported(tool, trained, args, message, capsys):
    with pytest.raises(SystemExit):
        tool('deployment/export.py', *trained, '--out', 'x', *args)['main']()
    assert message in capsys.readouterr().err


def test_int8_of_all_needs_training_clips(tool, trained, tmp_path):
    for name in ('onnx', 'onnxscript', 'onnxruntime'):
        pytest.importorskip(name)
    for given, match in (([], 'a train_dataloader.dataset with'),
                         (['--clips', 0], 'at least 1, got 0')):
        with pytest.raises(SystemExit, match=match):
            tool('deployment/export.py', *trained, '--out', tmp_path,
                 '--int8', 'all', '--graphs', 'recognizer', '--formats',
                 'onnx', *given)['main']()


def test_exit_status(tool, trained, tmp_path):
    """A tolerance that rounding breaks."""
    for name in ('nir', 'nirtorch'):
        pytest.importorskip(name)
    main = tool('deployment/export.py', *trained, '--out', tmp_path / 'out',
                '--graphs', 'nir', '--tolerance', '0')['main']
    with pytest.raises(SystemExit) as error:
        main()
    assert error.value.code == 1


@pytest.mark.parametrize('found, close', [
    ([[1., 0.], [0., 1.]], 2),
    ([[1., 0.], [5., 1.]], 2),  # the second clip as in float64
    ([[1., 0.], [2., 1.]], 1),  # as in neither
    ([[1., 5.], [5., 0.]], 0),  # no mixture within a clip
])
def test_every_clip_agrees_with_one_precision(tool, trained, found, close,
                                              capsys):
    report = tool('deployment/export.py', *trained, '--out', '.')['report']
    single = torch.tensor([[1., 0.], [0., 1.]])
    double = torch.tensor([[1., 0.], [5., 1.]]).double()
    good = report('x', torch.tensor(found), single, double, 1e-4)
    assert good is (close == 2)
    assert f'(within: {close} of 2 clips' in capsys.readouterr().out
