"""Grad-CAM of both branches in one picture."""
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from torch import Tensor


def draw_grad_cam(key: Tensor, spiking: Tensor, num_segments: int,
                  title: str, colormap: Colormap) -> Figure:
    """A row per segment: the ANN's view, then the spiking branch's.

    Args:
        key: Blended key frames ``[K, H, W, 3]``, 0 to 1.
        spiking: Blended frames ``[K * S, H, W, 3]``, 0 to 1.
        num_segments: ``K``.
        title: Heading.
        colormap: The one that the frames are blended with.
    """
    spiking = spiking.unflatten(0, (num_segments, -1))  # [K, S, H, W, 3]
    num_steps = spiking.shape[1]
    figure = Figure((1.7 * (num_steps + 1) + 1, 1.9 * num_segments + .7),
                    layout='constrained')
    axes = figure.subplots(num_segments, num_steps + 1, squeeze=False)
    for k, row in enumerate(axes):
        number = k * (num_steps + 1)
        row[0].imshow(key[k].numpy())
        row[0].set_title(f'ANN: key frame {number}', fontsize=9)
        for i, axis in enumerate(row[1:]):
            axis.imshow(spiking[k, i].numpy())
            axis.set_title(f'SNN: frame {number + i + 1}', fontsize=9)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    figure.colorbar(ScalarMappable(Normalize(0, 1), colormap), ax=axes,
                    shrink=.8, label='Grad-CAM, relative to the branch\'s '
                    'largest value in the clip')
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
