"""Which backend the neuron runs on, and that it says so."""
import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MMLogger
from spikingjelly.activation_based import surrogate as surrogates

from respike_mm.models.common import lif, lif_backend, lif_functional
from respike_mm.models.common.lif_backend import (TORCH, TRACED,
                                                  choose_backend)


class OnGPU(SimpleNamespace):
    """Looks like inputs of some time steps on a GPU."""
    is_cuda, device, dtype = True, torch.device('cuda', 0), torch.float16

    def __len__(self):
        return self.steps


@pytest.fixture(autouse=True)
def forgotten():
    lif_backend._on_gpu.cache_clear()
    yield
    lif_backend._on_gpu.cache_clear()


@pytest.fixture
def kernels(monkeypatch):
    """A stand-in for the kernels' module; counts its checks."""
    module = SimpleNamespace(checks=[], reason='')
    module.spikes = lambda x, params: lif_functional.lif_spikes(x, params)
    gradient = lif_functional.input_gradient
    module.input_gradient = lambda *args: 3 * gradient(*args)

    def objection(*args):
        module.checks.append(args)
        return module.reason

    module.objection = objection
    package = lif_backend.__package__
    monkeypatch.setitem(sys.modules, f'{package}.lif_triton', module)
    monkeypatch.setattr(sys.modules[package], 'lif_triton', module,
                        raising=False)
    return module


@pytest.fixture
def log(caplog):
    logger = MMLogger.get_instance('test_lif_backend')
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def test_cpu_tensors_stay_with_pytorch(kernels):
    assert choose_backend('auto', torch.zeros(3, 2),
                          surrogates.ATan) is TORCH
    assert choose_backend('torch', OnGPU(steps=3), surrogates.ATan) is TORCH
    assert not kernels.checks


def test_compilers_see_operations(kernels, monkeypatch):
    monkeypatch.setattr(torch.compiler, 'is_compiling', lambda: True)
    for name in lif_backend.BACKENDS:
        assert choose_backend(name, OnGPU(steps=3), surrogates.ATan) is TRACED
    assert not kernels.checks


def test_kernels_are_checked_once(kernels):
    for _ in range(2):
        backend = choose_backend('auto', OnGPU(steps=3), surrogates.ATan)
        assert backend.spikes is kernels.spikes
    assert kernels.checks == [
        (OnGPU.device, torch.float16, 3, surrogates.ATan)]


def test_fallback_is_logged_once(kernels, log):
    kernels.reason = 'no driver'
    for _ in range(2):
        assert choose_backend('auto', OnGPU(steps=3),
                              surrogates.ATan) is TORCH
    warnings = [r for r in log.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert 'no driver' in warnings[0].getMessage()
    assert 'cuda:0 for 3 steps of torch.float16' in warnings[0].getMessage()


def test_without_triton(monkeypatch, log):
    package = lif_backend.__package__
    monkeypatch.delattr(sys.modules[package], 'lif_triton', raising=False)
    monkeypatch.setitem(sys.modules, f'{package}.lif_triton', None)
    assert choose_backend('auto', OnGPU(steps=3), surrogates.ATan) is TORCH
    assert 'cannot be imported' in log.records[-1].getMessage()


def test_neuron_runs_both_passes_on_its_backend(kernels, monkeypatch):
    backend = lif_backend.Backend(kernels.spikes, kernels.input_gradient)
    monkeypatch.setattr(
        lif, 'choose_backend', lambda name, x, surrogate: backend
        if name == 'auto' and surrogate is surrogates.ATan else TORCH)
    grads = []
    for name in ('torch', 'auto'):
        x = torch.tensor([[0.5], [2.]], requires_grad=True)
        lif.LIFNeuron(backend=name)(x).sum().backward()
        grads.append(x.grad)
    torch.testing.assert_close(grads[1], 3 * grads[0])


def test_unknown_backend():
    with pytest.raises(ValueError, match="backend.*'auto'.*'cupy'"):
        lif.LIFNeuron(backend='cupy')
