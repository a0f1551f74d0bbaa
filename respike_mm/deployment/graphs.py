"""What is exported: modules of tensors in, tensors out, and their names.

Shapes: ``B`` batch or streams, ``K`` segments of ``s`` frames, ``C, H, W`` a
frame or map. ``B`` is dynamic in every graph, all other sizes are fixed.
"""
from pathlib import Path
from typing import List, NamedTuple, Union

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import (TreeSpec, tree_flatten, tree_leaves,
                                 tree_map, tree_unflatten)

from ..models.recognizers import HybridReSpike
from ..models.recognizers.respike_step import (KeyFrame, ReSpikeStep,
                                               SegmentState)


class Graph(NamedTuple):
    """A module with what an exporter has to know.

    Attributes:
        module: In evaluation mode.
        inputs: Example arguments; lists of tensors count as several inputs.
        input_names, output_names: Of the tensors, in order.
    """
    module: nn.Module
    inputs: tuple
    input_names: List[str]
    output_names: List[str]


class _Recognizer(nn.Module):

    def __init__(self, model: HybridReSpike) -> None:
        super().__init__()
        self.model = model

    def forward(self, segments: Tensor) -> Tensor:
        logits = self.model(segments[:, None], stage='head')
        return self.model.cls_head.average_clip(logits)


class _KeyFrame(nn.Module):

    def __init__(self, network: ReSpikeStep) -> None:
        super().__init__()
        self.network = network

    def forward(self, key: Tensor) -> List[Tensor]:
        return tree_leaves(self.network.key_frame(key))


class _Step(nn.Module):

    def __init__(self, network: ReSpikeStep, key_frame: TreeSpec) -> None:
        super().__init__()
        self.network = network
        self.key_frame = key_frame  # exporters mix up empty tuples

    def forward(self, residual: Tensor, key_frame: List[Tensor],
                membranes: List[Tensor], total: Tensor,
                steps: Tensor) -> List[Tensor]:
        logits, state = self.network(residual,
                                     tree_unflatten(key_frame, self.key_frame),
                                     SegmentState(membranes, total, steps))
        return [logits, *state.membranes, state.total, state.steps]


def recognizer_graph(model: HybridReSpike, segments: Tensor) -> Graph:
    """Normalised segments ``[B, K, s, C, H, W]`` to scores.

    Scores are what the recognizer predicts for a clip: probabilities where
    its head has ``average_clips='prob'``, else logits.
    """
    return Graph(_Recognizer(model).eval(), (segments, ), ['segments'],
                 ['scores'])


def _key_frame_names(key_frame: KeyFrame) -> List[str]:
    names = [f'{name}_{stage}' for stage, memory in enumerate(key_frame.memory)
             for name, _ in zip(('keys', 'values'), memory)]
    return [*names, 'last_map']


@torch.no_grad()
def key_frame_graph(network: ReSpikeStep, key: Tensor) -> Graph:
    """Normalised key frame ``[B, C, H, W]`` to a ``KeyFrame``.

    Its tensors are called ``keys_STAGE``, ``values_STAGE`` and ``last_map``.
    """
    return Graph(
        _KeyFrame(network).eval(), (key, ), ['key'],
        _key_frame_names(network.key_frame(key)))


@torch.no_grad()
def step_graph(network: ReSpikeStep, key: Tensor, residual: Tensor) -> Graph:
    """One residual frame ``[B, C, H, W]`` with its state in and out.

    The state, ``membrane_*``, ``total`` and ``steps``, is zero at the first
    residual frame of a segment and goes back in at the next; outputs are
    called ``next_*``. ``logits`` are the segment's so far.
    """
    key_frame = network.key_frame(key)
    tensors, spec = tree_flatten(key_frame)
    _, state = network(residual, key_frame)
    names = [f'membrane_{i}' for i in range(len(state.membranes))]
    names += ['total', 'steps']
    return Graph(
        _Step(network, spec).eval(), (residual, tensors, *state),
        ['residual', *_key_frame_names(key_frame), *names],
        ['logits', *(f'next_{name}' for name in names)])


def dynamic_batch(inputs: tuple) -> tuple:
    """``dynamic_shapes`` of an export: axis 0 of all tensors is the batch."""
    batch = Dim('batch')
    return tree_map(lambda x: {0: batch} if x.dim() else {}, inputs)


@torch.no_grad()
def export_program(graph: Graph) -> ExportedProgram:
    """``torch.export`` of a graph; save it by ``torch.export.save``."""
    return torch.export.export(
        graph.module,
        graph.inputs,
        dynamic_shapes=dynamic_batch(graph.inputs))


@torch.no_grad()
def export_onnx(graph: Graph, path: Union[str, Path], opset: int) -> None:
    """ONNX of a graph, in one file."""
    program = torch.onnx.export(
        graph.module,
        graph.inputs,
        dynamo=True,
        opset_version=opset,
        input_names=graph.input_names,
        output_names=graph.output_names,
        dynamic_shapes=dynamic_batch(graph.inputs),
        verbose=False)
    program.save(str(path))
