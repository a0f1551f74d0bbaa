"""An exported recognizer in place of the model it came from."""
from typing import Union

import torch
from mmaction.registry import MODELS
from mmaction.utils import OptSampleList, SampleList
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor

from ..structures import set_scores
from .runtimes import RUNTIMES


@MODELS.register_module()
class ExportedRecognizer(BaseModel):
    """Runs ``recognizer.onnx`` behind MMAction2's interface, for prediction.

    A config with it in place of its ``HybridReSpike`` keeps pipeline, data
    set and metric, so that test tool and inferencers work as before::

        model = dict(_delete_=True, type='ExportedRecognizer',
                     file='recognizer.onnx', data_preprocessor=dict(...))

    Views of a video are scored one by one; the mean of their scores is the
    video's, unless the exported head kept them apart (``average_clips=None``).
    Tools that want a checkpoint may be given the exported one: the
    file has the weights, and what a checkpoint holds is left out.

    Args:
        file: ONNX file of ``tools/deployment/export.py``.
        data_preprocessor: That of the exported model.
        runtime: ``'onnxruntime'``, ``'openvino'`` or ``'openvino_bf16'``.
        threads: 0 for the runtime's own choice.

    Raises:
        ValueError: If there is no such runtime.
    """

    def __init__(self,
                 file: str,
                 data_preprocessor: dict,
                 runtime: str = 'onnxruntime',
                 threads: int = 0) -> None:
        super().__init__(data_preprocessor=data_preprocessor)
        if runtime not in RUNTIMES:
            raise ValueError('ExportedRecognizer: runtime must be one of '
                             f'{tuple(RUNTIMES)}, got {runtime!r}')
        self.run = RUNTIMES[runtime](file, threads)
        self.file = file

    def _load_from_state_dict(self, state_dict: dict, *args) -> None:
        if state_dict:
            print_log(f'the weights are those of {self.file}; the '
                      "checkpoint's are left out", 'current')
        super()._load_from_state_dict({}, *args)

    def forward(self,
                inputs: Tensor,
                data_samples: OptSampleList = None,
                mode: str = 'tensor') -> Union[Tensor, SampleList]:
        """Predict.

        Args:
            inputs: Segments ``[N, V, K, s, C, H, W]``, normalised.
            data_samples: The samples of the ``N`` videos.
            mode: ``'tensor'`` or ``'predict'``.

        Returns:
            Scores ``[N, num_classes]``, or ``[N, V, num_classes]`` of views
            kept apart, or the samples with them.

        Raises:
            ValueError: If the mode is another.
        """
        if mode not in ('tensor', 'predict'):
            raise ValueError('ExportedRecognizer can predict only, not run '
                             f'in mode {mode!r}')
        views = inputs.flatten(0, 1).cpu().numpy()
        scores = torch.from_numpy(self.run(dict(segments=views))['scores'])
        scores = scores.unflatten(0, inputs.shape[:2])
        # [N, V, 1, num_classes] where the head kept views apart: one each.
        scores = scores.squeeze(2) if scores.dim() == 4 else scores.mean(1)
        if mode == 'tensor':
            return scores
        return [set_scores(*pair) for pair in zip(data_samples, scores)]
