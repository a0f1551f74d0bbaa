"""Pictures of a few clips at every validation."""
from math import ceil
from typing import Optional, Sequence

import torch
from mmaction.registry import HOOKS
from mmaction.structures import ActionDataSample
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.hooks.hook import DATA_BATCH
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop

from ...structures import labels_of, video_scores
from ...visualization.clip_pictures import PICTURES, clip_pictures
from ...visualization.rendering import render
from ...visualization.spikes import spiking_layers
from .bare_model import bare_model

_WITH_SPIKES = {'raster', 'rate_maps'}


@HOOKS.register_module()
class ClipPicturesHook(Hook):
    """Sends pictures of validated and tested clips to the visualizer.

    They are called ``val_INDEX_PICTURE`` and ``test_INDEX_PICTURE``, and go
    to all backends of the visualizer. The step is the epoch, the iteration
    with an iteration-based loop, or 0 outside training. The first clip or
    crop of a sample is shown. It runs through the network again for the
    pictures: outputs, metrics, weights and random numbers stay as they are.

    Args:
        pictures: Among ``'sampler'`` (key and residual frames),
            ``'attention'`` (over the key frames), ``'raster'`` and
            ``'rate_maps'`` (spikes of the last layer of every stage).
            Defaults to all.
        num_samples: How many of the first samples. Defaults to 2.
        sample_interval: Take every n-th sample only: annotation lists are
            often sorted by class. Defaults to 1.
        interval: Draw at every n-th validation. Defaults to 1.
        stage: Whose attention, 1 to 4. Defaults to 3.
        top_k: Key-frame tokens that stand out; all where there are fewer.
            Defaults to 5.

    Raises:
        ValueError: If an argument is out of range; at the start of the run
            if the model has no such attention or no spikes.
    """

    priority = 'LOW'

    def __init__(self,
                 pictures: Sequence[str] = PICTURES,
                 num_samples: int = 2,
                 sample_interval: int = 1,
                 interval: int = 1,
                 stage: int = 3,
                 top_k: int = 5) -> None:
        if not pictures or not set(pictures) <= set(PICTURES):
            raise ValueError('ClipPicturesHook: pictures must be among '
                             f'{PICTURES}, got {pictures!r}')
        for name, value in dict(
                num_samples=num_samples, sample_interval=sample_interval,
                interval=interval, stage=stage, top_k=top_k).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'ClipPicturesHook: {name} must be a '
                                 f'positive integer, got {value!r}')
        self.pictures = tuple(pictures)
        self.num_samples = num_samples
        self.sample_interval = sample_interval
        self.interval = interval
        self.stage, self.top_k = stage, top_k
        self._train_loop: Optional[BaseLoop] = None
        self._seen = 0

    def before_run(self, runner: Runner) -> None:
        """Refuse what could not be drawn, before anything is trained."""
        model = bare_model(runner)
        blocks = getattr(getattr(model, 'neck', None), 'blocks', {})
        if 'attention' in self.pictures and str(self.stage - 1) not in blocks:
            raise ValueError(
                'ClipPicturesHook: the model has no cross-attention at stage '
                f'{self.stage} (it has at {[int(i) + 1 for i in blocks]}); '
                "set stage, or pictures without 'attention'")
        if _WITH_SPIKES & set(self.pictures) and not spiking_layers(model):
            raise ValueError('ClipPicturesHook: the model has no spiking '
                             "layers; set pictures without 'raster' and "
                             "'rate_maps'")

    def before_train(self, runner: Runner) -> None:
        # Asked for outside training, runner.train_loop would build itself.
        self._train_loop = runner.train_loop

    def _before_epoch(self, runner: Runner, mode: str = 'train') -> None:
        self._seen = 0

    def after_val_iter(self,
                       runner: Runner,
                       batch_idx: int,
                       data_batch: DATA_BATCH = None,
                       outputs: Optional[Sequence] = None) -> None:
        step = self._step()
        every = self._train_loop.val_interval if self._train_loop else 1
        if ceil(step / every) % self.interval == 0:
            self._draw(runner, data_batch, outputs, 'val', step)

    def after_test_iter(self,
                        runner: Runner,
                        batch_idx: int,
                        data_batch: DATA_BATCH = None,
                        outputs: Optional[Sequence] = None) -> None:
        self._draw(runner, data_batch, outputs, 'test', self._step())

    def _step(self) -> int:
        loop = self._train_loop
        if loop is None:
            return 0
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        return loop.epoch if by_epoch else loop.iter

    def _draw(self, runner: Runner, data_batch: dict,
              outputs: Sequence[ActionDataSample], mode: str,
              step: int) -> None:
        """Draw the samples of a batch whose turn it is."""
        if not is_main_process():
            return
        last = (self.num_samples - 1) * self.sample_interval
        model = bare_model(runner)
        for i, output in enumerate(outputs, self._seen):
            if i > last or i % self.sample_interval:
                continue
            index = i * get_world_size()  # processes take turns
            clip = data_batch['inputs'][i - self._seen][:1]
            one = dict(inputs=[clip], data_samples=[output])
            # Compiled code calls no hooks of layers.
            with torch.compiler.set_stance('force_eager'):
                for name, figure in clip_pictures(
                        model, one,
                        f'{mode} sample {index}: {_result(output)}',
                        self.pictures, self.stage, self.top_k):
                    runner.visualizer.add_image(f'{mode}_{index}_{name}',
                                                render(figure), step)
        self._seen += len(outputs)


def _result(sample: ActionDataSample) -> str:
    labels = ', '.join(map(str, labels_of(sample))) or 'none'
    return f'class {labels} predicted as {int(video_scores(sample).argmax())}'
