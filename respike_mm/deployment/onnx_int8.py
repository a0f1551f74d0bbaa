"""Convolutions of spikes in int8 in an ONNX file.

The file's counterpart of :mod:`.spike_int8`, for OpenVINO. ONNX writes int8
as float32 that is quantised and dequantised again in front of a convolution.
"""
from pathlib import Path
from typing import Union

from torch.utils._pytree import tree_leaves

from ..models.common.spike_conv import SpikeConv2d
from .graphs import Graph


def quantise_onnx(graph: Graph, path: Union[str, Path],
                  out: Union[str, Path]) -> None:
    """Write a copy of the file with int8 spike convolutions.

    By ONNX Runtime's static quantisation: weights with a scale per output
    channel, spikes with one for the range that they have in the graph's
    example. That is 0 to 1, or 0 alone where no neuron fires; a byte holds
    zero and one exactly under either scale. Biases and results stay floating
    point.

    Args:
        graph: What was exported, batch norm folded.
        path: The file of :func:`export_onnx`.
        out: The file to write.

    Raises:
        ValueError: If no convolution of the file takes spikes.
    """
    import onnx
    from onnxruntime import quantization
    weights = {
        f'{name}.weight'
        for name, module in graph.module.named_modules()
        if isinstance(module, SpikeConv2d)
    }
    nodes = [
        node.name for node in onnx.load(path).graph.node
        if node.op_type == 'Conv' and node.input[1] in weights
    ]
    if not nodes:
        raise ValueError(f'{path} has no convolution of spikes')
    arrays = [tensor.numpy() for tensor in tree_leaves(graph.inputs)]
    examples = iter([dict(zip(graph.input_names, arrays))])

    class Reader(quantization.CalibrationDataReader):

        def get_next(self):
            return next(examples, None)

    quantization.quantize_static(
        path,
        out,
        Reader(),
        op_types_to_quantize=['Conv'],
        nodes_to_quantize=nodes,
        per_channel=True,
        activation_type=quantization.QuantType.QUInt8,
        weight_type=quantization.QuantType.QInt8,
        extra_options=dict(
            OpTypesToExcludeOutputQuantization=['Conv'], QuantizeBias=False))
