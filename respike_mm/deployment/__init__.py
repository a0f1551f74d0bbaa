from .folding import fold_batch_norm
from .graphs import (Graph, export_onnx, export_program, key_frame_graph,
                     recognizer_graph, step_graph)
from .runtimes import RUNTIMES, load_onnxruntime, load_openvino, load_program

__all__ = [
    'Graph', 'RUNTIMES', 'export_onnx', 'export_program', 'fold_batch_norm',
    'key_frame_graph', 'load_onnxruntime', 'load_openvino', 'load_program',
    'recognizer_graph', 'step_graph'
]
