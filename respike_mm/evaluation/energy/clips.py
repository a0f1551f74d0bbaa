"""How many clips a sample consists of."""
from typing import Any, Iterable

_CROPS = dict(ThreeCrop=3, TenCrop=10)
_DENSE_POSITIONS = 10  # default of DenseSampleFrames


def pipeline_of(dataset: Any) -> Iterable[Any]:
    """Transforms of a data set, also inside wrappers.

    Of several data sets (``ConcatDataset``) the first one's. Empty where
    there are none.

    Args:
        dataset: Built, or its config.
    """
    fields = dataset if isinstance(dataset, dict) else vars(dataset)
    if 'pipeline' in fields:
        pipeline = fields['pipeline']
        return getattr(pipeline, 'transforms', pipeline)
    for inner in (fields.get('dataset'), *fields.get('datasets', ())):
        if inner is not None:
            return pipeline_of(inner)
    return ()


def clips_per_sample(pipeline: Iterable[Any]) -> int:
    """Clips times crops that a pipeline makes of one video.

    A transform with ``clip_len`` of more than one frame makes ``num_clips``
    clips. Single frames (``clip_len=1``, as in TSN) are the segments of one
    clip. Testing, ``DenseSampleFrames`` makes as many at each position, and
    ``twice_sample`` of ``SampleFrames`` makes them twice.

    Args:
        pipeline: Transforms, built or as configs.
    """
    clips = 1
    for step in pipeline:
        kind = step['type'] if isinstance(step, dict) else type(step)
        name = getattr(kind, '__name__', str(kind)).split('.')[-1]
        options = step if isinstance(step, dict) else vars(step)
        if options.get('clip_len', 1) > 1:
            clips *= options.get('num_clips', 1)
        if options.get('test_mode'):
            clips *= _test_repeats(name, options)
        clips *= _CROPS.get(name, 1)
    return clips


def _test_repeats(name: str, options: dict) -> int:
    """How often a sampler of MMAction2 samples where it tests."""
    if name == 'DenseSampleFrames':  # does not look at twice_sample
        return options.get('num_sample_positions', _DENSE_POSITIONS)
    return 2 if options.get('twice_sample') else 1
