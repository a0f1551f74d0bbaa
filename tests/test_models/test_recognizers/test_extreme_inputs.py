"""Losses and gradients of extreme clips in every precision."""
import pytest
import torch
from action_samples import labelled
from mmengine.optim import build_optim_wrapper
from tiny_respike import respike

from respike_mm.engine.hooks.non_finite_loss_hook import (first_non_finite,
                                                          is_finite)

STRIDES = (2, 4, 16)


def noise(shape):
    return torch.randint(
        0, 256, shape, generator=torch.Generator().manual_seed(0))


def flicker(shape):
    """Black and white chessboards in turn: residuals of -255 and 255."""
    place = sum(torch.arange(n).view(-1, *[1] * i)
                for i, n in enumerate(reversed(shape)) if i in (0, 1, 3))
    return 255 * (place % 2).expand(shape).contiguous()


CLIPS = {
    'noise': noise,
    'flicker': flicker,
    'static': lambda shape: noise(shape)[:, :, :1].expand(shape).clone(),
    'black': torch.zeros,
    'white': lambda shape: torch.full(shape, 255),
}


def batch(kind, stride, size=64):
    """Two videos, ``[V=1, K, s, 3, H, W]`` each, of 16 frames.

    The second is the first upside down: batch norm over two equal maps of
    one pixel would divide by its epsilon alone.
    """
    shape = (1, 16 // stride, stride, 3, size, size)
    frames = CLIPS[kind](shape).short()
    frames[:, :, 1:] -= frames[:, :, :1]
    return dict(
        inputs=[frames, frames.flip(-2)],
        data_samples=[labelled(0), labelled(1)])


def test_clips_are_what_they_are_called():
    flickering = batch('flicker', 4)['inputs'][0]
    assert flickering[:, :, 1::2].unique().tolist() == [-255, 255]
    assert not batch('static', 4)['inputs'][0][:, :, 1:].any()


@pytest.mark.parametrize('wrapper', [
    dict(type='OptimWrapper'),
    dict(type='AmpOptimWrapper', dtype='bfloat16'),
], ids=['float32', 'bfloat16'])
@pytest.mark.parametrize('stride', STRIDES)
@pytest.mark.parametrize('kind', CLIPS)
def test_a_training_step_stays_finite(kind, stride, wrapper):
    model = respike().train()
    wrapper = build_optim_wrapper(
        model, dict(optimizer=dict(type='SGD', lr=0.01), **wrapper))
    assert is_finite(model.train_step(batch(kind, stride), wrapper))
    assert all(is_finite(p.grad) for p in model.parameters())
    assert is_finite(model.state_dict())


@pytest.mark.parametrize('stride', STRIDES)
@pytest.mark.parametrize('kind', CLIPS)
def test_loss_is_finite_in_float16(kind, stride):
    """MMEngine steps in float16 on a GPU only; there its scaler leaves out
    steps whose gradients overflow."""
    model = respike().train()
    data = model.data_preprocessor(batch(kind, stride), training=True)
    with torch.autocast('cpu', torch.float16), torch.no_grad():
        assert is_finite(model(**data, mode='loss'))


@pytest.mark.parametrize('frame, layer', [(0, 'backbone.'),
                                          (1, 'snn_backbone.')])
def test_nan_is_traced_to_the_branch_that_it_entered(frame, layer):
    model = respike().eval()
    data = model.data_preprocessor(batch('noise', 4), training=False)
    data['inputs'][0, 0, 0, frame] = float('nan')
    with torch.no_grad():
        loss = model(**data, mode='loss')['loss_cls']
        name = first_non_finite(model, lambda: model(**data, mode='loss'))
    assert torch.isnan(loss)
    assert name.startswith(layer)
