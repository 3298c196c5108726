# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How far two backends are apart on the same frames and the same dropout masks.

Errors are absolute. Their bounds are shares of the reference: of its mean size for the mean error,
of its largest size for the largest one. Off by 0 and 0.02 m from 10 and 40 m: 0.01 of 25 m is
0.0004, 0.02 of 40 m is 0.0005.
"""
from dataclasses import dataclass
from typing import Iterable, Mapping, NamedTuple

from bdl_perception.perception.backend import Backend
from bdl_perception.perception.masks import draw_masks
from bdl_perception.perception.moments import total
from bdl_perception.perception.uncertainty import log_depth_std
from bdl_perception.perception.values import Bytes
from bdl_perception.perception.values import Reals
import numpy as np

UNITS = {'depth': 'm', 'aleatoric_std': 'm', 'entropy': 'nat', 'entropy_sum': 'nat'}
MAPS = ('depth', 'aleatoric_std', 'entropy', 'max_probability', 'energy', 'log_depth_std',
        'feature_distance', 'cell_distance')
MOMENTS = ('log_depth_mean', 'log_depth_m2', 'probability_sum', 'entropy_sum')


class Bounds(NamedTuple):
    """How far a backend may be off."""

    mean: float  # mean error, as a share of the mean size
    largest: float  # largest error, as a share of the largest size
    flips: float  # share of pixels with another class


BOUNDS = {
    # float32 sums in another order: 3e-6, 2e-5 and 0 between two ways of running on a CPU
    'fp32': Bounds(1e-4, 1e-3, 1e-3),
    # 11 bits of mantissa in the convolutions: 0.024, 0.14 and 0.0014, worst in fog and dirt
    'fp16': Bounds(.05, .3, .01),
}


@dataclass
class Row:
    """The errors of one output so far."""

    name: str
    count: int = 0
    size: float = 0.  # sum of |reference|
    error: float = 0.  # sum of |difference|
    largest: float = 0.
    top: float = 0.  # largest |reference|

    def add(self, found: Reals, wanted: Reals) -> None:
        """Compare one map; NaN or infinity on either side is an infinite error."""
        difference = np.abs(np.asarray(found, np.float64) - wanted)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        self.count += difference.size
        self.size += float(np.abs(wanted).sum(dtype=np.float64))
        self.error += float(difference.sum())
        self.largest = max(self.largest, float(difference.max()))
        self.top = max(self.top, float(np.abs(wanted).max()))

    @property
    def mean_share(self) -> float:
        """Mean error as a share of the mean size."""
        return self.error / self.size if self.size else float(self.error > 0)

    @property
    def largest_share(self) -> float:
        """Largest error as a share of the largest size."""
        return self.largest / self.top if self.top else float(self.largest > 0)


@dataclass
class Comparison:
    """All rows, and how many pixels changed their class."""

    rows: Mapping[str, Row]
    frames: int = 0
    pixels: int = 0
    flipped: int = 0

    @property
    def flips(self) -> float:
        """Share of pixels with another class."""
        return self.flipped / self.pixels

    def beyond(self, bounds: Bounds) -> list[str]:
        """Name what is off by more than allowed."""
        wrong = [row.name for row in self.rows.values()
                 if not (row.mean_share <= bounds.mean and row.largest_share <= bounds.largest)]
        return wrong if self.flips <= bounds.flips else [*wrong, 'classes']


def compare(backend: Backend, reference: Backend, pictures: Iterable[Bytes], samples: int,
            seed: int) -> Comparison:
    """Run both on pictures (H, W, 3) uint8 of the model's size, samples in chunks of the model."""
    spec = reference.spec
    spec.check_samples(samples)
    masks = draw_masks(seed, samples, spec.dropout_channels, spec.dropout_probability)
    names = (*MAPS, 'epistemic_log_depth_std', *MOMENTS)
    result = Comparison({name: Row(name) for name in names})
    for rgb in pictures:
        (found, classes), (wanted, true_classes) = (
            _look(one, rgb, masks, samples) for one in (backend, reference))
        for name, row in result.rows.items():
            row.add(found[name], wanted[name])
        result.frames += 1
        result.pixels += classes.size
        result.flipped += int((classes != true_classes).sum())
    if not result.frames:
        raise ValueError('there is no picture to compare on')
    return result


def table(result: Comparison, bounds: Bounds) -> str:
    """Lay out the errors, one output a line."""
    head = (f'{"":24} {"unit":4} {"mean size":>10} {"mean error":>10} {"max error":>10} '
            f'{"mean/mean":>9} {"max/max":>9}')
    lines = [f'{row.name:24} {UNITS.get(row.name, ""):4} {row.size / row.count:10.4g} '
             f'{row.error / row.count:10.2g} {row.largest:10.2g} '
             f'{row.mean_share:9.1e} {row.largest_share:9.1e}' for row in result.rows.values()]
    allowed = f'{"allowed":62} {bounds.mean:9.1e} {bounds.largest:9.1e}'
    flips = f'classes that differ: {result.flips:.4%} of the pixels, allowed {bounds.flips:.2%}'
    return '\n'.join((head, *lines, allowed, flips))


def _look(backend: Backend, rgb: Bytes, masks: list[Reals], samples: int,
          ) -> tuple[dict[str, Reals], Bytes]:
    chunk = backend.spec.chunk
    raw = backend.perceive(rgb)
    moments = total(backend.sample(raw.features, [mask[start:start + chunk] for mask in masks])
                    for start in range(0, samples, chunk))
    values = {name: getattr(raw, name) for name in MAPS}
    values |= {name: getattr(moments, name) for name in MOMENTS}
    return {**values, 'epistemic_log_depth_std': log_depth_std(moments)}, raw.classes
