import pytest
import torch
import torch.nn.functional as F
from torch import nn

from respike_mm.models.common.attention import (Attention, CrossAttentionBlock,
                                                GEGLUFeedForward, attend)


def identity_attention(channels, head_channels):
    attn = Attention(channels, head_channels)
    for name, param in attn.named_parameters():
        nn.init.zeros_(param) if 'bias' in name else nn.init.eye_(param)
    return attn


def test_softmax_by_hand():
    """One head of width 1: scores q k / sqrt(1) on two context tokens."""
    attn = identity_attention(1, 1)
    x = torch.tensor([[[2.]]])
    context = torch.tensor([[[0.], [1.]]])
    e2 = torch.tensor(2.).exp()
    expected = torch.stack([1 / (1 + e2), e2 / (1 + e2)])
    torch.testing.assert_close(attn.weights(x, context).flatten(), expected)
    # Values 0 and 1: the output is the second weight.
    torch.testing.assert_close(attn(x, context).flatten(), expected[1:])


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_equals_float32(dtype):
    """By matrix products of its own on a CPU."""
    torch.manual_seed(0)
    narrow = [torch.randn(2, 3, n, 16, dtype=dtype).mul_(scale)
              .requires_grad_() for n, scale in ((5, 3), (7, 1), (7, 1))]
    wide = [x.detach().float().requires_grad_() for x in narrow]
    out, expected = attend(*narrow), F.scaled_dot_product_attention(*wide)
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), expected, rtol=.02, atol=.02)
    grad = torch.randn_like(expected)
    found = torch.autograd.grad(out, narrow, grad.to(dtype))
    for ours, theirs in zip(found, torch.autograd.grad(expected, wide, grad)):
        torch.testing.assert_close(ours.float(), theirs, rtol=.05, atol=.05)


def test_equals_loop_over_heads():
    torch.manual_seed(0)
    attn = Attention(8, 4, context_channels=6).double()
    x = torch.randn(3, 5, 8, dtype=torch.float64)
    context = torch.randn(3, 7, 6, dtype=torch.float64)
    q, k, v = attn.to_q(x), attn.to_k(context), attn.to_v(context)
    outs, maps = [], []
    for head in (slice(0, 4), slice(4, 8)):
        scores = torch.einsum('bld,bmd->blm', q[..., head], k[..., head]) / 2
        maps.append(scores.exp() / scores.exp().sum(-1, keepdim=True))
        outs.append(torch.einsum('blm,bmd->bld', maps[-1], v[..., head]))
    torch.testing.assert_close(
        attn(x, context), attn.to_out(torch.cat(outs, -1)))
    torch.testing.assert_close(attn.weights(x, context), torch.stack(maps, 1))


def test_queries_of_several_steps_share_a_context():
    torch.manual_seed(0)
    attn = Attention(8, 4, context_channels=6)
    x, context = torch.randn(2, 3, 5, 8), torch.randn(2, 7, 6)
    out, weights = attn(x, context), attn.weights(x, context)
    assert weights.shape == (2, 2, 3, 5, 7)
    for step in range(3):
        torch.testing.assert_close(out[:, step], attn(x[:, step], context))
        torch.testing.assert_close(weights[:, :, step],
                                   attn.weights(x[:, step], context))


def test_feed_forward_by_hand():
    """GEGLU: value times GELU of the gate; gate is the second half."""
    ff = GEGLUFeedForward(1, ratio=1)
    nn.init.zeros_(ff.proj_in.bias)
    nn.init.zeros_(ff.proj_out.bias)
    ff.proj_in.weight.data = torch.tensor([[2.], [1.]])
    ff.proj_out.weight.data = torch.tensor([[1.]])
    x = torch.tensor([[3.]])
    gelu = 3 * 0.5 * (1 + torch.erf(torch.tensor(3 / 2**0.5)))
    torch.testing.assert_close(
        ff(x, nn.Identity()), (6 * gelu).view(1, 1))


def test_feed_forward_equals_autograd():
    torch.manual_seed(0)
    ff = GEGLUFeedForward(3, ratio=2).double()
    norm = nn.LayerNorm(3).double()
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    grads = []
    for fused in (True, False):
        inputs = x.clone().requires_grad_()
        ff.zero_grad()
        norm.zero_grad()
        if fused:
            out = ff(inputs, norm)
        else:
            value, gate = ff.proj_in(norm(inputs)).chunk(2, dim=-1)
            out = ff.proj_out(value * F.gelu(gate))
        out.square().sum().backward()
        grads.append([out, inputs.grad, norm.weight.grad, norm.bias.grad,
                      *(p.grad for p in ff.parameters())])
    for ours, theirs in zip(*grads):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_block_treats_steps_apart():
    torch.manual_seed(0)
    block = CrossAttentionBlock(8, 6, 4)
    x, context = torch.randn(3, 2, 5, 8), torch.randn(2, 7, 6)
    out = block(x, context)
    assert out.shape == x.shape
    for step in range(3):
        torch.testing.assert_close(out[step], block(x[step:step + 1],
                                                    context)[0])
    # The key frame of one item does not reach the other.
    other = block(x, torch.stack([context[0], context[1] + 1]))
    torch.testing.assert_close(other[:, 0], out[:, 0])
    assert not torch.allclose(other[:, 1], out[:, 1])


def test_heads_must_fill_the_width():
    with pytest.raises(ValueError, match='set head_channels'):
        Attention(48, 32)
