import pytest
from mmengine.config import Config

from respike_mm.apis import VideoFiles, find_videos, inference_pipeline
from respike_mm.datasets.checked_video_dataset import VideoReadError


def test_find_videos(tmp_path):
    (tmp_path / 'sub').mkdir()
    for name in ('b.MP4', 'a.txt', 'sub/a.avi'):
        (tmp_path / name).touch()
    found = [tmp_path / 'b.MP4', tmp_path / 'sub/a.avi']
    assert find_videos([tmp_path]) == found
    # A file is taken whatever its name, once.
    named = [tmp_path / 'a.txt', tmp_path / 'sub/a.avi', tmp_path]
    assert find_videos(named) == [named[0], found[1], found[0]]
    (tmp_path / 'empty').mkdir()
    for path, match in (('empty', 'holds no videos'), ('c', 'not exist')):
        with pytest.raises(FileNotFoundError, match=match):
            find_videos([tmp_path / path])


def test_samples_are_the_files_in_order(video_set, bad_videos):
    good = sorted(video_set.folder.glob('*.mp4'))[:2]
    files = [good[1], bad_videos['garbage.mp4'], bad_videos['truncated.avi'],
             bad_videos['zero_frames.mp4'], good[0]]
    data = VideoFiles(files, [dict(type='VideoInit')])
    assert len(data) == 5
    for i, path in ((0, good[1]), (4, good[0])):
        assert data[i]['filename'] == str(path) and data[i]['label'] == -1
        assert data[i]['total_frames'] == 24
    for i in (1, 2, 3):
        with pytest.raises(VideoReadError, match=f'read video {files[i]}: '):
            data[i]


def test_a_config_without_a_test_pipeline():
    with pytest.raises(ValueError, match='no test_pipeline'):
        inference_pipeline(Config(dict(model=dict())))
