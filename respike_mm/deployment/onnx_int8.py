"""Products in int8 in an ONNX file, for OpenVINO.

ONNX writes int8 as float32 that is quantised and dequantised again in front
of an operation. Convolutions of spikes, the file's counterpart of
:mod:`.spike_int8`, need no data; others need to see clips.

Shapes: ``B`` clips of ``K`` segments of ``s`` frames ``[C, H, W]``.
"""
import logging
import platform
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Union

import torch
from mmengine.logging import print_log
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..models.common.spike_conv import SpikeConv2d
from .graphs import Graph

if TYPE_CHECKING:
    from onnx import ModelProto

TYPES = ['Conv', 'MatMul']


def quantise_onnx(graph: Graph,
                  path: Union[str, Path],
                  out: Union[str, Path],
                  clips: Optional[Tensor] = None,
                  weight_bits: int = 8) -> None:
    """Write a copy of the file with products in int8.

    By ONNX Runtime's static quantisation: weights with a scale per output
    channel, inputs with one that covers the range they have in the clips.
    Biases and results stay floating point.

    Without clips those are convolutions of spikes alone. A spike is 0 or 1,
    and whether the graph's example holds spikes or none, a byte holds both
    exactly. With clips they are all convolutions and linear layers, but for
    those that read frames and the classifier: too little work to round for.

    Args:
        graph: What :func:`recognizer_graph` made, batch norm folded.
        path: The file of :func:`export_onnx`.
        out: The file to write.
        clips: Normalised segments ``[B, K, s, C, H, W]`` of training videos,
            as the recognizer takes them. None for spikes alone.
        weight_bits: 8, or 7 for x86 processors without VNNI: they add two
            products in 16 bits, which may saturate with eight-bit weights. A
            warning is logged if this is one and takes eight.

    Raises:
        ValueError: If the file has no such operation, clips are not of the
            graph's sizes, or ``weight_bits`` is another.
    """
    if weight_bits not in (7, 8):
        raise ValueError(f'weight_bits must be 7 or 8, got {weight_bits}')
    if weight_bits == 8 and _saturates():
        print_log(
            'This processor has no VNNI: sums of products with eight-bit '
            'weights may saturate on it; set weight_bits=7 (export.py '
            '--weight-bits 7) for files that run here', 'current',
            level=logging.WARNING)
    import onnx
    from onnxruntime import quantization
    example, = tree_leaves(graph.inputs)
    shape = list(example.shape[1:])
    model = onnx.load(path)
    if clips is None:
        clips, nodes = example, _spike_nodes(graph, model)
    elif list(clips.shape[1:]) == shape and len(clips):
        nodes = _weighted_nodes(model, shape[2])
    else:
        raise ValueError(f'clips must be [B, {", ".join(map(str, shape))}] '
                         f'as in the graph, got {list(clips.shape)}')
    if not nodes:
        raise ValueError(f'{path} has no operation to write in int8')
    feeds = iter([{graph.input_names[0]: clip[None].numpy()}
                  for clip in clips])

    class Reader(quantization.CalibrationDataReader):

        def get_next(self):
            return next(feeds, None)

    quantization.quantize_static(
        path,
        out,
        Reader(),
        op_types_to_quantize=TYPES,
        nodes_to_quantize=nodes,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        reduce_range=weight_bits == 7,
        extra_options=dict(
            OpTypesToExcludeOutputQuantization=TYPES, QuantizeBias=False))


def _saturates() -> bool:
    """Whether this processor adds two products of bytes in 16 bits."""
    return (platform.machine() in ('x86_64', 'AMD64')
            and not torch.cpu._is_vnni_supported())


def _spike_nodes(graph: Graph, model: 'ModelProto') -> List[str]:
    """Names of the convolutions behind neurons."""
    weights = {
        f'{name}.weight'
        for name, module in graph.module.named_modules()
        if isinstance(module, SpikeConv2d)
    }
    return [
        node.name for node in model.graph.node
        if node.op_type == 'Conv' and node.input[1] in weights
    ]


def _weighted_nodes(model: 'ModelProto', frame_channels: int) -> List[str]:
    """Names of the products with weights, but for those that read frames.

    The classifier is a third type of operation (``Gemm``); products of two
    tokens, in attention, have no weights.
    """
    shapes = {array.name: array.dims for array in model.graph.initializer}
    return [
        node.name for node in model.graph.node
        if node.op_type in TYPES and node.input[1] in shapes and not (
            node.op_type == 'Conv'
            and shapes[node.input[1]][1] == frame_channels)
    ]
