"""Generates motion shapes, a small video data set for quick experiments.

A class is a still object and the direction in which bright balls drift past
it: `ring_left`, `cross_up`, ... A single frame shows the object but not the
direction, a difference of two frames shows the direction but hardly the
object, so a network has to look at both. Everything else in a clip (colours,
places, sizes, speeds, texture, light, camera shake) is drawn without regard
to its class. Directions are labels: train without horizontal flips.
"""
import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mmengine.utils import ProgressBar
from numpy.random import Generator

SIZE, FRAMES, FPS = 80, 24, 25
SUBPIXELS = 4
OBJECTS = ('ring', 'cross', 'triangle', 'stripes')
# Image coordinates: x to the right, y down.
MOTIONS = {'left': (-1, 0), 'right': (1, 0), 'up': (0, -1), 'down': (0, 1)}
CLASSES = [f'{name}_{motion}' for name in OBJECTS for motion in MOTIONS]
# Raised whenever the same seed would no longer give the same pixels.
DRAWING = 1


@dataclass
class Scene:
    """What a clip shows, apart from its class; lengths in pixels."""
    background: np.ndarray  # (SIZE, SIZE, 3), grey levels
    centre: np.ndarray  # (2,), x and y of the object
    radius: float
    angle: float
    colour: np.ndarray  # (3,), of the object
    movers: np.ndarray  # (2, 2), where the drifting balls start
    resting: np.ndarray  # (2, 2), balls of the same look that stay
    ball_radius: float
    ball_colour: np.ndarray
    speed: float  # per frame
    shake: np.ndarray  # (FRAMES, 2), camera offset
    light: np.ndarray  # (FRAMES, 10, 10), coarse, added to the picture


def draw_texture(rng: Generator) -> np.ndarray:
    """Draws smooth coloured noise on three scales."""
    image = np.ones((SIZE, SIZE, 3)) * rng.uniform(85, 125, 3)
    for cells, contrast in ((3, 20), (10, 12), (27, 8)):
        grid = rng.uniform(-contrast, contrast, (cells, cells, 3))
        image += cv2.resize(grid, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    return image


def sample_scene(rng: Generator, shake: float = 0.08,
                 flicker: float = 4.) -> Scene:
    """Draws a scene at random; it must not depend on the class.

    Args:
        rng: Source of all randomness of a clip.
        shake: Standard deviation of the camera's offset.
        flicker: Standard deviation of the patchy light. It is added, not
            multiplied: a product would copy the object into residuals.
    """
    start = rng.uniform(0, SIZE, 2)
    apart = SIZE / 2 + rng.uniform(-10, 10, 2)
    contrast = rng.choice([-1, 1]) * rng.uniform(60, 85)
    return Scene(
        background=draw_texture(rng),
        # Every 64 x 64 crop holds the object, but for a rotated corner.
        centre=rng.uniform(32, SIZE - 33, 2),
        radius=rng.uniform(13, 16),
        angle=rng.uniform(-0.3, 0.3),
        colour=105 + contrast + rng.uniform(-20, 20, 3),
        movers=np.stack([start, start + apart]),
        resting=rng.uniform(0, SIZE, (2, 2)),
        ball_radius=rng.uniform(3.5, 5.5),
        ball_colour=rng.uniform(215, 255, 3),
        speed=rng.uniform(2, 3.5),
        shake=rng.normal(0, shake, (FRAMES, 2)),
        light=rng.normal(0, flicker, (FRAMES, 10, 10)))


def object_mask(name: str, centre: np.ndarray, radius: float,
                angle: float) -> np.ndarray:
    """Draws the object as coverage per pixel, (SIZE, SIZE) in [0, 1]."""
    axis = (np.arange(SIZE * SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    x = (axis[None] - centre[0]) / radius
    y = (axis[:, None] - centre[1]) / radius
    u = np.cos(angle) * x + np.sin(angle) * y
    v = np.cos(angle) * y - np.sin(angle) * x
    box = np.maximum(abs(u), abs(v))
    inside = {
        'ring': abs(np.hypot(u, v) - 0.8) < 0.2,
        'cross': (np.minimum(abs(u), abs(v)) < 0.25) & (box < 1),
        'triangle': (v < 0.8) & (v > 2 * abs(u) - 1),
        'stripes': (box < 0.95) & (np.cos(10 * v) > 0),
    }[name]
    return inside.reshape(SIZE, SUBPIXELS, SIZE, SUBPIXELS).mean((1, 3))


def ball_mask(centres: np.ndarray, radius: float) -> np.ndarray:
    """Draws balls on a torus, so that none is ever out of the picture."""
    axis = np.arange(SIZE)
    # Signed distance on a circle of length SIZE.
    gap = (axis - centres[..., None] + SIZE / 2) % SIZE - SIZE / 2
    distance = np.hypot(gap[:, 0, None, :], gap[:, 1, :, None]).min(0)
    return np.clip(radius - distance + 0.5, 0, 1)


def paint(image: np.ndarray, mask: np.ndarray,
          colour: np.ndarray) -> np.ndarray:
    """Blends a colour into the image where the mask covers it."""
    return image + mask[..., None] * (colour - image)


def ball_track(scene: Scene, motion: str) -> np.ndarray:
    """Computes where the drifting balls are, (FRAMES, 2 balls, x and y)."""
    steps = np.arange(FRAMES)[:, None, None] * scene.speed
    track = scene.movers + steps * np.array(MOTIONS[motion])
    return (track + scene.shake[:, None]) % SIZE


def draw_clip(scene: Scene, name: str, motion: str) -> np.ndarray:
    """Draws the frames of a clip, uint8 (FRAMES, SIZE, SIZE, 3) in BGR."""
    still = paint(scene.background,
                  ball_mask(scene.resting, scene.ball_radius),
                  scene.ball_colour)
    mask = object_mask(name, scene.centre, scene.radius, scene.angle)
    still = paint(still, mask, scene.colour)
    frames = []
    for shift, light, balls in zip(scene.shake, scene.light,
                                   ball_track(scene, motion)):
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        frame = cv2.warpAffine(still, matrix, (SIZE, SIZE),
                               borderMode=cv2.BORDER_REFLECT)
        frame = paint(frame, ball_mask(balls, scene.ball_radius),
                      scene.ball_colour)
        glow = cv2.resize(light, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        frames.append(np.clip(np.rint(frame + glow[..., None]), 0, 255))
    return np.stack(frames).astype(np.uint8)


def write_video(frames: np.ndarray, path: Path) -> None:
    """Encodes BGR frames, (T, H, W, 3), as MPEG-4.

    Raises:
        RuntimeError: This build of OpenCV cannot encode the format.
        OSError: The file is not complete.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), FPS,
                             frames.shape[2:0:-1])
    if not writer.isOpened():
        raise RuntimeError('OpenCV cannot write mp4v video here: install an '
                           'opencv-python wheel, which brings FFmpeg')
    for frame in frames:
        writer.write(frame)
    writer.release()
    # OpenCV does not say that the disk is full.
    reader = cv2.VideoCapture(str(path))
    written = reader.get(cv2.CAP_PROP_FRAME_COUNT)
    reader.release()
    if written != len(frames):
        raise OSError(f'{path} was not written completely; is the disk full?')


def replace_text(path: Path, text: str, scratch: Path) -> None:
    """Writes a file so that readers never see half of it."""
    (scratch / path.name).write_text(text)
    os.replace(scratch / path.name, path)


def prepare_folder(out: Path, meta: dict, overwrite: bool) -> None:
    """Makes sure that `out` can take this very data set.

    Raises:
        FileExistsError: The folder holds something else.
    """
    record = out / 'meta.json'
    if out.is_dir() and any(out.iterdir()):
        # Never empty a folder that this tool did not fill.
        if not record.is_file():
            raise FileExistsError(f'{out} is not empty and holds no data set '
                                  'of this tool: choose another --out')
        if json.loads(record.read_text()) == meta:
            return
        if not overwrite:
            raise FileExistsError(
                f'{out} holds a set made with other parameters ({record}): '
                'give --overwrite to replace it')
        for split in meta['per_class']:
            (out / f'{split}.txt').unlink(missing_ok=True)
            if (out / split).is_dir():
                shutil.rmtree(out / split)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.part-', dir=out) as scratch:
        replace_text(record, json.dumps(meta, indent=2) + '\n', Path(scratch))


def make_video(path: Path, scratch: Path, name: str,
               key: tuple[int, ...]) -> None:
    """Writes one clip, which `key` determines together with its class."""
    scene = sample_scene(np.random.default_rng(key))
    part = scratch / '-'.join(path.parts[-3:])
    write_video(draw_clip(scene, *name.split('_')), part)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, path)


def make_dataset(out: Path, train_per_class: int, val_per_class: int,
                 seed: int, workers: int = 1, overwrite: bool = False) -> int:
    """Writes the data set or what is missing of it.

    Returns:
        int: Number of videos written.
    """
    sizes = {'train': train_per_class, 'val': val_per_class}
    prepare_folder(out, dict(
        drawing=DRAWING, seed=seed, per_class=sizes, frames=FRAMES, fps=FPS,
        width=SIZE, height=SIZE, classes=CLASSES), overwrite)
    # Each clip has a seed of its own, so any subset of them can be made.
    clips = {f'{split}/{name}/{i:04d}.mp4': (name, (seed, which, label, i))
             for which, (split, size) in enumerate(sizes.items())
             for label, name in enumerate(CLASSES) for i in range(size)}
    missing = [path for path in clips if not (out / path).is_file()]
    with tempfile.TemporaryDirectory(prefix='.part-', dir=out) as folder, \
            ThreadPoolExecutor(workers) as pool:
        scratch = Path(folder)
        bar = ProgressBar(len(missing)) if missing else None
        for _ in pool.map(
                lambda p: make_video(out / p, scratch, *clips[p]), missing):
            bar.update()
        # The lists come last, so a first run that was cut off leaves none.
        for split in sizes:
            lines = [f'{path} {CLASSES.index(name)}\n'
                     for path, (name, _) in clips.items()
                     if path.startswith(f'{split}/')]
            replace_text(out / f'{split}.txt', ''.join(lines), scratch)
        replace_text(out / 'classes.txt', '\n'.join(CLASSES) + '\n', scratch)
    return len(missing)


def at_least(minimum: int) -> Callable[[str], int]:
    """Makes an argument type: an integer with a lower bound."""
    def parse(text: str) -> int:
        if not text.lstrip('-').isdigit() or int(text) < minimum:
            raise argparse.ArgumentTypeError(
                f'needs an integer of at least {minimum}, got {text!r}')
        return int(text)
    return parse


def parse_args(args: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--out', type=Path, default=Path('data/motion_shapes'))
    parser.add_argument('--train-per-class', type=at_least(1), default=40)
    parser.add_argument('--val-per-class', type=at_least(1), default=10)
    parser.add_argument('--seed', type=at_least(0), default=0)
    parser.add_argument('--workers', type=at_least(1),
                        default=os.cpu_count() or 1)
    parser.add_argument('--overwrite', action='store_true',
                        help='replace a set made with other parameters')
    return parser.parse_args(args)


def main(args: list[str] | None = None) -> None:
    args = parse_args(args)
    try:
        written = make_dataset(**vars(args))
    except (OSError, ValueError, RuntimeError) as error:
        raise SystemExit(f'error: {error}')
    print(f'\n{args.out}: {written} videos written'
          if written else f'{args.out} is complete, nothing to do')


if __name__ == '__main__':
    main()
