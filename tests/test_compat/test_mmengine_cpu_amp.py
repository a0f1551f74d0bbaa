import warnings
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import AmpOptimWrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper
from torch import nn

from respike_mm.compat import mmengine_cpu_amp

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason='is about machines without a GPU')


def make_wrapper(model, **kwargs):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return AmpOptimWrapper(optimizer=optimizer, **kwargs)


@pytest.mark.parametrize('loss_scale', ['dynamic', 512., dict(init_scale=2.)])
def test_a_step_on_a_cpu(loss_scale):
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        wrapper = make_wrapper(
            model, loss_scale=loss_scale, clip_grad=dict(max_norm=100.))

    with wrapper.optim_context(model):
        output = model(torch.full((1, 1), 2.))
    assert output.dtype == torch.bfloat16
    wrapper.update_params(output.sum())

    # The gradient is 2, whatever the scale: the scaler is off.
    assert model.weight.item() == 1 - 0.5 * 2


def test_state_returns():
    wrapper = make_wrapper(nn.Linear(1, 1))
    state = wrapper.state_dict()
    make_wrapper(nn.Linear(1, 1)).load_state_dict(state)
    assert not wrapper.loss_scaler.is_enabled()


def test_other_devices_are_asked_as_before(monkeypatch):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'mps')
    with pytest.raises(AssertionError, match='only available training'):
        make_wrapper(nn.Linear(1, 1))


def test_other_scalers_are_left_alone():
    scaler = object()
    module = SimpleNamespace(
        is_cuda_available=lambda: True, GradScaler=scaler)
    mmengine_cpu_amp._patch(module)
    assert module.GradScaler is scaler


def test_patching_again_changes_nothing():
    before = dict(vars(amp_optimizer_wrapper))
    mmengine_cpu_amp.apply()
    assert dict(vars(amp_optimizer_wrapper)) == before
