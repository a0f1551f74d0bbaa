"""Run exported graphs: by name in, by name out, NumPy arrays both."""
import importlib
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Callable, Dict, Union

import numpy as np
import torch

Arrays = Dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]


def _require(name: str, extra: str) -> ModuleType:
    """Import a package, or name the extra of setup.py that has it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f'{name} is not installed; pip install "respike_mm[{extra}]"'
        ) from None


def load_onnxruntime(path: Union[str, Path], threads: int = 0) -> Run:
    """An ONNX file in ONNX Runtime on the CPU.

    Args:
        path: The file.
        threads: 0 for the runtime's own choice.
    """
    ort = _require('onnxruntime', 'deploy')
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


@lru_cache(maxsize=1)
def _openvino_core():
    """OpenVINO's core, one for the process and as long as it lives.

    A core brings the process a signal stack, and when it goes puts back the
    one it found: of two, that of the other, which may be gone. The next
    signal, such as a data loader's worker that ends, then kills the process.
    """
    return _require('openvino', 'openvino').Core()


def load_openvino(path: Union[str, Path],
                  threads: int = 0,
                  precision: str = 'f32') -> Run:
    """An ONNX file in OpenVINO on the CPU; see above.

    Compiled at the first call with inputs of some shapes: a model of fixed
    sizes is faster than one of any batch size.

    Args:
        path: The file.
        threads: 0 for the runtime's own choice.
        precision: ``'f32'`` or ``'bf16'``. OpenVINO computes in float32 where
            the processor has no bfloat16; convolutions in int8 stay so.
    """
    core = _openvino_core()
    config = {'INFERENCE_PRECISION_HINT': precision}
    if threads:
        config['INFERENCE_NUM_THREADS'] = threads
    inputs = [i.any_name for i in core.read_model(str(path)).inputs]

    @lru_cache(maxsize=4)
    def compiled(*shapes: tuple):
        model = core.read_model(str(path))
        model.reshape(dict(zip(inputs, shapes)))
        return core.compile_model(model, 'CPU', config)

    def run(arrays: Arrays) -> Arrays:
        feed = {name: arrays[name] for name in inputs}
        results = compiled(*(x.shape for x in feed.values()))(feed)
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
    'openvino_bf16': partial(load_openvino, precision='bf16'),
}
