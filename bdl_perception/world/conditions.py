# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The conditions of drives: nominal and held out, their splits and their light."""
from dataclasses import dataclass, fields

from bdl_perception.drives.description import DEFAULT_FADE_S, HELD_OUT_CONDITIONS, Segment
from bdl_perception.world.scene import Sky
import numpy as np

Rgb = tuple[float, float, float]  # linear
NOMINAL_CONDITIONS = ('sun', 'overcast', 'dusk', 'haze')  # of training drives
CONDITIONS = NOMINAL_CONDITIONS + HELD_OUT_CONDITIONS
SPLITS = ('train', 'validation', 'test', *(f'{role}_{name}' for role in ('validation', 'test')
                                           for name in HELD_OUT_CONDITIONS))


@dataclass(frozen=True)
class Light:
    """Light and air."""

    sun_light: Rgb
    sky_light: Rgb
    ground_light: Rgb
    fog_light: Rgb  # of the horizon and of dense fog
    zenith: Rgb
    cloud_cover: float  # share of the sky, 0 to 1
    visibility_m: float  # range at which 5 % of the contrast is left
    casts_shadows: float  # 1: the sun casts shadows
    night: float  # 1: lamps and headlights are lit
    exposure: float
    sun_elevation_rad: tuple[float, float]  # a drive draws from this interval
    snow: float = 0.  # share of level ground that snow covers
    wet: float = 0.  # 0 to 1: water on roads and pavements, which mirrors

    def __post_init__(self) -> None:
        """Check the visibility."""
        if not self.visibility_m > 0:
            raise ValueError(f'visibility_m {self.visibility_m} must be positive')

    @property
    def fog_density(self) -> float:
        """Return the extinction in 1/m; Koschmieder: contrast = exp(-fog_density * range)."""
        return float(-np.log(.05) / self.visibility_m)


LIGHTS = {
    'sun': Light((2.6, 2.47, 2.21), (.45, .55, .75), (.22, .20, .18), (.72, .82, .95),
                 (.16, .34, .72), .45, 2000., 1., 0., 1., (.35, 1.1)),
    'overcast': Light((.23, .23, .25), (.85, .88, .92), (.35, .34, .33), (.80, .82, .85),
                      (.60, .63, .68), .9, 900., 0., 0., .9, (.5, 1.1)),
    'dusk': Light((2.0, 1.0, .44), (.30, .32, .48), (.16, .13, .13), (.95, .60, .38),
                  (.12, .20, .45), .5, 1200., 1., 0., 1., (.10, .22)),
    'haze': Light((.9, .86, .78), (.72, .76, .82), (.32, .31, .29), (.80, .82, .85),
                  (.55, .63, .75), .3, 320., 1., 0., .92, (.4, 1.0)),
    'night': Light((.01, .012, .02), (.020, .023, .035), (.012, .012, .014), (.03, .03, .045),
                   (.004, .005, .014), 0., 600., 0., 1., 1.6, (.5, 1.)),
    'dense_fog': Light((.2, .2, .2), (.80, .82, .84), (.40, .40, .40), (.75, .77, .79),
                       (.70, .72, .75), 0., 25., 0., 0., .95, (.5, 1.)),
    'rain_on_lens': Light((.1, .1, .11), (.62, .65, .69), (.24, .24, .24), (.62, .65, .68),
                          (.44, .47, .51), .8, 380., 0., 0., .95, (.5, 1.)),
    'snow': Light((.12, .12, .13), (.82, .86, .92), (.5, .51, .53), (.78, .80, .83),
                  (.66, .69, .73), .5, 220., 0., 0., .76, (.5, 1.), .85),
    # The sun stands behind the camera, and the sky ahead is as bright as the trailer.
    'white_trailer': Light((1.5, 1.46, 1.38), (.78, .83, .92), (.5, .48, .45), (1.15, 1.17, 1.2),
                           (.86, .95, 1.08), .55, 1500., 1., 0., 1.15, (.45, .9)),
}
LOW_SUN_RAD = .03, .2  # elevation of a low sun ahead
AHEAD_RAD = .5  # of its azimuth to both sides
BEHIND_CAMERA = .4  # share of all directions in which a sun behind the camera stands
DAYLIGHT = ('sun', 'overcast')  # of held-out conditions without an entry in LIGHTS


def condition_segment(condition: str, start_s: float, end_s: float,
                      fade_s: float = DEFAULT_FADE_S) -> Segment:
    """Make the segment of a condition; ValueError for an unknown condition or a fade of 0 s."""
    if condition not in CONDITIONS:
        raise ValueError(f'no condition {condition!r}; known: {", ".join(CONDITIONS)}')
    if not fade_s > 0:
        raise ValueError(f'segment {condition} has fade_s {fade_s}, must be more than 0')
    return Segment(condition, start_s, end_s, condition in HELD_OUT_CONDITIONS, fade_s)


def segment_weights(segments: tuple[Segment, ...], time_s: float) -> list[tuple[Segment, float]]:
    """
    Return the segments at a time with their weights, which sum to 1.

    A segment fades in during its fade_s.
    """
    index = max((i for i, s in enumerate(segments) if s.start_s <= time_s), default=0)
    current = segments[index]
    share = min(1., (time_s - current.start_s) / current.fade_s) if index else 1.
    if share >= 1:
        return [(current, 1.)]
    return [(segments[index - 1], 1 - share), (current, share)]


def blend_lights(first: Light, second: Light, share: float) -> Light:
    """Blend two lights; visibility is blended as fog density."""
    values: dict[str, object] = {}
    for field in fields(Light):
        a, b = (np.asarray(getattr(light, field.name), float) for light in (first, second))
        if field.name == 'visibility_m':
            a, b = 1 / a, 1 / b
        blend = (1 - share) * a + share * b
        blend = 1 / blend if field.name == 'visibility_m' else blend
        values[field.name] = tuple(blend.tolist()) if blend.ndim else float(blend)
    return Light(**values)  # type: ignore[arg-type]


def draw_sky(light: Light, sun: str | None, shadows_fit_slopes: bool,
             rng: np.random.Generator) -> Sky:
    """Draw the sky of a drive; sun: 'behind' the camera, 'low ahead', or anywhere (None)."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(*light.sun_elevation_rad)
    cloud_shift = rng.uniform(0, 100)
    if sun == 'behind':
        azimuth = np.pi + BEHIND_CAMERA * (azimuth - np.pi)
    elif sun == 'low ahead':
        azimuth, elevation = rng.uniform(-AHEAD_RAD, AHEAD_RAD), rng.uniform(*LOW_SUN_RAD)
    flat = np.cos(elevation)
    direction = np.array([np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(elevation)])
    return Sky(direction, cloud_shift, shadows_fit_slopes)


def split_conditions(split: str) -> tuple[str, ...]:
    """Return the conditions of a split; its drives take turns in them."""
    if split not in SPLITS:
        raise ValueError(f'no split {split!r}; known: {", ".join(SPLITS)}')
    _, _, held_out = split.partition('_')
    return (held_out,) if held_out else NOMINAL_CONDITIONS
