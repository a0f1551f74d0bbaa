import errno
import os

import pytest
from mmengine.fileio import get_file_backend

from respike_mm.fileio import AtomicBackend


@pytest.fixture
def backend():
    backend = get_file_backend(backend_args=dict(backend='atomic'))
    assert isinstance(backend, AtomicBackend)
    return backend


def test_writes_bytes_and_text_into_new_folders(backend, tmp_path):
    backend.put(b'\0a', tmp_path / 'new/a')
    backend.put_text('µ', str(tmp_path / 'b'), encoding='latin-1')
    assert (tmp_path / 'new/a').read_bytes() == b'\0a'
    assert (tmp_path / 'b').read_bytes() == b'\xb5'
    assert sorted(os.listdir(tmp_path)) == ['b', 'new']


@pytest.mark.parametrize('failing', ['fsync', 'replace'])
def test_full_disk_leaves_the_old_file(backend, tmp_path, monkeypatch,
                                       failing):
    backend.put(b'old', tmp_path / 'a')

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match=r'cannot write .*/a \(3 bytes\): No '
                       'space left on device; nothing there was changed'):
        backend.put(b'new', tmp_path / 'a')
    assert os.listdir(tmp_path) == ['a']
    assert (tmp_path / 'a').read_bytes() == b'old'


def test_a_kill_leaves_the_old_file_and_the_next_attempt_works(
        backend, tmp_path, monkeypatch):
    """A killed process runs no handlers: its hidden file stays."""
    backend.put(b'old', tmp_path / 'a')
    (tmp_path / '.a.part').write_bytes(b'half of the n')
    assert (tmp_path / 'a').read_bytes() == b'old'
    backend.put(b'new', tmp_path / 'a')
    assert os.listdir(tmp_path) == ['a']
    assert (tmp_path / 'a').read_bytes() == b'new'
