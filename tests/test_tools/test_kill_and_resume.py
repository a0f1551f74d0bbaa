"""The tool that kills training runs; twenty kills are for the command line."""
import pytest
import torch


@pytest.fixture
def main(tool, monkeypatch, tmp_path):
    """The tool, started so that it forks from this process."""

    def call(*args):
        module = tool('analysis_tools/kill_and_resume.py', *args)
        with pytest.raises(SystemExit) as end:
            module['main']()
        return end.value.code

    return call


def test_killed_run_ends_in_the_same_bits(main, tmp_path):
    out = tmp_path / 'out/resume.md'
    assert main('--kills', 2, '--epochs', 3, '--work-dir', tmp_path / 'runs',
                '--out', out) == 0
    text = out.read_text()
    assert 'Kills: 2, in runs: ' in text and '.pth.part |' in text
    assert 'epochs 3 --seed 0`' in text
    # It was killed indeed: a new log for every start.
    logs = list((tmp_path / 'runs/run1').glob('*/*.log'))
    assert len(logs) > 1


def test_one_bit_is_found(tool, tmp_path):
    differences = tool('analysis_tools/kill_and_resume.py')['differences']
    weight = torch.tensor([1., 2.])
    state = {0: dict(momentum_buffer=torch.ones(2))}

    def save(name, **weights):
        torch.save(dict(state_dict=weights, optimizer=dict(state=state)),
                   tmp_path / name)

    save('a', weight=weight)
    save('b', weight=torch.nextafter(weight, weight + 1))
    save('c', weight=weight, more=weight)
    assert differences(tmp_path / 'a', tmp_path / 'a') == []
    assert differences(tmp_path / 'a', tmp_path / 'b') == ['weight']
    assert differences(tmp_path / 'a', tmp_path / 'c') == ['more']
