"""One clip, and what a network does with it, as figures."""
from typing import Any, Dict, Iterator, Sequence, Tuple

from matplotlib.figure import Figure
from torch import nn

from .attention import StageAttention, attention_of
from .attention_figures import draw_attention, glance_at
from .segments import Segments, draw_segments, segments_of
from .spike_figures import draw_raster, draw_rate_maps
from .spikes import clip_spikes, stage_layers

PICTURES = ('sampler', 'attention', 'raster', 'rate_maps')


def clip_pictures(model: nn.Module,
                  data: Dict[str, Any],
                  title: str,
                  pictures: Sequence[str] = PICTURES,
                  stage: int = 3,
                  top_k: int = 5) -> Iterator[Tuple[str, Figure]]:
    """Draw what the sampler hands over, where the network looks, its spikes.

    Args:
        model: In evaluation mode; it runs once for the attention and once
            for the spikes.
        data: A batch of one sample of one clip, as ``pseudo_collate`` gives
            it.
        title: Heading of all figures.
        pictures: Which of ``PICTURES``.
        stage: Whose attention, counted from 1.
        top_k: Key-frame tokens that stand out; all where there are fewer.

    Yields:
        The name of each picture and its figure.

    Raises:
        ValueError: If the sample holds no segments, or the model has no
            attention at that stage or no spikes, where they are asked for.
    """
    clip = segments_of(data['inputs'][0])
    num_segments, num_steps = clip.residual.shape[:2]
    if 'sampler' in pictures:
        yield 'sampler', draw_segments(clip, title)
    if 'attention' in pictures:
        stages, _ = attention_of(model, data)
        if stage - 1 not in stages:
            raise ValueError(f'stage {stage} does not fuse; those that do: '
                             f'{[s + 1 for s in stages]}')
        yield 'attention', _attention(stages[stage - 1], clip, top_k,
                                      f'{title}\nstage {stage}')
    if {'raster', 'rate_maps'} & set(pictures):
        spikes = clip_spikes(model, data, num_segments)
        shown = {name: spikes[name].cpu()
                 for name in stage_layers(list(spikes))}
        if 'raster' in pictures:
            yield 'raster', draw_raster(shown, num_steps, title)
        if 'rate_maps' in pictures:
            yield 'rate_maps', draw_rate_maps(shown, clip.residual, title)


def _attention(attention: StageAttention, clip: Segments, top_k: int,
               title: str) -> Figure:
    """The last residual frame of every segment, mean of heads."""
    num_segments, num_steps = clip.residual.shape[:2]
    glances = [glance_at(attention, clip, segment, num_steps - 1)
               for segment in range(num_segments)]
    rows, columns = attention.key_grid
    return draw_attention(
        glances, min(top_k, rows * columns),
        f'{title}, mean of heads, {rows} x {columns} key-frame tokens\n'
        'query token (yellow) chosen by motion energy')
