import copy
from types import SimpleNamespace

import pytest
import torch
from mmaction.registry import HOOKS
from mmengine.model import is_model_wrapper
from mmengine.registry import MODEL_WRAPPERS
from small_respike import clips
from tiny_respike import SMALLEST, settled
from torch import nn

from respike_mm.structures import scores_of


class Doubler(nn.Module):
    """Has a method besides ``forward``."""

    def __init__(self, weight=2.):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def scale(self, x):
        return x * self.weight


class Backend:
    """Counts what it is given to compile, and runs it as it is."""
    graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return graph.forward


@pytest.fixture
def backend():
    torch._dynamo.reset()
    yield Backend()
    torch._dynamo.reset()


def start(model, phase='train', **options):
    hook = HOOKS.build(dict(type='CompileHook', **options))
    getattr(hook, f'before_{phase}')(SimpleNamespace(model=model))
    return hook


def test_compiles_the_method_for_training_alone(backend):
    model = Doubler()
    start(model, method='scale', backend=backend)
    x = torch.ones(3)
    assert torch.equal(model.eval().scale(x), 2 * x) and not backend.graphs
    assert torch.equal(model.train().scale(x), 2 * x)
    assert torch.equal(model.scale(3 * x), 6 * x)
    assert backend.graphs == 1
    assert list(model.state_dict()) == ['weight']


def test_phases(backend):
    """Training, then validation, then testing of one runner."""
    model = Doubler()
    hook = start(model, method='scale', backend=backend,
                 phases=['train', 'test'])
    runner, x = SimpleNamespace(model=model), torch.ones(3)
    hook.before_val(runner)
    assert torch.equal(model.eval().scale(x), 2 * x) and not backend.graphs
    assert torch.equal(model.train().scale(x), 2 * x) and backend.graphs == 1
    hook.before_test(runner)
    with torch.no_grad():
        assert torch.equal(model.eval().scale(x), 2 * x)
    assert backend.graphs == 2
    # Where nothing is compiled, nothing is asked of the model.
    start(Doubler(), 'val', phases=['test'])
    with pytest.raises(ValueError, match="Doubler.*'forward_branches'"):
        start(Doubler(), 'test', phases=['test'])


def test_evaluation_is_one_graph_with_the_same_scores(backend):
    model = settled(**SMALLEST)
    expected = [scores_of(x) for x in model.test_step(clips(2))]
    start(model, 'test', phases=['test'], backend=backend, fullgraph=True)
    with torch.no_grad():
        found = [scores_of(x) for x in model.test_step(clips(2))]
    assert backend.graphs == 1
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert expected[0].std() > 1e-2


def test_a_copy_runs_on_its_own_weights(backend):
    """What EMA averages and evaluates."""
    model = Doubler()
    start(model, method='scale', backend=backend)
    twin = copy.deepcopy(model)
    nn.init.constant_(twin.weight, 5.)
    for mode in (True, False):
        assert twin.train(mode).scale(torch.ones(1)) == 5
        assert model.train(mode).scale(torch.ones(1)) == 2


class Wrapper(nn.Module):
    """Stands in for what distributes a model."""

    def __init__(self, module):
        super().__init__()
        self.module = module


def test_unwraps_distributed_models(backend, monkeypatch):
    monkeypatch.setitem(MODEL_WRAPPERS.module_dict, 'Wrapper', Wrapper)
    wrapper = Wrapper(Doubler())
    assert is_model_wrapper(wrapper)
    start(wrapper, method='scale', backend=backend)
    wrapper.module.scale(torch.ones(1))
    assert backend.graphs == 1


@pytest.mark.parametrize('phases', [(), ('train', 'predict')])
def test_phases_that_do_not_exist(phases):
    with pytest.raises(ValueError, match='phases .* train, val and test'):
        HOOKS.build(dict(type='CompileHook', phases=phases))


def test_model_without_the_method():
    with pytest.raises(ValueError, match="Doubler.*'forward_branches'"):
        start(Doubler())
