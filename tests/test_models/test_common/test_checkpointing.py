import copy

import pytest
import torch
from mmaction.registry import MODELS
from small_respike import NECK, build
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode

from respike_mm.models import MSResNet
from respike_mm.models.backbones.ms_resnet import MSBasicBlock
from respike_mm.models.common.checkpointing import (CHECKPOINT_LEVELS,
                                                    checkpoint_blocks,
                                                    recompute, recomputes)
from respike_mm.models.common.made_again import recipe_of
from respike_mm.models.common.multi_step import NORM_MODES, norm_per_step

conv = torch.ops.aten.convolution.default


class CountConvolutions(TorchDispatchMode):
    """Counts convolutions that are computed, forward only."""
    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is conv
        return func(*args, **(kwargs or {}))


def spiking_block():
    torch.manual_seed(0)
    block = MSBasicBlock(4, 8, 2, 'avgpool', dict(type='LIFNeuron'),
                         dict(type='BN2d'), 'per_step')
    for norm in (block.conv1.norm, block.conv2.norm):
        nn.init.constant_(norm.bias, 0.5)
    return block


def membranes(dtype=torch.float32):
    torch.manual_seed(1)
    x = 2 * torch.randn(3, 2, 4, 8, 8, dtype=dtype)
    return x.requires_grad_()


def results(module, x, call):
    """Output, gradients and buffers of one training step."""
    out = call(module, x)
    out.float().square().sum().backward()
    return [out, x.grad, *(p.grad for p in module.parameters()),
            *module.buffers()]


def directly(module, x):
    return module(x)


def twice(module, x):
    return recompute(module, x, owner=module)


def twice_but_convolutions(module, x):
    return recompute(module, x, owner=module, keep_convolutions=True)


def test_levels_contain_one_another():
    assert [recomputes('neurons', part) for part in CHECKPOINT_LEVELS] == [
        True, True, True, False]
    with pytest.raises(ValueError, match='checkpoint must be one of'):
        recomputes('convolutions', 'all')


@pytest.mark.parametrize('amp', [False, True], ids=['float64', 'bfloat16'])
@pytest.mark.parametrize('call', [twice, twice_but_convolutions])
def test_same_numbers(call, amp):
    """Running statistics included: they move once, not twice."""
    dtype = torch.float32 if amp else torch.float64
    block = spiking_block().to(dtype)
    expected = copy.deepcopy(block)
    with torch.autocast('cpu', torch.bfloat16, enabled=amp):
        pair = zip(
            results(block, membranes(dtype), call),
            results(expected, membranes(dtype), directly))
        for ours, theirs in pair:
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert block.conv1.norm.num_batches_tracked == 3
    for param in block.parameters():
        assert param.grad.abs().sum() > 0


@pytest.mark.parametrize('call, again', [(twice, 3),
                                         (twice_but_convolutions, 0)])
def test_convolutions_of_the_second_run(call, again):
    block = spiking_block()
    with CountConvolutions() as forward:
        out = call(block, membranes())
    with CountConvolutions() as backward:
        out.sum().backward()
    assert (forward.count, backward.count) == (3, again)


def kept_bytes(function):
    """Distinct storages that autograd keeps, leaving out parameters."""
    kept = {}

    def pack(tensor):
        if not isinstance(tensor, nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()  # itself, an output would keep its own graph

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        out = function()
    del out  # only now: an address in use cannot be handed out twice
    return sum(kept.values())


@pytest.mark.parametrize('call, floats', [
    (twice, 3 * 2 * 4 * 64),
    (twice_but_convolutions, 3 * 2 * 4 * 64 + 3 * (3 * 2 * 8 * 16)),
])
def test_keeps_the_input_and_what_it_is_told_to(call, floats):
    """The block's input, and the outputs of its three convolutions."""
    block, x = spiking_block(), membranes()
    assert kept_bytes(lambda: call(block, x)) == 4 * floats
    assert kept_bytes(lambda: block(x)) > 4 * floats


def test_recipes_end_where_a_checkpoint_begins():
    x = norm_per_step(membranes(), nn.BatchNorm2d(4))
    assert recipe_of(x)
    twice(spiking_block(), x)
    assert not recipe_of(x)


@pytest.mark.parametrize('norm_mode', NORM_MODES)
def test_levels_of_the_spiking_branch(norm_mode):
    """At every level batch norm in front of neurons is made again, so that
    `neurons` has little to add; `all` leaves out the convolutions too."""
    x = torch.randn(3, 2, 3, 32, 32)
    kept = {}
    for level in ('none', 'neurons', 'all'):
        net = MSResNet(base_channels=4, checkpoint=level, norm_mode=norm_mode)
        kept[level] = kept_bytes(lambda: net(x))
    assert kept['none'] == pytest.approx(kept['neurons'], rel=0.1)
    assert kept['none'] > 1.5 * kept['all']


def channels_last(*shape):
    """As maps are inside the network."""
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


def test_attention_level_keeps_the_maps_that_are_fused():
    """Two a fusion block; what other parts keep stays the same."""
    clip = torch.randn(1, 1, 2, 4, 3, 32, 32)
    pairs = []  # spiking and key-frame map of every stage
    for size, channels in zip((8, 4, 2, 1), (8, 16, 32, 64)):
        spiking, key = (
            channels_last(batch, channels, size, size) for batch in (6, 2))
        pairs.append((spiking.unflatten(0, (3, 2)).requires_grad_(),
                      key.requires_grad_()))
    in_blocks, elsewhere = {}, {}
    for level in ('none', 'attention'):
        # Pooled, the spiking map would be kept at the second level alone.
        model = build(
            checkpoint=level, neck={**NECK, 'reductions': (1, 1, 1, 1)})
        in_blocks[level] = sum(
            kept_bytes(lambda: model.neck(*pair, stage))
            for stage, pair in enumerate(pairs))
        elsewhere[level] = (
            kept_bytes(lambda: model(clip, stage='head')) - in_blocks[level])
    assert in_blocks['attention'] == sum(y.nbytes for y in sum(pairs, ()))
    assert in_blocks['none'] > 10 * in_blocks['attention']
    assert elsewhere['none'] == elsewhere['attention']


def test_levels_of_the_papers_network():
    """MiB that a clip of 16 frames of 224x224 adds, against those aimed for.

    They grow with the area, but for the head's pooled features (40 kB), which
    crops of 64x64 scaled up count 12 times: exact within 0.5 MiB.
    """
    found = []
    for level in CHECKPOINT_LEVELS:
        model = MODELS.build(dict(
            type='HybridReSpike',
            backbone=dict(type='ResNet', depth=50),
            snn_backbone=dict(type='MSResNet'),
            neck=dict(type='CrossAttentionNeck'),
            cls_head=dict(type='ReSpikeHead', num_classes=101),
            checkpoint=level))
        one, two = (
            kept_bytes(lambda: model(torch.randn(clips, 1, 4, 4, 3, 64, 64),
                                     stage='head')) for clips in (1, 2))
        found.append((two - one) / 2**20 * (224 / 64)**2)
    assert 620 > found[0] > found[1] > found[2] > found[3]
    assert 250 > found[3]


def test_dropout_drops_the_same():
    """y = exp(dropout(x)): the gradient is 2 y, or 0 where x was dropped."""
    torch.manual_seed(0)
    dropout = nn.Dropout(0.5)
    x = torch.rand(100, requires_grad=True)
    y = recompute(lambda x: dropout(x).exp(), x, owner=dropout)
    torch.rand(3)  # the generator moves on before the backward pass
    state = torch.get_rng_state()
    y.sum().backward()
    assert 0 < (y == 1).sum() < 100
    torch.testing.assert_close(x.grad, torch.where(y == 1, 0., 2 * y))
    assert torch.equal(torch.get_rng_state(), state)


class Two(nn.Module):
    """Gives a tuple; frozen in part."""

    def __init__(self, trainable):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 4, 3)
        self.second = nn.Conv2d(4, 4, 3)
        for name, param in self.named_parameters():
            param.requires_grad = name in trainable

    def forward(self, x):
        x = self.first(x).sigmoid()
        return x.exp(), (self.second(x).exp(), 'no tensor')


@pytest.mark.parametrize('used', [(0, ), (1, ), (0, 1)])
@pytest.mark.parametrize('trainable', [('first.weight', ), ('first.bias', ),
                                       ('second.bias', ), ()], ids=str)
def test_several_outputs_and_frozen_parameters(trainable, used):
    grads = []
    for call in (directly, twice_but_convolutions):
        block = Two(trainable)
        x = torch.rand(2, 3, 6, 6)
        first, (second, text) = call(block, x)
        assert text == 'no tensor'
        loss = sum((first, second)[i].sum() for i in used)
        if loss.requires_grad:
            loss.backward()
        grads.append([p.grad for p in block.parameters()])
    assert all(
        ours is theirs is None or torch.equal(ours, theirs)
        for ours, theirs in zip(*grads))
    assert (grads[0][0] is not None) == ('first.weight' in trainable)


def test_second_backward_pass():
    block, x = spiking_block(), membranes()
    out = twice_but_convolutions(block, x).sum()
    first, = torch.autograd.grad(out, x, retain_graph=True)
    second, = torch.autograd.grad(out, x)
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_without_gradients_nothing_is_kept_or_repeated():
    block = spiking_block()
    with torch.no_grad(), CountConvolutions() as counted:
        out = twice_but_convolutions(block, membranes())
    assert not out.requires_grad and counted.count == 3


@pytest.fixture
def process_group():
    distributed.init_process_group(
        'gloo', store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize('level', ['neurons', 'all'])
def test_distributed_training(level, process_group):
    torch.manual_seed(0)
    x = torch.randn(3, 2, 3, 32, 32, dtype=torch.float64)
    net = MSResNet(base_channels=4, checkpoint=level).double()
    plain = MSResNet(base_channels=4).double()
    plain.load_state_dict(net.state_dict())
    expected = results(plain, x, directly)
    replica = DistributedDataParallel(net)
    for ours, theirs in zip(results(net, x, lambda net, x: replica(x)),
                            expected):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


class Residual(nn.Module):

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Sequential(nn.Conv2d(channels, channels, 1))

    def forward(self, x):
        return x + self.conv(self.norm(x).relu())


def backbone():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.Sequential(Residual(4), Residual(4)))


def test_blocks_of_a_backbone():
    """Each keeps its input alone; names stay, and copies are their own."""
    net, plain = backbone(), backbone()
    checkpoint_blocks(net)
    assert net.state_dict().keys() == plain.state_dict().keys()
    assert [type(m.forward).__name__ for m in (net[0], *net[1])] == [
        'method', 'RecomputedForward', 'RecomputedForward']
    twin = copy.deepcopy(net)
    x = torch.randn(2, 3, 8, 8)
    assert kept_bytes(lambda: net(x)) == 4 * (2 * 3 * 64 + 2 * (2 * 4 * 36))
    for ours, theirs in zip(results(twin, x, directly),
                            results(plain, x, directly)):
        torch.testing.assert_close(ours, theirs)
    assert all(p.grad is None for p in net.parameters())
    assert twin[1][0].norm.num_batches_tracked == 1


def test_a_graph_is_one_block():
    traced = torch.fx.symbolic_trace(backbone())
    checkpoint_blocks(traced)
    assert traced.state_dict().keys() == backbone().state_dict().keys()
    x = torch.randn(2, 3, 8, 8)
    assert kept_bytes(lambda: traced(x)) == x.nbytes
    torch.testing.assert_close(traced(x), backbone()(x))


class Fills(nn.Module):
    """Writes into its convolution's output, which twice is not once, and
    into the list that it is given."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, maps):
        maps[0] = nn.functional.silu(self.conv(maps[0]), inplace=True)
        maps.append(maps[0] + maps[1])
        return maps[-1].square()


@pytest.mark.parametrize('call', [twice, twice_but_convolutions])
def test_what_is_written_into_is_made_again(call):
    torch.manual_seed(0)
    block, x = Fills(), torch.randn(1, 3, 4, 4)
    grads = []
    for way in (directly, call):
        maps = [x.clone().requires_grad_(), x]
        given = list(maps)
        way(block, given).sum().backward()
        given.clear()
        grads.append([maps[0].grad, *(p.grad.clone()
                                      for p in block.parameters())])
        block.zero_grad()
    for ours, theirs in zip(*grads):
        assert torch.equal(ours, theirs)


def test_maps_that_hooks_take():
    """Their gradients reach the block past the tensors that it returns."""
    torch.manual_seed(0)
    grads = []
    for call in (directly, twice_but_convolutions):
        torch.manual_seed(0)
        block, taken = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Tanh()), []
        block[0].register_forward_hook(
            lambda module, args, out: taken.append(out))
        call(block, torch.ones(1, 3, 2, 2))
        taken[0].square().sum().backward()
        grads.append(block[0].weight.grad)
    assert torch.equal(*grads)
