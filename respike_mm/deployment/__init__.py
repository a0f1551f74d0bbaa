from .exported_recognizer import ExportedRecognizer
from .folding import fold_batch_norm
from .graphs import (Graph, export_onnx, export_program, key_frame_graph,
                     recognizer_graph, step_graph)
from .nir_branch import export_nir, run_nir, spikingjelly_branch
from .onnx_int8 import quantise_onnx
from .runtimes import RUNTIMES, load_onnxruntime, load_openvino, load_program
from .spike_int8 import Int8SpikeConv2d, quantise_spike_convs

__all__ = [
    'ExportedRecognizer', 'Graph', 'Int8SpikeConv2d', 'RUNTIMES', 'export_nir',
    'export_onnx', 'export_program', 'fold_batch_norm', 'key_frame_graph',
    'load_onnxruntime', 'load_openvino', 'load_program',
    'quantise_onnx', 'quantise_spike_convs', 'recognizer_graph', 'run_nir',
    'spikingjelly_branch', 'step_graph'
]
