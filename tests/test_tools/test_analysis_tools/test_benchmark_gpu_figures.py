"""What a GPU session asks for, as far as a CPU can show it."""
from argparse import Namespace

import pytest
import torch
from _benchmark import machine
from _benchmark.capacity import largest_batch
from _benchmark.measure import counts, largest
from _benchmark.roofline import Roofline, roofline
from _benchmark.system import System
from _benchmark.systems import CLASSES
from torch import nn

FLOAT = 4


class Memory:
    """Holds so many clips and no more."""

    def __init__(self, clips):
        self.clips, self.tried = clips, []

    def run(self, batch):
        self.tried.append(batch)
        if batch > self.clips:
            raise torch.OutOfMemoryError


@pytest.mark.parametrize('clips', [0, 1, 2, 3, 37, 63, 64, 65, 100])
def test_largest_batch(clips):
    memory = Memory(clips)
    assert largest_batch(memory.run) == clips
    assert len(memory.tried) == len(set(memory.tried)) <= 14


@pytest.mark.parametrize('limit', [1, 7, 8])
def test_no_more_than_the_limit(limit):
    memory = Memory(1000)
    assert largest_batch(memory.run, limit) == limit
    assert max(memory.tried) <= limit


def test_other_errors_are_not_hidden():

    def run(batch):
        raise RuntimeError('misaligned address')

    with pytest.raises(RuntimeError, match='misaligned'):
        largest_batch(run)


def test_largest_batch_of_a_system():
    """Steps of growing batches; no gradients stay for the next system."""
    memory, model = Memory(150), nn.Linear(3, CLASSES)
    held = []

    def forward(model, clips):
        held.append(model.weight.grad is not None)
        memory.run(len(clips))
        return model(clips[:, 0, :, 0, 0])

    args = Namespace(frames=1, crop=4, batch=2, device='cpu', mode='train')
    assert largest(System('small', model, forward), args) == 150 > CLASSES
    assert memory.tried[:9] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert not any(held) and model.weight.grad is None


def linear_step(backward=True):
    """8 rows of 100 numbers to 300."""
    linear = nn.Linear(100, 300)
    x = torch.randn(8, 100, requires_grad=True)

    def step():
        out = linear(x)
        if backward:
            out.backward(torch.ones(8, 300))

    return step


PRODUCT = 2 * 8 * 100 * 300


def test_arithmetic_of_a_step_by_hand():
    """One product forward; for input and weight one each backward."""
    with Roofline(1e3, 1e30) as counted:
        linear_step(backward=False)()
    assert counted.flops == PRODUCT
    assert counted.seconds == pytest.approx(PRODUCT / 1e3)
    assert roofline(linear_step(), (1e3, 1e30)) == pytest.approx(
        3 * PRODUCT / 1e3)


def test_bytes_of_a_step_by_hand():
    """Views and what is only set aside cost nothing; writing in place is
    reading and writing."""
    moved = (800 + 30000 + 300 + 2400) * FLOAT
    assert roofline(linear_step(backward=False), (1e30, 1e3)) == (
        pytest.approx(moved / 1e3))
    x = torch.randn(10, 20)
    with Roofline(1e30, 1.) as counted:
        x.t().view(20, 10, 1).expand(20, 10, 50)
        torch.empty_like(x)
    assert counted.seconds == 0
    with Roofline(1e30, 1.) as counted:
        x.relu_()
    assert counted.seconds == 2 * 200 * FLOAT
    row = torch.randn(1, 20).expand(1000, 20)
    with Roofline(1e30, 1.) as counted:
        row.sum()
    assert counted.seconds == (20 + 1) * FLOAT


def test_the_slower_of_both_counts_for_every_operation():
    """A product that computes for long, then a sum that moves bytes."""
    a, b = torch.randn(50, 50), torch.randn(400)
    with Roofline(100., 10.) as counted:
        a @ a
        b.sum()
    product = max(2 * 50**3 / 100, 3 * 2500 * FLOAT / 10)
    assert product == 3000  # bytes
    assert counted.seconds == pytest.approx(product + 401 * FLOAT / 10)
    with Roofline(10., 10.) as counted:
        a @ a
    assert counted.seconds == pytest.approx(2 * 50**3 / 10)


def test_another_runtime_has_no_roofline():
    """PyTorch then sees no more than its inputs."""
    model = nn.Linear(3, 2)
    args = Namespace(frames=1, crop=4, batch=2, device='cpu', mode='test',
                     peak_tflops=1., peak_gbs=1.)
    hidden = System('hidden', model, lambda model, clips: clips[:, 0, 0, 0])
    seen = hidden._replace(
        forward=lambda model, clips: model(clips[:, 0, :, 0, 0]))
    assert counts(hidden, args) == {}
    assert counts(seen, args)['roofline_s'] > 0


@pytest.mark.parametrize('text, expected', [
    ('processor\t: 0\nmodel name\t: AMD EPYC 9B14\nflags\t: sse\n',
     'AMD EPYC 9B14'),
    ('processor\t: 0\nBogoMIPS\t: 50.00\n', 'aarch64')])
def test_name_of_the_processor(text, expected, tmp_path, monkeypatch):
    """ARM's file has none."""
    file = tmp_path / 'cpuinfo'
    file.write_text(text)
    monkeypatch.setattr(machine, 'CPUINFO', file)
    monkeypatch.setattr(machine.platform, 'processor', lambda: '')
    monkeypatch.setattr(machine.platform, 'machine', lambda: 'aarch64')
    assert machine.processor() == expected


def test_a_gpu_is_named_in_the_processors_place(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'get_device_name', 'GPU of {}'.format)
    found = machine.machine('cuda:1')
    assert machine.in_words(found) == 'GPU of cuda:1'
    assert found['processor'] == machine.processor()
    assert 'gpu' not in machine.machine('cpu')
