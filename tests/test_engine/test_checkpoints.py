import os

import pytest
import torch

from respike_mm.engine import damage, latest_checkpoint


@pytest.fixture
def run(tmp_path):
    """Three checkpoints; the last is noted, as by CheckpointHook."""
    for epoch in (1, 2, 10):
        path = tmp_path / f'epoch_{epoch}.pth'
        torch.save(dict(weight=torch.full((1000, ), epoch)), path)
        os.utime(path, (epoch, epoch))
    torch.save({}, tmp_path / 'best_acc_epoch_2.pth')
    (tmp_path / 'last_checkpoint').write_text(str(path))
    return tmp_path


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_whole_checkpoint(run):
    said = []
    assert damage(run / 'epoch_10.pth') is None
    assert latest_checkpoint(run, said.append) == run / 'epoch_10.pth'
    assert not said


@pytest.mark.parametrize('harm, defect', [
    (cut, 'not a zip file'),
    (flip_a_bit, 'data/0 fails its checksum'),
    (lambda path: path.write_bytes(b''), 'not a zip file'),
    (lambda path: path.unlink(), 'No such file'),
])
def test_damaged_checkpoint_is_named_and_the_one_before_taken(
        run, harm, defect):
    harm(run / 'epoch_10.pth')
    said = []
    assert latest_checkpoint(run, said.append) == run / 'epoch_2.pth'
    warning, = said
    assert str(run / 'epoch_10.pth') in warning and defect in warning


@pytest.mark.parametrize('note', ['', 'cut/off/epoch_1'])
def test_torn_note(run, note):
    (run / 'last_checkpoint').write_text(note)
    assert latest_checkpoint(run, print) == run / 'epoch_10.pth'


def test_checkpoints_of_another_folder(run, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('work_dir')
    (work_dir / 'last_checkpoint').write_text(str(run / 'epoch_10.pth'))
    cut(run / 'epoch_10.pth')
    assert latest_checkpoint(work_dir, print) == run / 'epoch_2.pth'


def test_none_saved_yet(tmp_path):
    assert latest_checkpoint(tmp_path, print) is None


def test_none_whole(run):
    for path in run.glob('epoch_*'):
        cut(path)
    with pytest.raises(ValueError, match='no checkpoint in .* is whole'):
        latest_checkpoint(run, print)
