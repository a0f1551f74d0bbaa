import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import PretrainedInit

from respike_mm.models import MSResNet
from respike_mm.models.backbones.ms_resnet import MSBasicBlock

ORIGINAL = dict(
    stem='conv7x7',
    shortcut='strided',
    zero_init_residual=True,
    final_neuron=True,
    neuron=dict(
        type='LIFNeuron',
        decay_input=False,
        v_threshold=0.5,
        surrogate=dict(type='Rect', alpha=1.)))
BN = dict(type='BN2d')


def settled(**options):
    """A network in evaluation mode whose statistics let neurons fire."""
    torch.manual_seed(0)
    net = MSResNet(base_channels=4, **options)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # plain average over all steps
    with torch.no_grad():
        net(torch.randn(3, 4, 3, 32, 32))
        net(torch.randn(3, 4, 3, 32, 32))
    return net.eval()


def reference_lif(x, decay=0.25, gain=0.75, threshold=1.):
    """Step-by-step neuron, written apart from the package's."""
    v, spikes = torch.zeros_like(x[0]), []
    for step in x:
        v = decay * v + gain * step
        spikes.append((v >= threshold).to(x))
        v = v * (1 - spikes[-1])
    return torch.stack(spikes)


def reference_block(block, x):
    """LIF-conv-BN-LIF-conv-BN and AvgPool-conv-BN, one step at a time."""

    def conv_bn(x, part, stride):
        conv = part.conv
        out = [
            part.norm(F.conv2d(step, conv.weight, stride=stride, padding=1))
            for step in x
        ]
        return torch.stack(out)

    out = conv_bn(reference_lif(x), block.conv1, 2)
    out = conv_bn(reference_lif(out), block.conv2, 1)
    pooled = [F.avg_pool2d(step, 2) for step in x]
    shortcut = [
        block.shortcut.norm(F.conv2d(p, block.shortcut.conv[1].weight))
        for p in pooled
    ]
    return out + torch.stack(shortcut)


def test_block_equals_reference():
    torch.manual_seed(0)
    block = MSBasicBlock(4, 6, 2, 'avgpool', dict(type='LIFNeuron'), BN,
                         'per_step').double().eval()
    for conv in (block.conv1, block.conv2):
        conv.norm.running_mean.normal_()
    x = torch.randn(3, 2, 4, 8, 8, dtype=torch.float64) * 2
    torch.testing.assert_close(block(x), reference_block(block, x))


def test_identity_shortcut_carries_the_membrane_path():
    """Without input spikes a block of zero bias passes its input through."""
    block = MSBasicBlock(4, 4, 1, 'avgpool', dict(type='LIFNeuron'), BN,
                         'per_step').eval()
    x = torch.full((3, 2, 4, 5, 5), 0.5)  # converges to 0.5, never fires
    torch.testing.assert_close(block(x), x)


@pytest.mark.parametrize('size, maps', [
    (112, (28, 14, 7, 4)),
    (200, (50, 25, 13, 7)),
    (224, (56, 28, 14, 7)),
    (240, (60, 30, 15, 8)),
    (256, (64, 32, 16, 8)),
])
@pytest.mark.parametrize('options', [{}, ORIGINAL], ids=['official', 'own'])
def test_any_input_size(size, maps, options):
    net = MSResNet(base_channels=2, **options).eval()
    x = net.forward_stem(torch.randn(1, 1, 3, size, size))
    for stage, width in enumerate(maps):
        x = net.forward_stage(x, stage)
        assert x.shape == (1, 1, 2 * 2**stage, width, width)


@pytest.mark.parametrize('depth, blocks', [(18, 8), (34, 16)])
def test_depth(depth, blocks):
    net = MSResNet(depth=depth, base_channels=2)
    found = [m for m in net.modules() if isinstance(m, MSBasicBlock)]
    assert len(found) == blocks


def test_original_flavour_ends_in_spikes():
    net = MSResNet(base_channels=4, **ORIGINAL)
    net.init_weights()
    net.eval()
    out = net(torch.randn(3, 2, 3, 32, 32) * 5)
    assert set(out.unique().tolist()) <= {0., 1.}
    assert net.stem.conv.kernel_size == (7, 7)
    assert net.layer1[0].shortcut.conv.stride == (2, 2)
    for block in net.modules():
        if isinstance(block, MSBasicBlock):
            assert block.conv2.norm.weight.abs().max() == 0


def test_default_output_is_float():
    net = MSResNet(base_channels=4).eval()
    assert net(torch.randn(3, 2, 3, 32, 32)).unique().numel() > 2


@pytest.mark.parametrize('options', [{}, ORIGINAL], ids=['official', 'own'])
def test_every_parameter_gets_a_gradient(options):
    torch.manual_seed(0)
    net = MSResNet(base_channels=8, **{**options, 'zero_init_residual': False})
    out = net(torch.randn(3, 4, 3, 32, 32) * 3)
    (out * torch.randn_like(out)).sum().backward()
    for name, param in net.named_parameters():
        assert param.grad is not None and param.grad.abs().sum() > 0, name


def test_flat_input_keeps_the_order_of_recognizer2d():
    """[N * S, ...]: the steps of one clip are adjacent."""
    net = settled()
    net.num_steps = 3
    clips = torch.randn(2, 3, 3, 32, 32)  # [N, S, ...]
    flat = net(clips.flatten(0, 1))
    steps = net(clips.transpose(0, 1))  # [S, N, ...]
    torch.testing.assert_close(
        flat.unflatten(0, (2, 3)), steps.transpose(0, 1))
    # Time matters: with the steps reversed the last map differs.
    reversed_steps = net(clips.transpose(0, 1).flip(0))
    assert (reversed_steps[0] - steps[2]).abs().max() > 0.01


def test_batch_items_are_independent_and_passes_agree():
    net = settled()
    x = torch.randn(3, 2, 3, 32, 32) * 2
    both = net(x)
    torch.testing.assert_close(net(x), both, rtol=0, atol=0)
    torch.testing.assert_close(net(x[:, :1]), both[:, :1])
    torch.testing.assert_close(net(x[:, 1:]), both[:, 1:])


def test_norm_modes_differ_in_training_only():
    torch.manual_seed(0)
    x = torch.randn(3, 2, 3, 32, 32)
    nets = [
        MSResNet(base_channels=4, norm_mode=mode)
        for mode in ('per_step', 'merged')
    ]
    nets[1].load_state_dict(nets[0].state_dict())
    per_step, merged = (net.forward_stem(x) for net in nets)
    assert (per_step - merged).abs().max() > 1e-3
    for step in per_step:
        assert step.mean().abs() < 1e-6
    assert merged.mean().abs() < 1e-6 < merged[0].mean().abs()
    nets[1].load_state_dict(nets[0].state_dict())
    per_step, merged = (net.eval().forward_stem(x) for net in nets)
    torch.testing.assert_close(per_step, merged, rtol=0, atol=0)


def last_norms(net):
    return [m.conv2.norm.weight for m in net.modules()
            if isinstance(m, MSBasicBlock)]


@pytest.mark.parametrize('as_list', [False, True])
@pytest.mark.parametrize('kind', ['Pretrained', PretrainedInit])
def test_zero_residual_branches_unless_a_checkpoint_is_loaded(
        tmp_path, kind, as_list):
    options = dict(base_channels=4, zero_init_residual=True)
    net = MSResNet(**options)
    net.init_weights()
    norms = last_norms(net)
    assert len(norms) == 8 and not any(norm.any() for norm in norms)
    trained = {k: torch.full_like(v, 2) for k, v in net.state_dict().items()}
    torch.save(trained, tmp_path / 'trained.pth')
    init_cfg = dict(type=kind, checkpoint=f'{tmp_path}/trained.pth')
    net = MSResNet(**options, init_cfg=[init_cfg] if as_list else init_cfg)
    net.init_weights()
    assert all((norm == 2).all() for norm in last_norms(net))


def test_recognizer2d_trains_it():
    model = MODELS.build(
        dict(
            type='Recognizer2D',
            backbone=dict(type='MSResNet', base_channels=4, num_steps=4),
            cls_head=dict(type='TSNHead', num_classes=5, in_channels=32),
            data_preprocessor=dict(type='ActionDataPreprocessor')))
    feats, kwargs = model.extract_feat(torch.randn(2, 4, 3, 32, 32))
    assert model.cls_head(feats, **kwargs).shape == (2, 5)


@pytest.mark.parametrize('options, message', [
    (dict(depth=50), 'depth must be one of'),
    (dict(stem='conv5x5'), 'stem must be one of'),
    (dict(shortcut='none'), 'shortcut must be one of'),
    (dict(norm_mode='batch'), 'norm_mode must be one of'),
    (dict(checkpoint='some'), 'checkpoint must be one of'),
    (dict(strides=(1, 2)), 'one stride for each'),
    (dict(strides=2), 'one stride for each'),
])
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        MSResNet(**options)


@pytest.mark.parametrize('num_steps, shape, message', [
    (None, (4, 3, 32, 32), 'num_steps=None'),
    (3, (4, 3, 32, 32), 'do not divide'),
    (3, (3, 32, 32), 'expects'),
])
def test_bad_shapes(num_steps, shape, message):
    with pytest.raises(ValueError, match=message):
        MSResNet(base_channels=2, num_steps=num_steps)(torch.zeros(shape))
