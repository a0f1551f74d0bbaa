"""How many clips a sample consists of."""
from typing import Any, Iterable

from ...type_names import type_name

_CROPS = dict(ThreeCrop=3, TenCrop=10)
_DENSE_POSITIONS = 10  # default of DenseSampleFrames


def pipeline_of(dataset: Any) -> Iterable[Any]:
    """Transforms of a data set, also inside wrappers.

    Of several data sets (``ConcatDataset``) the first one's. Empty where
    there are none.

    Args:
        dataset: Built, or its config.
    """
    pipeline = _field(dataset, 'pipeline')
    if pipeline is not None:
        return getattr(pipeline, 'transforms', pipeline)
    for inner in (_field(dataset, 'dataset'),
                  *(_field(dataset, 'datasets') or ())):
        if inner is not None:
            return pipeline_of(inner)
    return ()


def _field(dataset: Any, name: str) -> Any:
    if isinstance(dataset, dict):
        return dataset.get(name)
    return getattr(dataset, name, None)


def clips_per_sample(pipeline: Iterable[Any]) -> int:
    """Clips times crops that a pipeline makes of one video.

    A transform with ``clip_len`` of more than one frame (in some modality)
    makes ``num_clips`` clips. Single frames (``clip_len=1``, as in TSN) are
    the segments of one clip. Testing, ``DenseSampleFrames`` makes as many at
    each position, and ``twice_sample`` of ``SampleFrames`` makes them twice.
    ``double`` of ``GeneratePoseTarget`` appends flipped clips.

    Args:
        pipeline: Transforms, built or as configs.
    """
    clips = 1
    for step in pipeline:
        kind = step['type'] if isinstance(step, dict) else type(step)
        name = type_name(kind)
        options = step if isinstance(step, dict) else vars(step)
        frames = options.get('clip_len', 1)
        if isinstance(frames, dict):  # one a modality, MMUniformSampleFrames
            frames = max(frames.values())
        if frames > 1:
            clips *= options.get('num_clips', 1)
        if options.get('test_mode'):
            clips *= _test_repeats(name, options)
        if name == 'GeneratePoseTarget' and options.get('double'):
            clips *= 2
        clips *= _CROPS.get(name, 1)
    return clips


def _test_repeats(name: str, options: dict) -> int:
    """How often a sampler of MMAction2 samples where it tests."""
    if name == 'DenseSampleFrames':  # does not look at twice_sample
        return options.get('num_sample_positions', _DENSE_POSITIONS)
    return 2 if options.get('twice_sample') else 1
