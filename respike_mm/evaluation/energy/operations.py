"""Which aten operation is counted how.

Every operation that runs is in one of three states: counted by a handler,
known to move data without arithmetic, or unknown, which the report names.
Names are aten's without overload and without the ``_`` of in-place variants.
"""
from functools import lru_cache
from typing import Any, Dict, NamedTuple, Optional

from . import handlers as h

# Operation in the report, cost of one output, aten names.
_ELEMENTWISE = (
    ('multiply', dict(muls=1), 'mul square'),
    ('multiply-add', dict(macs=1), 'addcmul'),
    ('multiply-add', dict(macs=1, adds=1), 'lerp'),
    ('divide', dict(specials=1),
     'div reciprocal floor_divide remainder fmod addcdiv'),
    ('add', dict(adds=1), 'cumsum index_add scatter_add'),
    ('activation', dict(compares=1),
     'relu clamp clamp_min clamp_max hardtanh threshold'),
    ('activation', dict(compares=1, muls=1),
     'leaky_relu prelu _prelu_kernel'),
    ('activation', dict(compares=2, macs=1, muls=1), 'hardswish hardsigmoid'),
    ('activation', dict(specials=1), 'sigmoid tanh'),
    ('activation', dict(specials=1, muls=1),
     'silu softplus elu log_sigmoid_forward glu'),
    # x / 2 * (1 + erf(x / sqrt 2)), or its tanh form.
    ('activation', dict(specials=1, muls=3, adds=1), 'gelu mish'),
    ('function', dict(specials=1),
     'exp expm1 log log2 log10 log1p sqrt rsqrt erf sin cos tan atan atan2'),
    ('compare', dict(compares=1),
     'eq ne lt le gt ge maximum minimum where masked_fill abs neg sign sgn '
     'floor ceil round trunc isnan isinf isfinite logical_and logical_or '
     'logical_not logical_xor bitwise_and bitwise_or bitwise_not '
     'bitwise_xor heaviside'),
)

_SAME_HANDLER = (
    (h.convolution, 'convolution'),
    (h.matrix_product, 'mm bmm mv dot'),
    (h.biased_product, 'addmm baddbmm addmv'),
    (h.attention, '_scaled_dot_product_flash_attention_for_cpu '
     '_scaled_dot_product_flash_attention '
     '_scaled_dot_product_efficient_attention '
     '_scaled_dot_product_cudnn_attention '
     '_scaled_dot_product_attention_math'),
    (h.softmax, '_softmax _log_softmax _safe_softmax'),
    (h.layer_norm, 'native_layer_norm'),
    (h.group_norm, 'native_group_norm'),
    (h.batch_norm(5), 'native_batch_norm cudnn_batch_norm miopen_batch_norm '
     '_native_batch_norm_legit'),
    (h.batch_norm(None),
     '_native_batch_norm_legit_no_training _batch_norm_no_update'),
    (h.pool(2, average=True), 'avg_pool2d'),
    (h.pool(3, average=True), 'avg_pool3d'),
    (h.pool(2, average=False), 'max_pool2d_with_indices'),
    (h.pool(3, average=False), 'max_pool3d_with_indices'),
    (h.adaptive_pool(average=True, in_baseline=True), '_adaptive_avg_pool2d'),
    (h.adaptive_pool(average=True), '_adaptive_avg_pool3d'),
    (h.adaptive_pool(average=False),
     'adaptive_max_pool2d adaptive_max_pool3d'),
    (h.addition, 'add sub rsub'),
    (h.power, 'pow'),
    (h.reduction('sum', scaled=False), 'sum'),
    (h.reduction('mean', scaled=True), 'mean'),
    (h.fold, 'col2im'),
    (h.extreme, 'max min amax amin argmax argmin any all'),
    (h.sorting, 'sort topk argsort'),
    (h.spread, 'var std var_mean linalg_vector_norm norm'),
    (h.interpolate(1), 'upsample_nearest1d upsample_nearest3d'),
    (h.interpolate(1, baseline_taps=1), 'upsample_nearest2d'),
    (h.interpolate(2), 'upsample_linear1d'),
    (h.interpolate(4), '_upsample_bilinear2d_aa'),
    (h.interpolate(4, baseline_taps=4), 'upsample_bilinear2d grid_sampler_2d'),
    (h.interpolate(8), 'upsample_trilinear3d grid_sampler_3d'),
    (h.interpolate(16), 'upsample_bicubic2d'),
)

# Operations that only move, create or look up values. Views need no entry,
# their signature tells; in-place ones do.
_MOVES = frozenset('''
_conj_physical _fused_sdp_choice _local_scalar_dense _pin_memory _to_copy
_unsafe_view arange as_strided cat clone constant_pad_nd contiguous copy detach
embedding empty empty_like empty_permuted empty_strided equal eye fill flip
full full_like gather im2col index index_copy index_fill index_put index_select
is_pinned is_same_size item lift_fresh_copy linspace masked_scatter
masked_select native_channel_shuffle new_empty new_empty_strided new_full
new_ones new_zeros nonzero one_hot ones ones_like pixel_shuffle pixel_unshuffle
reflection_pad1d reflection_pad2d reflection_pad3d repeat replication_pad1d
replication_pad2d replication_pad3d resize roll scalar_tensor scatter
select_scatter set slice_scatter squeeze stack t transpose tril triu unsqueeze
zero zeros zeros_like
'''.split())


def _table() -> Dict[str, h.Handler]:
    table = {}
    for handler, names in _SAME_HANDLER:
        table.update(dict.fromkeys(names.split(), handler))
    for op, cost, names in _ELEMENTWISE:
        table.update(
            dict.fromkeys(names.split(), h.elementwise(op, **cost)))
    return table


HANDLERS: Dict[str, h.Handler] = _table()


def base_name(func: Any) -> str:
    """``'add'`` for the overload ``aten.add_.Tensor``."""
    name = func._schema.name.split('::')[-1]
    return name[:-1] if name.endswith('_') else name


def only_moves(func: Any) -> bool:
    """Whether an operation moves data without computing on it."""
    if base_name(func) in _MOVES:
        return True
    results = func._schema.returns
    return bool(results) and all(
        r.alias_info is not None and not r.alias_info.is_write
        for r in results)


class Known(NamedTuple):
    """What the tables say about an operation.

    Args:
        name: Its name without overload.
        handler: What counts it, if anything.
        moves: Whether it is known to only move data.
    """
    name: str
    handler: Optional[h.Handler]
    moves: bool


@lru_cache(maxsize=None)
def look_up(func: Any) -> Known:
    """Find an overload in the tables."""
    name = base_name(func)
    return Known(name, HANDLERS.get(name), only_moves(func))
