import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

TOOL = Path(__file__).parents[2] / 'tools/data/make_motion_shapes.py'
PER_CLASS = {'train': 2, 'val': 1}


def load_tool():
    spec = importlib.util.spec_from_file_location(TOOL.stem, TOOL)
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


ms = load_tool()


def calm_scene(seed=0):
    """A scene without camera shake and flicker."""
    return ms.sample_scene(np.random.default_rng(seed), shake=0, flicker=0)


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    out = tmp_path_factory.mktemp('data') / 'set'
    assert ms.make_dataset(out, 2, 1, seed=3, workers=2) == 48
    return out


def read_list(path):
    pairs = [line.split(' ') for line in path.read_text().splitlines()]
    return [(video, int(label)) for video, label in pairs]


def same_again(out, **changes):
    options = dict(train_per_class=2, val_per_class=1, seed=3, workers=2)
    return ms.make_dataset(out, **{**options, **changes})


@pytest.mark.parametrize('name', ms.OBJECTS)
def test_same_seed_same_pixels(name):
    first, again, other = (
        ms.draw_clip(ms.sample_scene(np.random.default_rng(seed)), name, 'up')
        for seed in (5, 5, 6))
    assert first.shape == (24, 80, 80, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


def test_first_frame_does_not_show_the_motion():
    scene = ms.sample_scene(np.random.default_rng(0))
    first = [ms.draw_clip(scene, 'ring', m)[0] for m in ms.MOTIONS]
    for frame in first[1:]:
        # The start and the camera are the same for all motions.
        np.testing.assert_array_equal(frame, first[0])


@pytest.mark.parametrize('motion', ms.MOTIONS)
def test_positions_are_uniform_in_every_frame(motion):
    rng = np.random.default_rng(1)
    tracks = np.stack([ms.ball_track(ms.sample_scene(rng), motion)
                       for _ in range(800)])
    for step in (0, 8, 23):
        for ball in (0, 1):
            for axis in (0, 1):
                share = np.histogram(tracks[:, step, ball, axis], 4,
                                     (0, ms.SIZE))[0] / 800
                # A quarter each; standard error 0.015.
                np.testing.assert_allclose(share, 0.25, atol=0.065)


@pytest.mark.parametrize('motion, step', [('left', (-3, 0)), ('right', (3, 0)),
                                          ('up', (0, -3)), ('down', (0, 3))])
def test_ball_goes_where_the_class_says(motion, step):
    scene = calm_scene()
    scene.background = np.zeros((80, 80, 3))
    scene.colour = np.zeros(3)
    scene.ball_colour = np.full(3, 250.)
    scene.ball_radius, scene.speed = 4., 3.
    scene.movers = np.full((2, 2), 40.)
    scene.resting = np.full((2, 2), 70.)
    frames = ms.draw_clip(scene, 'ring', motion)[..., 0].astype(float)
    y, x = np.mgrid[:80, :80]

    def centroid(light):
        return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()

    # From frame 4 on (12 pixels) the ball has left where it started.
    for i in range(4, 9):
        residual = frames[i] - frames[0]
        np.testing.assert_allclose(centroid(residual.clip(0)),
                                   40 + i * np.array(step), atol=0.05)
        np.testing.assert_allclose(centroid((-residual).clip(0)), 40,
                                   atol=0.05)


def test_still_camera_leaves_no_residual_away_from_the_balls():
    scene = calm_scene(2)
    frames = ms.draw_clip(scene, 'stripes', 'right').astype(int)
    track = ms.ball_track(scene, 'right')
    for key in range(0, 16, 4):
        for i in range(key + 1, key + 4):
            touched = ms.ball_mask(track[[key, i]].reshape(4, 2),
                                   scene.ball_radius + 1) > 0
            residual = abs(frames[i] - frames[key]).max(-1)
            assert not residual[~touched].any()
            assert residual[touched].max() > 50


def test_residual_shows_the_balls_more_than_the_object():
    rng = np.random.default_rng(4)
    edge, moved = [], []
    for name in ms.OBJECTS * 5:
        scene = ms.sample_scene(rng)
        frames = ms.draw_clip(scene, name, 'down').astype(float)
        track = ms.ball_track(scene, 'down')
        near = ms.ball_mask(track[[0, 2]].reshape(4, 2),
                            scene.ball_radius + 1) > 0
        mask = ms.object_mask(name, scene.centre, scene.radius, scene.angle)
        residual = abs(frames[2] - frames[0]).max(-1)
        outline = (mask > 0) & (mask < 1) & ~near
        edge.append(residual[outline].mean())
        moved.append(residual[near].mean())
    assert np.mean(moved) > 5 * np.mean(edge)


def test_objects_differ_and_fit_every_crop():
    centre, radius = np.array([32., 47.]), 16.
    masks = [ms.object_mask(name, centre, radius, 0.) for name in ms.OBJECTS]
    for i, mask in enumerate(masks):
        # Crops of 64 all hold rows and columns 16 to 63.
        assert mask[16:64, 16:64].sum() == pytest.approx(mask.sum())
        assert mask.max() == 1 and mask.min() == 0
        for other in masks[:i]:
            assert abs(mask - other).mean() > 0.03
    # Ring between 0.6 and 1 radius.
    assert masks[0].sum() == pytest.approx(np.pi * (1 - 0.36) * 256, rel=0.02)


def test_ball_wraps_around_the_border():
    mask = ms.ball_mask(np.array([[0., 40.]]), 4.)
    assert mask[40, 0] == mask[40, 3] == mask[40, 77] == 1
    assert mask[40, 5] == mask[40, 75] == mask[45, 0] == 0


def test_lists_match_files_and_labels(dataset):
    names = (dataset / 'classes.txt').read_text().splitlines()
    assert names == ms.CLASSES and len(set(names)) == 16
    listed = set()
    for split, size in PER_CLASS.items():
        pairs = read_list(dataset / f'{split}.txt')
        counts = np.bincount([label for _, label in pairs])
        assert counts.tolist() == [size] * 16
        for video, label in pairs:
            assert video.split('/')[:2] == [split, names[label]]
            listed.add(dataset / video)
    assert listed == set(dataset.rglob('*.mp4'))
    assert not list(dataset.glob('.part-*'))
    meta = json.loads((dataset / 'meta.json').read_text())
    assert meta['seed'] == 3 and meta['per_class'] == PER_CLASS
    assert meta['classes'] == names


def test_videos_decode_to_what_was_drawn(dataset):
    decord = pytest.importorskip('decord')
    for split, which in (('train', 0), ('val', 1)):
        for video, label in read_list(dataset / f'{split}.txt'):
            reader = decord.VideoReader(str(dataset / video), num_threads=1)
            assert len(reader) == ms.FRAMES
            assert reader.get_avg_fps() == ms.FPS
            decoded = reader.get_batch(range(ms.FRAMES)).asnumpy()
            assert decoded.shape[1:] == (80, 80, 3)
            index = int(Path(video).stem)
            scene = ms.sample_scene(
                np.random.default_rng((3, which, label, index)))
            drawn = ms.draw_clip(scene, *ms.CLASSES[label].split('_'))
            grey = [[cv2.cvtColor(f, code) for f in clip] for clip, code in
                    ((decoded, cv2.COLOR_RGB2GRAY),
                     (drawn, cv2.COLOR_BGR2GRAY))]
            assert abs(np.subtract(*np.array(grey, float))).mean() < 4


def test_finished_set_is_left_alone_and_a_partial_one_completed(dataset):
    videos = sorted(dataset.rglob('*.mp4'))
    stamps = [v.stat().st_mtime_ns for v in videos]
    lost, content = videos[7], videos[7].read_bytes()
    assert same_again(dataset) == 0
    lost.unlink()
    (dataset / 'val.txt').unlink()
    assert same_again(dataset) == 1
    # Same scene, same codec: the file comes back byte for byte.
    assert lost.read_bytes() == content
    assert len(read_list(dataset / 'val.txt')) == 16
    kept = [v.stat().st_mtime_ns for v in videos]
    assert [i for i in range(48) if kept[i] != stamps[i]] == [7]


def test_other_parameters_need_overwrite(tmp_path):
    out = tmp_path / 'set'
    assert same_again(out, train_per_class=1) == 32
    before = (out / 'train/ring_up/0000.mp4').read_bytes()
    with pytest.raises(FileExistsError, match='--overwrite'):
        same_again(out, train_per_class=1, seed=4)
    assert (out / 'train/ring_up/0000.mp4').read_bytes() == before
    assert same_again(out, train_per_class=1, seed=4, overwrite=True) == 32
    assert (out / 'train/ring_up/0000.mp4').read_bytes() != before


def test_foreign_folder_is_never_touched(tmp_path):
    (tmp_path / 'thesis.txt').write_text('years of work')
    for overwrite in (False, True):
        with pytest.raises(SystemExit, match='choose another --out'):
            ms.main(['--out', str(tmp_path)]
                    + ['--overwrite'] * overwrite)
    assert [p.name for p in tmp_path.iterdir()] == ['thesis.txt']


def test_file_in_place_of_the_folder(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(SystemExit, match='error: .*file'):
        ms.main(['--out', str(tmp_path / 'file' / 'set')])


@pytest.mark.parametrize('option, value', [
    ('--train-per-class', '0'), ('--val-per-class', '-1'), ('--seed', '-2'),
    ('--workers', '0'), ('--train-per-class', 'many')])
def test_bad_values_are_named(option, value, capsys):
    with pytest.raises(SystemExit):
        ms.parse_args([f'{option}={value}'])
    error = capsys.readouterr().err
    assert option in error and 'at least' in error and repr(value) in error


def test_full_disk_is_reported(tmp_path, monkeypatch):
    """OpenCV writes half a file without a word."""

    writer_type = cv2.VideoWriter

    class FullDisk:

        def __init__(self, path, *args):
            self.path, self.writer = Path(path), writer_type(path, *args)
            self.isOpened, self.write = self.writer.isOpened, self.writer.write

        def release(self):
            self.writer.release()
            content = self.path.read_bytes()
            self.path.write_bytes(content[:len(content) // 2])

    monkeypatch.setattr(ms.cv2, 'VideoWriter', FullDisk)
    with pytest.raises(SystemExit, match='is the disk full'):
        ms.main(['--out', str(tmp_path / 'set'), '--workers=1'])
    assert not list(tmp_path.rglob('*.mp4'))


def test_missing_encoder_is_reported(tmp_path, monkeypatch):
    class Closed:
        def __init__(self, *args):
            pass

        def isOpened(self):
            return False

    monkeypatch.setattr(ms.cv2, 'VideoWriter', Closed)
    with pytest.raises(SystemExit, match='opencv-python'):
        ms.main(['--out', str(tmp_path / 'set'), '--workers=1'])
    assert not (tmp_path / 'set' / 'train.txt').exists()
