"""Paints arranged shapes: textures, light, shadow, blur and noise, in colours that know nothing of classes.

Colours are float32 RGB in 0..1.  H W is the image, h w a patch of it; a texture is a map [h, w] in 0..1.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from yolact_tf.data.synthetic.scenes import Stamp

MAX_PERIOD = 20  # pixels of one stripe or check: no single check may pass for a square of 16 px or more
COLOUR_CANDIDATES = 4


def paint(rng: np.random.Generator, stamps: Iterable[Stamp], image_shape: tuple[int, int]) -> np.ndarray:
    """Paints a background, then the stamps over it from back to front.  Returns [H, W, 3] uint8."""
    canvas = _background(rng, image_shape)
    sun, shadow_strength = _lighting(rng)
    for stamp in stamps:
        image_window, patch_window = stamp.windows(*image_shape)
        below = canvas[image_window]
        _cast_shadow(below, stamp.coverage, patch_window, sun, shadow_strength)
        coverage = stamp.coverage[patch_window]
        below_colour = below[::4, ::4].mean((0, 1))
        _blend(below, coverage, _surface(rng, coverage, stamp.depth[patch_window], sun, below_colour))
    return _photograph(rng, canvas)


class Painting:
    """Stamps that keep their looks from picture to picture, wherever they are moved, over one background.

    stamps: from back to front.
    """

    def __init__(self, seed: int, stamps: Sequence[Stamp], image_shape: tuple[int, int]):
        rng = np.random.default_rng([seed, 0])
        self._background = _background(rng, image_shape)
        self._sun, self._shadow_strength = _lighting(rng)
        colour = self._background.mean((0, 1))
        self._surfaces = [_surface(rng, stamp.coverage, stamp.depth, self._sun, colour) for stamp in stamps]
        self._seed = seed

    def picture(self, stamps: Sequence[Stamp]) -> np.ndarray:
        """[H, W, 3] uint8 of the same stamps, moved."""
        canvas = self._background.copy()
        for stamp, surface in zip(stamps, self._surfaces, strict=True):
            image_window, patch_window = stamp.windows(*canvas.shape[:2])
            below = canvas[image_window]
            _cast_shadow(below, stamp.coverage, patch_window, self._sun, self._shadow_strength)
            _blend(below, stamp.coverage[patch_window], surface[patch_window])
        # The same camera, its noise included, takes all pictures.
        return _photograph(np.random.default_rng([self._seed, 1]), canvas)


def _background(rng, image_shape):
    return _fill(rng, image_shape, _colours(rng, 1)[0], contrast=0.25)


def _lighting(rng):
    """Returns the direction (y, x) that light comes from, and how dark shadows are."""
    light = rng.uniform(0, 2 * np.pi)
    return np.array((np.sin(light), np.cos(light))), rng.uniform(0, 0.6)


def _cast_shadow(below, coverage, patch_window, sun, strength):
    """Darkens `below` [h, w, 3] in place around an object, softly."""
    offset = -3 * sun
    soft = Image.fromarray((coverage * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(1.5))
    shadow = np.roll(np.asarray(soft), offset.round().astype(int), (0, 1))[patch_window]
    below *= (1 - strength / 255 * shadow.astype(np.float32))[..., None]


def _surface(rng, coverage, depth, sun, below_colour):
    """Returns a textured, lit surface [h, w, 3] for an object over something of `below_colour`."""
    candidates = _colours(rng, COLOUR_CANDIDATES)
    # The colour least like what lies under it: an object that nobody can see would be a wrong label.
    colour = candidates[np.abs(candidates - below_colour).sum(1).argmax()]
    surface = _fill(rng, coverage.shape, colour, contrast=0.15)
    rim = rng.uniform(0.06, 0.2) * max(coverage.shape)
    bevel = np.clip(depth / np.float32(rim), 0, 1) * np.float32(rng.uniform(0, 0.35))
    surface *= (_slope(coverage.shape, sun) * np.float32(rng.uniform(0, 0.5)) + bevel + np.float32(0.85))[
        ..., None
    ]
    return np.clip(surface, 0, 1)


def _blend(below, coverage, surface):
    """Lays a surface over `below` [h, w, 3] in place."""
    below += coverage[..., None] * (surface - below)


def _photograph(rng, canvas):
    """Adds uneven light, a slightly soft lens and sensor noise.  Returns [H, W, 3] uint8."""
    shape, angle = canvas.shape[:2], rng.uniform(0, 2 * np.pi)
    light = 1 + np.float32(rng.uniform(0, 0.5)) * _slope(shape, (np.sin(angle), np.cos(angle)))
    canvas *= light[..., None] * np.float32(rng.uniform(0.8, 1.1) * 255)
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    image = np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.8))))
    noise = rng.standard_normal((*shape, 3), np.float32) * np.float32(rng.uniform(1, 8))
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def _colours(rng, count):
    """Returns random colours [count, 3], from nearly grey to vivid."""
    colours = rng.random((count, 3))
    grey = colours.mean(1, keepdims=True)
    return grey + rng.uniform(0.1, 1, (count, 1)) * (colours - grey)


def _fill(rng, shape, colour, contrast):
    """Returns [h, w, 3]: a texture from `colour` to another within `contrast` of it, never quite flat."""
    other = np.clip(colour + rng.uniform(-contrast, contrast, 3), 0, 1)
    texture = TEXTURES[rng.integers(len(TEXTURES))](rng, shape)
    grain = (_noise(rng, shape, 4) - np.float32(0.5)) * np.float32(rng.uniform(0, 0.16))
    return texture[..., None] * np.float32(other - colour) + (grain[..., None] + np.float32(colour))


def _slope(shape, direction):
    """Returns a plane [h, w] that rises along direction (y, x), from about -0.5 to 0.5."""
    y, x = (np.linspace(-0.5, 0.5, n, dtype=np.float32) * np.float32(d) for n, d in zip(shape, direction))
    return y[:, None] + x


# Textures: (rng, shape) -> [h, w] in 0..1.


def _noise(rng, shape, cell):
    """Returns smooth value noise whose bumps are `cell` pixels apart."""
    rows, columns = (int(np.ceil(n / cell)) + 1 for n in shape)
    lattice = Image.fromarray(rng.random((rows, columns), np.float32))
    return np.asarray(lattice.resize(shape[::-1], Image.Resampling.BILINEAR))


def _clouds(rng, shape):
    cell = rng.uniform(16, 64)
    octaves = sum(_noise(rng, shape, max(cell / 2**k, 1)) / 2**k for k in range(4))
    return np.clip(octaves * np.float32(1.1) - np.float32(0.53), 0, 1)  # 1.875 / 2 +- 0.45 becomes 0..1


def _camouflage(rng, shape):
    return np.round(_clouds(rng, shape) * 3) / np.float32(3)


def _speckle(rng, shape):
    return np.clip((_noise(rng, shape, rng.uniform(1, 4)) - np.float32(rng.uniform(0.3, 0.7))) * 5, 0, 1)


def _gradient(rng, shape):
    angle = rng.uniform(0, 2 * np.pi)
    return np.clip(_slope(shape, (np.sin(angle), np.cos(angle))) + np.float32(0.5), 0, 1)


def _waves(rng, shape, angle, wobble):
    """Returns sines in -1..1 across the direction `angle`, bent where wobble [h, w] is not flat."""
    period = rng.uniform(5, MAX_PERIOD)
    y, x = (
        np.arange(n, dtype=np.float32) * np.float32(2 * np.pi / period * d)
        for n, d in zip(shape, (np.sin(angle), np.cos(angle)))
    )
    return np.sin(y[:, None] + x + wobble)


def _stripes(rng, shape):
    wobble = _noise(rng, shape, 32) * np.float32(rng.uniform(0, 6))
    return np.clip(
        _waves(rng, shape, rng.uniform(0, np.pi), wobble) * np.float32(rng.uniform(0.5, 3)) + 0.5, 0, 1
    )


def _checks(rng, shape):
    angle, wobble = rng.uniform(0, np.pi), _noise(rng, shape, 48) * np.float32(rng.uniform(0, 2))
    product = _waves(rng, shape, angle, wobble) * _waves(rng, shape, angle + np.pi / 2, wobble)
    return np.clip(product * np.float32(rng.uniform(1, 6)) + np.float32(0.5), 0, 1)


TEXTURES = (_clouds, _camouflage, _speckle, _gradient, _stripes, _checks)
