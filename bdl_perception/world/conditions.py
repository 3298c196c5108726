# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which conditions exist, which of them are nominal and which are held out: said here only."""
from dataclasses import dataclass, fields

import numpy as np

Rgb = tuple[float, float, float]

NOMINAL_CONDITIONS = ('sun', 'overcast', 'dusk', 'haze')  # trained on
OOD_CONDITIONS = ('night', 'dense_fog', 'unknown_objects', 'unseen_mount', 'lens_dirt')
CAMERA_FAULTS = ('failing_exposure',)  # of the camera; meant to begin slowly within a drive
HELD_OUT_CONDITIONS = OOD_CONDITIONS + CAMERA_FAULTS  # never trained on
CONDITIONS = NOMINAL_CONDITIONS + HELD_OUT_CONDITIONS

SPLITS = ('train', 'validation', 'test',
          *(f'validation_{name}' for name in HELD_OUT_CONDITIONS), *(f'test_{name}' for name in HELD_OUT_CONDITIONS))


@dataclass(frozen=True)
class Light:
    """Light and air; colours are linear rgb."""

    sun_light: Rgb
    sky_light: Rgb
    ground_light: Rgb
    fog_light: Rgb  # the horizon and everything that fog swallows
    zenith: Rgb
    cloud_cover: float  # share of the sky, 0 to 1
    visibility_m: float  # where 5 % of the contrast is left (meteorological range)
    casts_shadows: float  # 1: the sun casts shadows
    night: float  # 1: lamps and headlights are lit
    exposure: float
    sun_elevation_rad: tuple[float, float]  # range that a drive draws from

    def __post_init__(self) -> None:
        """Refuse air that cannot be."""
        if not self.visibility_m > 0:
            raise ValueError(f'visibility_m {self.visibility_m} must be positive')

    @property
    def fog_density(self) -> float:
        """Extinction in 1/m (Koschmieder: contrast exp(-density * range) is .05 there)."""
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
}
DAYLIGHT = ('sun', 'overcast')  # what a held-out condition that is no light of its own is lit by


DEFAULT_FADE_S = .5  # a change of condition takes this long where nothing else is said


@dataclass(frozen=True)
class Segment:
    """One condition for a part of a drive; it fades in over the one before."""

    condition: str
    start_s: float
    end_s: float
    fade_s: float = DEFAULT_FADE_S

    def __post_init__(self) -> None:
        """Refuse unknown names and times that run backwards."""
        if not 0 < self.fade_s < np.inf:
            raise ValueError(f'segment {self.condition} fades in over {self.fade_s} s, must be '
                             f'more than 0')
        if self.condition not in CONDITIONS:
            raise ValueError(f'no condition {self.condition!r}; known: {", ".join(CONDITIONS)}')
        if not self.start_s < self.end_s:
            raise ValueError(f'segment {self.condition} must end after {self.start_s} s, '
                             f'not at {self.end_s} s')


def blend_lights(first: Light, second: Light, share: float) -> Light:
    """Blend two lights; visibility blends as density, as fog would."""
    values: dict[str, object] = {}
    for field in fields(Light):
        a, b = (np.asarray(getattr(light, field.name), float) for light in (first, second))
        if field.name == 'visibility_m':
            a, b = 1 / a, 1 / b
        blend = (1 - share) * a + share * b
        blend = 1 / blend if field.name == 'visibility_m' else blend
        values[field.name] = tuple(blend.tolist()) if blend.ndim else float(blend)
    return Light(**values)  # type: ignore[arg-type]


def split_conditions(split: str) -> tuple[str, ...]:
    """Return the conditions that the drives of a split take turns in."""
    if split not in SPLITS:
        raise ValueError(f'no split {split!r}; known: {", ".join(SPLITS)}')
    _, _, held_out = split.partition('_')
    return (held_out,) if held_out else NOMINAL_CONDITIONS
