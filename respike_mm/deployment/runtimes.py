"""Run exported graphs: by name in, by name out, NumPy arrays both."""
import importlib
from pathlib import Path
from types import ModuleType
from typing import Callable, Dict, Union

import numpy as np
import torch

Arrays = Dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]


def _require(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f'{name} is not installed; pip install "respike_mm[deploy]"'
        ) from None


def load_onnxruntime(path: Union[str, Path], threads: int = 0) -> Run:
    """An ONNX file in ONNX Runtime on the CPU.

    Args:
        path: The file.
        threads: 0 for the runtime's own choice.
    """
    ort = _require('onnxruntime')
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(
        str(path), options, providers=['CPUExecutionProvider'])
    inputs = [i.name for i in session.get_inputs()]
    outputs = [o.name for o in session.get_outputs()]

    def run(arrays: Arrays) -> Arrays:
        feed = {name: arrays[name] for name in inputs}
        return dict(zip(outputs, session.run(outputs, feed)))

    return run


def load_openvino(path: Union[str, Path], threads: int = 0) -> Run:
    """An ONNX file in OpenVINO on the CPU, in float32; see above."""
    openvino = _require('openvino')
    config = {'INFERENCE_PRECISION_HINT': 'f32'}
    if threads:
        config['INFERENCE_NUM_THREADS'] = threads
    model = openvino.Core().compile_model(str(path), 'CPU', config)
    inputs = [i.any_name for i in model.inputs]

    def run(arrays: Arrays) -> Arrays:
        results = model({name: arrays[name] for name in inputs})
        return {
            output.any_name: value
            for output, value in results.items()
        }

    return run


def load_program(path: Union[str, Path]) -> Callable:
    """A ``.pt2`` file as the function of tensors that was exported."""
    return torch.export.load(str(path)).module()


RUNTIMES: Dict[str, Callable[..., Run]] = {
    'onnxruntime': load_onnxruntime,
    'openvino': load_openvino,
}
