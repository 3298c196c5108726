# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The images that reports show of a frame, and their encoding as JPEG."""
from typing import cast, NamedTuple

from bdl_perception.perception.data_types import (
    Bytes,
    CLASS_COLOURS,
    CLASS_NAMES,
    colourise,
    Epistemic,
    Floats,
    Prediction,
)
from bdl_perception.perception.visualization import (
    colour_depth,
    colour_mutual_information,
    colour_std,
    DEPTH_RANGE_M,
    MUTUAL_INFORMATION_RANGE_NAT,
    STD_RANGE_M,
)
import cv2
import numpy as np

CAMERA_PANEL = 'camera'
PANEL_TITLES = {
    CAMERA_PANEL: 'Camera', 'depth': 'Depth', 'classes': 'Classes',
    'aleatoric': 'Aleatoric std of depth (data)', 'epistemic': 'Epistemic std of depth (model)',
    'mutual_information': 'Mutual information of classes (model)'}
DEPTH_TICKS_M = (2., 5., 10., 20., 40., 80.)
STEPS = 128  # of a colour bar


class ColourBar(NamedTuple):
    """The colours of a map from low to high, (1, STEPS, 3) rgb, and numbers at 0 to 1 along it."""

    rgb: Bytes
    ticks: tuple[tuple[float, str], ...]  # position, label with unit


def draw_panels(rgb: Bytes, prediction: Prediction, epistemic: Epistemic) -> dict[str, Bytes]:
    """Draw each panel as rgb; the camera has its own size, the maps have that of the network."""
    return {CAMERA_PANEL: rgb, 'depth': colour_depth(prediction.depth),
            'classes': colourise(prediction.classes),
            'aleatoric': colour_std(prediction.aleatoric_std),
            'epistemic': colour_std(epistemic.depth_std),
            'mutual_information': colour_mutual_information(epistemic.mutual_information)}


def encode_jpeg(rgb: Bytes, quality: int, max_width: int | None = None) -> bytes:
    """Encode rgb (H, W, 3), reduced to max_width px; ValueError if that is not possible."""
    if max_width and rgb.shape[1] > max_width:
        height = max(round(rgb.shape[0] * max_width / rgb.shape[1]), 1)
        rgb = cast(Bytes, cv2.resize(rgb, (max_width, height), interpolation=cv2.INTER_AREA))
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f'an image of shape {rgb.shape} cannot be encoded as JPEG')
    return bytes(data)


def colour_bars() -> dict[str, ColourBar]:
    """Return the colour bar of each panel that has one."""
    unit = np.linspace(0, 1, STEPS, dtype=np.float32)[None]  # (1, STEPS)
    near, far = np.log(DEPTH_RANGE_M)
    std = _linear_bar(STD_RANGE_M, 'm')
    return {
        'depth': ColourBar(colour_depth(np.exp(near + unit * (far - near), dtype=np.float32)),
                           tuple((float((np.log(tick) - near) / (far - near)), f'{tick:g} m')
                                 for tick in DEPTH_TICKS_M)),
        'aleatoric': ColourBar(colour_std(_scaled(unit, STD_RANGE_M)), std),
        'epistemic': ColourBar(colour_std(_scaled(unit, STD_RANGE_M)), std),
        'mutual_information': ColourBar(
            colour_mutual_information(_scaled(unit, MUTUAL_INFORMATION_RANGE_NAT)),
            _linear_bar(MUTUAL_INFORMATION_RANGE_NAT, 'nat'))}


def class_colours() -> dict[str, str]:
    """Return the colour of each class as #rrggbb."""
    return {name: f'#{red:02x}{green:02x}{blue:02x}'
            for name, (red, green, blue) in zip(CLASS_NAMES, CLASS_COLOURS, strict=True)}


def _scaled(unit: Floats, limits: tuple[float, float]) -> Floats:
    return (limits[0] + unit * (limits[1] - limits[0])).astype(np.float32)


def _linear_bar(limits: tuple[float, float], unit: str) -> tuple[tuple[float, str], ...]:
    middle = sum(limits) / 2
    return (0., f'{limits[0]:g}'), (.5, f'{middle:g}'), (1., f'{limits[1]:g} {unit}')
