import builtins
import os
import pickle
from types import SimpleNamespace
from zipfile import ZipFile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import load_checkpoint
from torch import nn

from respike_mm.compat.mmengine_checkpoint import (_allow,
                                                   history_buffer_getattr)


class Payload:
    """Pickles as a call of ``function``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def save_and_load(content, folder):
    path = str(folder / 'checkpoint.pth')
    torch.save(content, path)
    return torch.load(path, weights_only=True)


def test_message_hub_survives_the_safe_unpickler(tmp_path):
    hub = MessageHub('compat_checkpoint')
    hub.update_scalar('train/loss', 0.5)
    hub.update_scalar('train/loss', torch.tensor(1.5))
    hub.update_scalar('val/hits', np.int64(3))
    hub.update_info('best_score', np.float64(0.25))
    path = str(tmp_path / 'checkpoint.pth')
    model = nn.Linear(2, 2)
    torch.save(
        dict(state_dict=model.state_dict(), message_hub=hub.state_dict()),
        path)

    # As mmengine does when it resumes or tests.
    loaded = load_checkpoint(nn.Linear(2, 2), path)['message_hub']

    buffer = loaded['log_scalars']['train/loss']
    assert type(buffer) is HistoryBuffer
    assert buffer.data[0].tolist() == [0.5, 1.5]
    assert buffer.statistics('mean') == 1.0
    assert loaded['log_scalars']['val/hits'].current() == 3
    assert loaded['runtime_info']['best_score'] == 0.25


@pytest.mark.parametrize('core', ['core', '_core'])
def test_either_numpy_may_have_written(core, tmp_path):
    content = [HistoryBuffer.mean, np.arange(2.), np.float32(2)]
    written, renamed = tmp_path / 'written.pth', tmp_path / 'renamed.pth'
    torch.save(content, written)
    present = np.array(0).__reduce__()[0].__module__
    with ZipFile(written) as source, ZipFile(renamed, 'w') as target:
        for name in source.namelist():
            target.writestr(
                name,
                source.read(name).replace(
                    present.encode(), f'numpy.{core}.multiarray'.encode()))

    mean, array, scalar = torch.load(renamed, weights_only=True)

    assert mean is HistoryBuffer.mean
    assert array.tolist() == [0., 1.] and scalar == 2


@pytest.mark.parametrize('payload', [
    Payload(os.system, 'true'),
    Payload(eval, '1'),
    Payload(getattr, HistoryBuffer, 'register_statistics'),
    Payload(getattr, HistoryBuffer, '__init__'),
    Payload(getattr, np.ndarray, 'mean'),
    Payload(getattr, HistoryBuffer(), 'mean'),
], ids=lambda payload: payload.call[0].__name__)
def test_anything_else_is_still_refused(payload, tmp_path):
    with pytest.raises(pickle.UnpicklingError):
        save_and_load(payload, tmp_path)


def test_a_payload_that_calls_what_getattr_served_is_refused(tmp_path):
    # getattr(getattr(HistoryBuffer, 'mean'), '__globals__')
    nested = Payload(getattr, Payload(getattr, HistoryBuffer, 'mean'),
                     '__globals__')
    with pytest.raises(pickle.UnpicklingError, match='refused'):
        save_and_load(nested, tmp_path)


def test_getattr_itself_is_not_allowed():
    allowed = torch.serialization.get_safe_globals()
    assert (history_buffer_getattr, 'builtins.getattr') in allowed
    assert builtins.getattr not in allowed
    assert not any(item[0] is builtins.getattr for item in allowed
                   if isinstance(item, tuple))


def test_nothing_is_done_where_torch_has_no_allow_list():
    _allow(SimpleNamespace())
