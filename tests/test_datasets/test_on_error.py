import warnings

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from respike_mm.datasets.checked_video_dataset import (CheckedVideoDataset,
                                                       VideoReadError)

PIPELINE = [
    dict(type='VideoInit'),
    dict(type='SampleFrames', clip_len=1, num_clips=1),
    dict(type='VideoDecode'),
    dict(type='FormatShape', input_format='NCHW'),
    dict(type='PackActionInputs')
]


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield


@pytest.fixture
def make(video_set, tmp_path):
    """A set of ``good`` readable and then ``bad`` missing videos."""

    def make(good=9, bad=3, **options):
        lines = video_set.train.read_text().splitlines()[:good]
        lines += [f'missing{i}.mp4 0' for i in range(bad)]
        (tmp_path / 'list.txt').write_text('\n'.join(lines))
        options = dict(pipeline=PIPELINE, on_error='skip', **options)
        return CheckedVideoDataset(
            str(tmp_path / 'list.txt'),
            data_prefix=dict(video=str(video_set.folder)), **options)

    return make


def meta(sample, key):
    return sample['data_samples'].get(key)


def test_a_readable_video_is_itself_and_says_so(make, video_set):
    sample = make()[4]
    assert meta(sample, 'video_path') == str(video_set.folder / 'class1_2.mp4')
    assert meta(sample, 'skipped_videos') is None


def test_the_substitute_records_whom_it_stands_for(make):
    skipped = meta(make(bad=1)[9], 'skipped_videos')
    (name, reason), = skipped.items()
    assert name.endswith('missing0.mp4')
    assert reason.startswith('cannot read video') and 'No such file' in reason


def test_substitutes_differ_and_follow_the_seed(make):
    dataset = make()

    def drawn():
        np.random.seed(3)
        return [meta(dataset[9 + i % 3], 'video_path') for i in range(12)]

    first = drawn()
    assert len(set(first)) > 3
    assert first == drawn()


def test_retries_are_bounded(make):
    dataset = make(good=1, bad=12, max_skips=2)
    np.random.seed(0)
    with pytest.raises(VideoReadError, match='3 videos in a row.*missing'):
        for _ in range(20):
            dataset[5]
    with pytest.raises(VideoReadError, match='2 videos in a row'):
        make(good=0, bad=2, max_skips=9)[0]


def test_workers_carry_the_record_to_the_main_process(make):
    loader = DataLoader(make(), batch_size=4, num_workers=2,
                        collate_fn=pseudo_collate)
    names = [name for batch in loader for sample in batch['data_samples']
             for name in sample.get('skipped_videos', {})]
    assert {name[-12:] for name in names} == {
        'missing0.mp4', 'missing1.mp4', 'missing2.mp4'}


def test_every_skip_is_warned_of(make):
    with pytest.warns(UserWarning, match='skipped: .*missing0.mp4'):
        make(bad=1)[9]


def test_a_test_set_is_never_skipped_from(make):
    with pytest.raises(ValueError, match='training.*test_mode=True'):
        make(test_mode=True)


def test_bad_options(make):
    with pytest.raises(ValueError, match='max_skips=0'):
        make(max_skips=0)
    with pytest.raises(ValueError, match="'raise' or 'skip', got 'ignore'"):
        CheckedVideoDataset('list.txt', [], on_error='ignore')


def test_without_a_data_sample_skipping_is_an_error(make):
    dataset = make()
    dataset.pipeline.transforms.pop()
    with pytest.raises(TypeError, match='PackActionInputs'):
        dataset[9]


def test_pipeline_errors_are_not_skipped(make):
    dataset = make()
    dataset.pipeline.transforms.insert(0, lambda data: data['nothing'])
    with pytest.raises(KeyError, match='nothing'):
        dataset[0]
