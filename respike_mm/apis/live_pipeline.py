"""What of a test pipeline applies to video that is no file."""
from typing import Tuple


def after_decoding(pipeline: list) -> Tuple[int, int, list]:
    """What a test pipeline does, apart from reading a file.

    Returns:
        Frames of a clip, frames from one to the next, and the transforms
        behind the decoding.

    Raises:
        ValueError: If the pipeline samples or decodes nothing.
    """
    names = [str(step['type']).split('.')[-1] for step in pipeline]
    decoding = [i for i, name in enumerate(names) if name.endswith('Decode')]
    samplers = [step for step in pipeline if 'clip_len' in step]
    if not decoding or not samplers:
        raise ValueError('live video needs a test_pipeline that samples '
                         f'clips and decodes them, got {names}')
    return (samplers[0]['clip_len'], samplers[0].get('frame_interval', 1),
            pipeline[decoding[0] + 1:])
