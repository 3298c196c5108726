# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Maps as colour images with a colour bar, for viewers that show rgb8 and nothing else.

The bar covers the uppermost rows, where most road images have sky. So image and bar have the size
of the map, and its camera_info stays true. An image too small for text has no bar.
"""
from functools import cache
from typing import cast, NamedTuple

from bdl_perception.perception.data_types import (
    Bytes,
    CLASS_COLOURS,
    CLASS_NAMES,
    colourise,
    Floats,
)
from bdl_perception.perception.visualization import (
    colour_depth,
    colour_entropy,
    colour_mutual_information,
    colour_std,
    DEPTH_RANGE_M,
    ENTROPY_RANGE_NAT,
    MUTUAL_INFORMATION_RANGE_NAT,
    STD_RANGE_M,
    TOO_FAR_RGB,
)
import cv2
import numpy as np

REFERENCE_WIDTH = 320  # px, of the sizes below; a wider image has a larger bar
MIN_WIDTH, MIN_HEIGHT = 240, 96  # px, of an image with a bar
ROW_HEIGHT = 10  # px, of a line of text
GRADIENT_TOP, GRADIENT_HEIGHT = 2, 6  # px
LABEL_WIDTH, END_WIDTH = 112, 46  # px, left and right of the gradient
SWATCH = 7  # px, side of a colour in a legend
BANNER_HEIGHT = 14  # px
MAX_TEXT = 200  # characters; more never fit into a line
FONT, FONT_SCALE = cv2.FONT_HERSHEY_PLAIN, .72
TEXT_RGB, BACKGROUND_RGB = (245, 245, 245), (24, 24, 24)
LEGEND_COLUMNS = 4
SHORT_NAMES = {'sign_symbol': 'sign'}


class Scale(NamedTuple):
    """What the colours of a map mean."""

    label: str  # with the unit
    limits: tuple[float, float]
    ticks: tuple[float, ...]
    special: str = ''  # what TOO_FAR_RGB means; empty: the map has none
    logarithmic: bool = False


DEPTH_SCALE = Scale('depth m', DEPTH_RANGE_M, (2, 5, 10, 20, 40, 80), 'sky', logarithmic=True)
ALEATORIC_SCALE = Scale('aleatoric std m', STD_RANGE_M, (0, 2, 4, 6, 8), 'sky')
EPISTEMIC_SCALE = ALEATORIC_SCALE._replace(label='epistemic std m')
ENTROPY_SCALE = Scale('entropy nat', ENTROPY_RANGE_NAT, (0, .8, 1.6, 2.4))
MUTUAL_INFORMATION_SCALE = Scale('mutual info nat', MUTUAL_INFORMATION_RANGE_NAT,
                                 (0, .1, .2, .3, .4, .5))


def draw_depth(depth: Floats) -> Bytes:
    """Draw depth (H, W) m as rgb with its bar: red is near, blue is far, light grey is sky."""
    return _add_bar(colour_depth(depth), DEPTH_SCALE)


def draw_std(std: Floats, scale: Scale) -> Bytes:
    """Draw a standard deviation (H, W) m as rgb with its bar; light grey has no depth."""
    return _add_bar(colour_std(std), scale)


def draw_entropy(entropy: Floats) -> Bytes:
    """Draw entropy (H, W) nat as rgb with its bar."""
    return _add_bar(colour_entropy(entropy), ENTROPY_SCALE)


def draw_mutual_information(information: Floats) -> Bytes:
    """Draw mutual information (H, W) nat as rgb with its bar."""
    return _add_bar(colour_mutual_information(information), MUTUAL_INFORMATION_SCALE)


def draw_classes(classes: Bytes) -> Bytes:
    """Draw class ids (H, W) as rgb with a legend."""
    rgb = colourise(classes)
    height, width = classes.shape
    if has_bar(width, height):
        _paste(rgb, _legend(width))
    return rgb


def draw_banner(rgb: Bytes, title: str, text: str, colour: tuple[int, int, int]) -> Bytes:
    """
    Return a copy of rgb (H, W, 3) with a line of this colour in the uppermost rows.

    The text is cut to the width. An image too small for text has the colour only.
    """
    drawn: Bytes = rgb.copy()
    height, width = rgb.shape[:2]
    unit = width / REFERENCE_WIDTH
    rows = drawn[:max(1, round(BANNER_HEIGHT * unit))]
    rows[:] = colour
    if has_bar(width, height):
        line = _fitted(f'{title}  {text}', width - 8 * unit, unit)
        _write(rows, line, 4 * unit, 10 * unit, unit)
    return drawn


def has_bar(width: int, height: int) -> bool:
    """Return whether an image of this size is large enough for text."""
    return width >= MIN_WIDTH and height >= MIN_HEIGHT


def _add_bar(rgb: Bytes, scale: Scale) -> Bytes:
    if has_bar(rgb.shape[1], rgb.shape[0]):
        _paste(rgb, _bar(rgb.shape[1], scale))
    return rgb


def _paste(rgb: Bytes, rows: Bytes) -> None:
    rgb[:len(rows)] = rows


@cache
def _bar(width: int, scale: Scale) -> Bytes:
    unit = width / REFERENCE_WIDTH
    rows = _background(width, round((GRADIENT_TOP + GRADIENT_HEIGHT + ROW_HEIGHT + 1) * unit))
    left, right = round(LABEL_WIDTH * unit), width - round(END_WIDTH * unit)
    _write(rows, scale.label, 3 * unit, 13 * unit, unit)
    _draw_gradient(rows, left, right, unit, scale)
    for tick in scale.ticks:
        column = left + _fraction(tick, scale) * (right - left - 1)
        _write(rows, f'{tick:g}', column, 18 * unit, unit, centred=True)
    if scale.special:
        _draw_swatch(rows, scale.special, TOO_FAR_RGB, right + 10 * unit, 6 * unit, unit)
    return rows


def _draw_gradient(rows: Bytes, left: int, right: int, unit: float, scale: Scale) -> None:
    """Fill the gradient with the colours that the map itself has for these values."""
    fractions = np.linspace(0, 1, right - left)
    low, high = scale.limits
    values = (low * (high / low)**fractions if scale.logarithmic
              else low + (high - low) * fractions)
    colours = _colours(values[None].astype(np.float32), scale)
    top = round(GRADIENT_TOP * unit)
    rows[top:top + round(GRADIENT_HEIGHT * unit), left:right] = colours


def _colours(values: Floats, scale: Scale) -> Bytes:
    if scale.logarithmic:
        return colour_depth(values)
    return colour_std(values, scale.limits)


def _fraction(value: float, scale: Scale) -> float:
    low, high = scale.limits
    if scale.logarithmic:
        return float(np.log(value / low) / np.log(high / low))
    return (value - low) / (high - low)


@cache
def _legend(width: int) -> Bytes:
    unit = width / REFERENCE_WIDTH
    lines = -(-len(CLASS_NAMES) // LEGEND_COLUMNS)
    rows = _background(width, round((lines * ROW_HEIGHT + 2) * unit))
    for index, name in enumerate(CLASS_NAMES):
        line, column = divmod(index, LEGEND_COLUMNS)
        _draw_swatch(rows, SHORT_NAMES.get(name, name), CLASS_COLOURS[index].tolist(),
                     (4 + column * (REFERENCE_WIDTH - 4) / LEGEND_COLUMNS) * unit,
                     (line * ROW_HEIGHT + ROW_HEIGHT / 2 + 1) * unit, unit)
    return rows


def _draw_swatch(rows: Bytes, text: str, colour: tuple[int, ...], left: float, middle: float,
                 unit: float) -> None:
    half = SWATCH * unit / 2
    cv2.rectangle(rows, (round(left), round(middle - half)),
                  (round(left + 2 * half), round(middle + half)), colour, -1)
    _write(rows, text, left + 2 * half + 3 * unit, middle + 4 * unit, unit)


def _write(rows: Bytes, text: str, left: float, baseline: float, unit: float,
           centred: bool = False) -> None:
    width = _text_width(text, unit)
    start = left - width / 2 if centred else left
    start = min(max(start, 0), rows.shape[1] - width)
    cv2.putText(rows, text, (round(start), round(baseline)), FONT, FONT_SCALE * unit, TEXT_RGB,
                _thickness(unit), cv2.LINE_AA)


def _fitted(text: str, width: float, unit: float) -> str:
    """Cut a text to a width, px."""
    text = text[:MAX_TEXT]
    if _text_width(text, unit) <= width:
        return text
    while text and _text_width(f'{text}...', unit) > width:
        text = text[:-1]
    return f'{text}...'


def _text_width(text: str, unit: float) -> int:
    return cv2.getTextSize(text, FONT, FONT_SCALE * unit, _thickness(unit))[0][0]


def _thickness(unit: float) -> int:
    return max(1, round(unit))


def _background(width: int, height: int) -> Bytes:
    return cast(Bytes, np.full((height, width, 3), BACKGROUND_RGB, np.uint8))
