import pytest
import torch
import torch.nn.functional as F

from respike_mm.models import CrossAttentionNeck
from respike_mm.models.common.fusion_block import pool_map

SMALL = dict(
    in_channels=(8, 16),
    context_channels=(4, 6),
    reductions=(2, 1),
    stages=(0, 1),
    head_channels=4,
    num_groups=4)


def randomised(**options):
    """A neck whose fusion does something: its last layer starts at zero."""
    torch.manual_seed(0)
    neck = CrossAttentionNeck(**{**SMALL, **options})
    for block in neck.blocks.values():
        torch.nn.init.normal_(block.proj_out.weight)
    return neck


def maps(size=8):
    torch.manual_seed(1)
    return torch.randn(3, 2, 8, size, size), torch.randn(2, 4, size, size)


def test_starts_as_the_identity():
    x, context = torch.randn(3, 2, 16, 4, 4), torch.randn(2, 6, 4, 4)
    out = CrossAttentionNeck(**SMALL)(x, context, stage=1)
    torch.testing.assert_close(out, x, rtol=0, atol=0)


@pytest.mark.parametrize('size', [8, 7])
def test_identity_path_with_reduction(size):
    """The authors' way pools the identity too; ours need not."""
    x, context = maps(size)
    pooled = F.avg_pool2d(
        x.flatten(0, 1), 2, ceil_mode=True, count_include_pad=False)
    blurred = F.interpolate(pooled, (size, size), mode='bilinear')
    out = CrossAttentionNeck(**SMALL)(x, context, 0)
    torch.testing.assert_close(out, blurred.view_as(x))
    full = CrossAttentionNeck(**SMALL, full_resolution_identity=True)
    torch.testing.assert_close(full(x, context, 0), x, rtol=0, atol=0)


def test_both_identity_paths_add_the_same_attention():
    x, context = maps()
    faithful = randomised()(x, context, 0)
    full = randomised(full_resolution_identity=True)(x, context, 0)
    blurred = F.interpolate(
        F.avg_pool2d(x.flatten(0, 1), 2), (8, 8), mode='bilinear').view_as(x)
    torch.testing.assert_close(faithful - blurred, full - x,
                               rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('options', [
    {}, dict(full_resolution_identity=True), dict(checkpoint='attention')])
def test_a_remembered_key_frame(options):
    """Keys and values stand for the map they came from, to the bit."""
    neck, (x, context) = randomised(**options), maps()
    memory = neck.remember(context, 0)
    assert [y.shape for y in memory] == [(2, 2, 16, 4)] * 2
    with neck.record_attention() as expected:
        fused = neck(x, context, 0)
    with neck.record_attention() as weights:
        assert torch.equal(neck(x, memory, 0), fused)
    assert torch.equal(weights[0], expected[0])
    assert (neck(x, neck.remember(-context, 0), 0) - fused).abs().max() > .01


def test_nothing_to_remember_where_nothing_fuses():
    assert randomised(stages=(0, )).remember(torch.zeros(2, 6, 4, 4), 1) == ()


def test_pooling_by_hand():
    x = torch.arange(9.).view(1, 1, 3, 3)
    # Cells: {0,1,3,4}, {2,5}, {6,7}, {8}
    assert pool_map(x, 2).flatten().tolist() == [2., 3.5, 6.5, 8.]


def test_reads_the_key_frame():
    x, context = maps()
    neck = randomised()
    assert not torch.allclose(neck(x, context, 0), neck(x, -context, 0))


def test_skipped_stage():
    neck = CrossAttentionNeck(**{**SMALL, 'stages': (1, )})
    x, context = maps()
    assert neck(x, context, 0) is x
    assert list(neck.blocks) == ['1']


def test_recorded_attention():
    neck, (x, context) = randomised(), maps()
    with neck.record_attention() as recorded:
        out = neck(x, context, 0)
    assert recorded.keys() == {0}
    weights = recorded[0]  # [S, N, heads, L, M]; 8x8 map pooled to 4x4
    assert weights.shape == (3, 2, 2, 16, 16)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 2, 16))
    # Recording changes nothing and ends with the block.
    torch.testing.assert_close(neck(x, context, 0), out, rtol=0, atol=0)
    assert not neck.blocks['0'].block.cross_attn._forward_hooks


def test_recorded_attention_of_a_recomputed_block():
    """The recording may end before the backward pass runs the block again."""
    neck, (x, context) = randomised(checkpoint='attention'), maps()
    with neck.record_attention() as recorded:
        out = neck(x, context, 0)
    assert not recorded[0].requires_grad
    out.sum().backward()
    assert neck.blocks['0'].proj_in.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('amp', [False, True])
def test_checkpointing_keeps_every_gradient(amp):
    x, context = maps()
    grads = []
    for checkpoint in ('none', 'attention'):
        neck = randomised(checkpoint=checkpoint).train()
        with torch.autocast('cpu', torch.bfloat16, enabled=amp):
            out = neck(x, context, 0)
        out.float().square().sum().backward()
        grads.append(
            {k: v.grad for k, v in neck.blocks['0'].named_parameters()})
    for name, grad in grads[0].items():
        assert grad is not None and grad.abs().sum() > 0, name
        torch.testing.assert_close(grads[1][name], grad)


@pytest.mark.parametrize('options, message', [
    (dict(reductions=(2, )), 'one value per stage'),
    (dict(stages=(0, 2)), 'no such stages'),
    (dict(num_groups=3), 'set num_groups'),
    (dict(head_channels=5), 'set head_channels'),
    (dict(checkpoint='some'), 'checkpoint must be one of'),
])
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        CrossAttentionNeck(**{**SMALL, **options})
