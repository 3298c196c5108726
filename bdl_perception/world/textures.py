# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Procedural textures of one drive: an array of square RGBA layers that repeat without seams."""
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

TEXTURE_SIZE = 256  # pixels along a side
FACADE_LAYERS = tuple(f'facade{i}' for i in range(8))
LEAF_LAYERS = tuple(f'leaves{i}' for i in range(3))
TEXTURE_LAYERS = ('plain', 'asphalt', 'marking', 'paving', 'grass', 'foliage', 'bark', 'wood',
                  'roof', 'hedge', 'shop', *FACADE_LAYERS, *LEAF_LAYERS)
Image = NDArray[np.float32]
WALL_COLOURS = (  # plaster, brick, stone and concrete: little saturation
    (.78, .74, .66), (.70, .66, .60), (.62, .60, .57), (.58, .40, .33), (.50, .34, .28),
    (.66, .52, .42), (.80, .78, .74), (.55, .55, .56), (.72, .64, .50), (.46, .42, .40))


def fractal_noise(rng: np.random.Generator, octaves: int = 6, persistence: float = .6,
                  base_cells: int = 4) -> Image:
    """Return value noise without seams, (TEXTURE_SIZE, TEXTURE_SIZE), scaled to 0..1."""
    total: Image = np.zeros((TEXTURE_SIZE, TEXTURE_SIZE), np.float32)
    amplitude = 1.
    for octave in range(octaves):
        cells = min(base_cells * 2 ** octave, TEXTURE_SIZE)
        grid = rng.random((cells, cells), dtype=np.float32)
        where = np.arange(TEXTURE_SIZE, dtype=np.float32) * cells / TEXTURE_SIZE
        low = where.astype(int)
        part = where - low
        part = part * part * (3 - 2 * part)
        high = (low + 1) % cells
        columns = grid[:, low] * (1 - part) + grid[:, high] * part
        total += amplitude * (columns[low] * (1 - part[:, None]) + columns[high] * part[:, None])
        amplitude *= persistence
    total -= total.min()
    return np.asarray(total / total.max(), np.float32)


def _blend_colours(amount: Image, dark: tuple[float, ...], light: tuple[float, ...]) -> Image:
    low, high = np.array(dark, np.float32), np.array(light, np.float32)
    return np.asarray(low + (high - low) * amount[..., None], np.float32)  # (SIZE, SIZE, 3)


def _white_noise(rng: np.random.Generator) -> Image:
    return rng.random((TEXTURE_SIZE, TEXTURE_SIZE), dtype=np.float32)


def _grain(rng: np.random.Generator, share: float, octaves: int, persistence: float,
           base_cells: int = 4) -> Image:
    """Blend fractal noise, by its share, with white noise."""
    return (share * fractal_noise(rng, octaves, persistence, base_cells)
            + (1 - share) * _white_noise(rng))


def _asphalt(rng: np.random.Generator) -> Image:
    grain = _grain(rng, .5, 7, .8)
    cracks = np.abs(fractal_noise(rng, 5, .55) - .5) < .006
    dry = _blend_colours(grain, (.24, .24, .25), (.42, .42, .43))
    return np.asarray(dry * (1 - .35 * cracks[..., None]), np.float32)


def _marking(rng: np.random.Generator) -> Image:
    paint = np.clip(2.6 - 3.2 * _grain(rng, .7, 7, .75, 8), 0, 1)
    return _blend_colours(paint, (.45, .45, .45), (.95, .95, .93))


def _paving(rng: np.random.Generator) -> Image:
    stone = _blend_colours(_grain(rng, .6, 6, .7), (.46, .45, .43), (.66, .64, .61))
    slab = TEXTURE_SIZE // 8
    tone = rng.uniform(.88, 1.08, (8, 8)).repeat(slab, 0).repeat(slab, 1)
    stone *= tone[..., None].astype(np.float32)
    stone[::slab] *= .72
    stone[:, ::slab] *= .72
    return stone


def _foliage(rng: np.random.Generator) -> Image:
    return _blend_colours(.5 * fractal_noise(rng, 7, .9, 8) + .5 * _white_noise(rng) ** 2,
                          (.05, .09, .03), (.30, .40, .14))


def _wood(rng: np.random.Generator) -> Image:
    streaks = np.repeat(fractal_noise(rng, 6, .8)[:1], TEXTURE_SIZE, axis=0)
    grain = streaks * .7 + .3 * _white_noise(rng)
    planks = _blend_colours(grain, (.38, .31, .24), (.56, .47, .37))
    planks[:, ::TEXTURE_SIZE // 8] *= .45
    return planks


def _roof(rng: np.random.Generator) -> Image:
    tiles = _blend_colours(_grain(rng, .5, 6, .7), (.55, .55, .55), (.95, .95, .95))
    tiles[::TEXTURE_SIZE // 16] *= .6
    return tiles


def _shop(rng: np.random.Generator) -> Image:
    wall = np.full((TEXTURE_SIZE, TEXTURE_SIZE, 3), rng.uniform(.25, .6), np.float32)
    for bay in range(2):
        left = bay * TEXTURE_SIZE // 2 + 10
        glass = _blend_colours(fractal_noise(rng, 4, .6), (.05, .06, .07), (.35, .35, .33))
        wall[20:150, left:left + 108] = glass[20:150, left:left + 108]
        sign = np.array(rng.uniform(.15, .75, 3), np.float32)
        wall[165:210, left:left + 108] = sign.mean() * .5 + sign * .5  # half way to grey
    return wall


def _window(wall: Image, foot: int, left: int, height: int, width: int, frame: float,
            rng: np.random.Generator) -> None:
    """Draw one window in place: a frame, panes that reflect the sky, sometimes a curtain."""
    wall[foot - 2:foot + height + 2, left - 2:left + width + 2] = frame
    shade = np.linspace(.65, 1.4, height, dtype=np.float32)[:, None, None]
    pane = rng.uniform(.06, .34) * np.array((.85, .95, 1.05), np.float32)
    wall[foot:foot + height, left:left + width] = pane * shade
    if rng.random() < .3:
        wall[foot + height // 2:foot + height, left:left + width] = rng.uniform(.5, .75)
    middle = left + width // 2
    wall[foot:foot + height, middle - 1:middle + 1] = frame
    wall[foot - 5:foot - 2, left - 4:left + width + 4] *= .7  # sill and its shadow


def _facade(rng: np.random.Generator) -> Image:
    """Draw four floors of four bays."""
    base = np.array(WALL_COLOURS[rng.integers(len(WALL_COLOURS))]) * rng.uniform(.85, 1.1)
    wall = np.ones((TEXTURE_SIZE, TEXTURE_SIZE, 3), np.float32) * base.astype(np.float32)
    wall *= .82 + .3 * fractal_noise(rng, 6, .65)[..., None]
    if rng.random() < .5:  # courses of bricks
        wall[::4] *= .88
    cell, frame = TEXTURE_SIZE // 4, float(rng.choice((.25, .75, .85)))
    width, height = (int(cell * share) for share in rng.uniform((.32, .45), (.72, .75)))
    for row in range(4):
        for column in range(4):
            foot, left = row * cell + (cell - height) // 2, column * cell + (cell - width) // 2
            _window(wall, foot, left, height, width, frame, rng)
    return wall


def _leaves(rng: np.random.Generator) -> Image:
    """Draw a ragged cluster of leaves; alpha 1 is leaf, 0 is cut out."""
    colour = _foliage(rng) * 1.25
    y, x = np.mgrid[-1:1:TEXTURE_SIZE * 1j, -1:1:TEXTURE_SIZE * 1j].astype(np.float32)
    ragged = 1. - np.hypot(x, y) + .9 * (fractal_noise(rng, 6, .85, 6) - .5)
    holes = fractal_noise(rng, 5, .9, 16) > .36
    alpha = ((ragged > .15) & holes).astype(np.float32)
    return np.dstack([colour, alpha])


_TEXTURE_GENERATORS: dict[str, Callable[[np.random.Generator], Image]] = {
    'plain': lambda rng: np.ones((TEXTURE_SIZE, TEXTURE_SIZE, 3), np.float32),
    'asphalt': _asphalt, 'marking': _marking, 'paving': _paving,
    'grass': lambda rng: _blend_colours(_grain(rng, .6, 7, .8), (.15, .20, .08), (.42, .45, .21)),
    'foliage': _foliage,
    'bark': lambda rng: _blend_colours(fractal_noise(rng, 6, .8, 8), (.20, .16, .12),
                                       (.42, .36, .29)),
    'wood': _wood, 'roof': _roof, 'hedge': _foliage, 'shop': _shop,
    **dict.fromkeys(FACADE_LAYERS, _facade), **dict.fromkeys(LEAF_LAYERS, _leaves)}


def texture_array(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw all TEXTURE_LAYERS, (L, TEXTURE_SIZE, TEXTURE_SIZE, 4); row 0 is the bottom."""
    layers = np.ones((len(TEXTURE_LAYERS), TEXTURE_SIZE, TEXTURE_SIZE, 4), np.float32)
    for index, name in enumerate(TEXTURE_LAYERS):
        layer = _TEXTURE_GENERATORS[name](rng)
        layers[index, ..., :layer.shape[-1]] = layer
    return (np.clip(layers, 0, 1) * 255 + .5).astype(np.uint8)
