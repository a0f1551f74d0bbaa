"""Any valid options build a model that trains; any invalid one is named."""
import copy

import pytest
import torch
from action_samples import labelled
from hypothesis import given, settings
from hypothesis import strategies as st
from mmaction.registry import MODELS
from small_respike import MODEL as SMALL

from respike_mm.engine.hooks.non_finite_loss_hook import is_finite

LEVELS = ('none', 'attention', 'neurons', 'all')
NEURON = st.fixed_dictionaries(
    dict(type=st.just('LIFNeuron')),
    optional=dict(
        tau=st.floats(1.1, 8.),
        decay_input=st.booleans(),
        v_threshold=st.floats(0.1, 2.),
        surrogate=st.sampled_from([
            dict(type='ATan', alpha=3.), dict(type='Sigmoid'),
            dict(type='Rect')])))
SNN = st.fixed_dictionaries(
    {}, optional=dict(
        depth=st.sampled_from([18, 34]),
        stem=st.sampled_from(['conv3x3', 'conv7x7']),
        shortcut=st.sampled_from(['avgpool', 'strided']),
        strides=st.tuples(*[st.integers(1, 2)] * 4),
        neuron=NEURON,
        norm_mode=st.sampled_from(['per_step', 'merged']),
        zero_init_residual=st.booleans(),
        final_neuron=st.booleans(),
        checkpoint=st.sampled_from(LEVELS)))
NECK = st.fixed_dictionaries(
    {}, optional=dict(
        reductions=st.tuples(*[st.integers(1, 4)] * 4),
        full_resolution_identity=st.booleans(),
        stages=st.sets(st.integers(0, 3)).map(sorted),
        head_channels=st.sampled_from([1, 2, 4, 8]),
        num_groups=st.sampled_from([1, 2, 4, 8]),
        checkpoint=st.sampled_from(LEVELS)))
HEAD = st.fixed_dictionaries(
    {}, optional=dict(
        num_classes=st.integers(2, 9),
        dropout_ratio=st.floats(0, 0.9),
        init_std=st.floats(0, 1),
        branch_loss=st.floats(0, 1),
        key_weight=st.floats(0, 2),
        label_smooth_eps=st.floats(0, 0.5)))
MODEL = st.fixed_dictionaries(
    {}, optional=dict(
        snn_backbone=SNN,
        neck=st.one_of(st.none(), NECK),
        cls_head=HEAD,
        checkpoint=st.sampled_from(LEVELS)))


def config_of(options):
    """``SMALL`` with some options of its parts replaced."""
    config = copy.deepcopy(SMALL)
    for name, value in options.items():
        if isinstance(value, dict):
            config[name].update(value)
        else:
            config[name] = value
    return config


@settings(max_examples=settings.default.max_examples // 2)
@given(MODEL, st.integers(2, 4), st.integers(1, 2), st.integers(33, 48))
def test_valid_options_build_and_train(options, stride, num_segments, height):
    model = MODELS.build(config_of(options))
    model.init_weights()
    shape = (1, num_segments, stride, 3, height, 40)
    inputs = [torch.randint(-255, 256, shape).short() for _ in range(2)]
    data = model.data_preprocessor(
        dict(inputs=inputs, data_samples=[labelled(0), labelled(1)]), True)
    losses = model.train()(**data, mode='loss')
    assert is_finite(losses)
    model.parse_losses(losses)[0].backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads and is_finite(grads)
    scores = model.eval()(data['inputs'], mode='tensor')
    assert is_finite(scores)


NOT_POSITIVE = st.one_of(
    st.integers(max_value=0), st.floats(), st.text(max_size=3), st.none())
UNKNOWN = st.text('xyz', min_size=1)
ABOVE_ONE = st.floats(min_value=1, exclude_min=True)
NEGATIVE = st.floats(max_value=0, exclude_max=True)
NAN = st.just(float('nan'))


def in_list(values):
    """Four numbers, one of them wrong."""
    return st.tuples(values, st.integers(0, 3)).map(
        lambda x: [x[0] if i == x[1] else 1 for i in range(4)])


INVALID = [
    ('snn_backbone', 'depth', st.integers().filter(lambda n: n not in
                                                   (18, 34))),
    ('snn_backbone', 'base_channels', NOT_POSITIVE),
    ('snn_backbone', 'in_channels', NOT_POSITIVE),
    ('snn_backbone', 'num_steps', NOT_POSITIVE.filter(
        lambda n: n is not None)),
    ('snn_backbone', 'strides', in_list(NOT_POSITIVE)),
    ('snn_backbone', 'strides', st.lists(st.just(1), max_size=3)),
    ('snn_backbone', 'stem', UNKNOWN),
    ('snn_backbone', 'shortcut', UNKNOWN),
    ('snn_backbone', 'norm_mode', UNKNOWN),
    ('snn_backbone', 'checkpoint', UNKNOWN),
    ('neuron', 'tau', st.one_of(st.floats(max_value=1), NAN)),
    ('neuron', 'v_threshold', st.one_of(st.floats(max_value=0), NAN)),
    ('neck', 'reductions', in_list(NOT_POSITIVE)),
    ('neck', 'reductions', st.lists(st.just(1), max_size=3)),
    ('neck', 'stages', st.lists(st.integers(min_value=4), min_size=1)),
    ('neck', 'head_channels', NOT_POSITIVE),
    ('neck', 'head_channels', st.sampled_from([3, 5, 6, 7, 16])),
    ('neck', 'num_groups', NOT_POSITIVE),
    ('neck', 'num_groups', st.sampled_from([3, 5, 6, 7, 16])),
    ('neck', 'checkpoint', UNKNOWN),
    ('cls_head', 'num_classes', NOT_POSITIVE),
    ('cls_head', 'dropout_ratio', st.one_of(ABOVE_ONE, NEGATIVE, NAN)),
    ('cls_head', 'branch_loss', st.one_of(ABOVE_ONE, NEGATIVE, NAN)),
    ('cls_head', 'key_weight', st.one_of(NEGATIVE, NAN)),
    ('cls_head', 'init_std', st.one_of(NEGATIVE, NAN)),
    ('', 'checkpoint', UNKNOWN),
]


@settings(max_examples=settings.default.max_examples // 4)
@pytest.mark.parametrize('part, option, values', INVALID,
                         ids=[f'{part}.{option}' for part, option, _ in
                              INVALID])
@given(data=st.data())
def test_invalid_options_are_named(part, option, values, data):
    options = {option: data.draw(values)}
    if part == 'neuron':
        options = {'snn_backbone': {part: dict(type='LIFNeuron', **options)}}
    elif part:
        options = {part: options}
    with pytest.raises(ValueError, match=option):
        MODELS.build(config_of(options))


@settings(max_examples=settings.default.max_examples // 3)
@given(st.sampled_from(['', 'snn_backbone', 'neck', 'cls_head']),
       st.text('abcdefgh_', min_size=3, max_size=8))
def test_misspelt_options_are_named(part, name):
    options = {part: {name: 1}} if part else {name: 1}
    with pytest.raises(TypeError, match=name):
        MODELS.build(config_of(options))
