# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a clean rendering to the image that the camera stores: weather, lens, motion, sensor."""
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bdl_perception.world.camera import blur_by_motion, CameraPose, CameraSensor, Image, Pinhole
from bdl_perception.world.conditions import Light
from bdl_perception.world.lens import (
    add_glare,
    draw_lens_dirt,
    draw_rain_drops,
    LensDirt,
    RainDrops,
)
from bdl_perception.world.renderer import Rendering
from bdl_perception.world.scene import Sky
from bdl_perception.world.weather import add_snowfall, Smoke, white_brightness
import numpy as np
from numpy.typing import NDArray

SHAKE_PX_PER_S = 60.  # sd, at a width of 320
SNOW_STREAM, SHAKE_STREAM = 1, 2  # of the random numbers of a frame; those of the sensor have none


class View(NamedTuple):
    """What the camera sees, and when."""

    pose: CameraPose
    pinhole: Pinhole
    light: Light
    sky: Sky
    gain: float
    speed_mps: float
    time_s: float  # after the first frame


@dataclass(frozen=True)
class Imaging:
    """The steps from the light to the stored image; none changes the ground truth."""

    sensor: CameraSensor
    lens: Mapping[str, LensDirt | RainDrops]  # by held-out condition
    smoke: Smoke | None
    glare: bool

    def store(self, clean: Rendering, view: View, weights: Mapping[str, float],
              seed: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the image (H, W, 3) that the camera stores; weights: of the conditions."""
        rgb = self._add_weather(clean, view, weights, seed)
        if self.glare and view.light.casts_shadows > .5:
            rgb = add_glare(rgb, np.isposinf(clean.depth), view.pose, view.pinhole,
                            (view.sky.sun_direction, np.array(view.light.sun_light)))
        rgb = self._blur(rgb, clean.depth, view, np.random.default_rng((*seed, SHAKE_STREAM)))
        for name, lens in self.lens.items():
            rgb = lens.apply(rgb, weights[name])
        return self.sensor.simulate(rgb, np.random.default_rng(seed))

    def _add_weather(self, clean: Rendering, view: View, weights: Mapping[str, float],
                     seed: tuple[int, int]) -> Image:
        rgb = clean.rgb
        if self.smoke:
            white = white_brightness(view.light, view.gain)
            rgb = self.smoke.apply(rgb, clean.depth, view.pose, view.pinhole, view.time_s, white,
                                   weights['smoke'])
        return add_snowfall(rgb, clean.depth, view.pinhole, view.speed_mps,
                            weights.get('snow', 0.), np.random.default_rng((*seed, SNOW_STREAM)))

    def _blur(self, rgb: Image, depth: Image, view: View, rng: np.random.Generator) -> Image:
        """Blur by the motion of the car and the shaking of the camera."""
        shutter_s = self.sensor.shutter_s
        if not shutter_s:
            return rgb
        shake_px = rng.normal(0, SHAKE_PX_PER_S * shutter_s * view.pinhole.width / 320, 2)
        return blur_by_motion(rgb, depth, view.pinhole, view.speed_mps * shutter_s,
                              (float(shake_px[0]), float(shake_px[1])))


def draw_lenses(names: Collection[str], rng: Mapping[str, np.random.Generator],
                size: tuple[int, int]) -> dict[str, LensDirt | RainDrops]:
    """Draw what is on the lens in the conditions of a drive; size: height and width, px."""
    drawn: dict[str, LensDirt | RainDrops] = {}
    if 'lens_dirt' in names:
        drawn['lens_dirt'] = draw_lens_dirt(rng['dirt'], *size)
    if 'rain_on_lens' in names:
        drawn['rain_on_lens'] = draw_rain_drops(rng['rain'], *size)
    return drawn
