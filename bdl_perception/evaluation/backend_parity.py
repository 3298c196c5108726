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

from bdl_perception.perception.backend import Backend, PERCEIVE_OUTPUTS, SAMPLE_OUTPUTS
from bdl_perception.perception.monte_carlo import draw_masks, log_depth_std, merge_all
from bdl_perception.perception.types import Bytes, Reals
import numpy as np

UNITS = {output.name: output.unit for output in PERCEIVE_OUTPUTS + SAMPLE_OUTPUTS}
MAPS = tuple(output.name for output in PERCEIVE_OUTPUTS if output.dtype == 'float32')
MOMENTS = tuple(output.name for output in SAMPLE_OUTPUTS)


class ErrorBounds(NamedTuple):
    """How far a backend may be off."""

    mean_error: float  # mean error, as a share of the mean size
    max_error: float  # largest error, as a share of the largest size
    class_flips: float  # share of pixels with another class


BOUNDS = {
    # float32 sums in another order: 3e-6, 2e-5 and 0 between two ways of running on a CPU
    'fp32': ErrorBounds(1e-4, 1e-3, 1e-3),
    # 11 bits of mantissa in the convolutions: 0.024, 0.14 and 0.0014, worst in fog and dirt
    'fp16': ErrorBounds(.05, .3, .01),
}


@dataclass
class OutputError:
    """The errors of one output so far."""

    name: str
    count: int = 0
    reference_sum: float = 0.  # sum of |reference|
    error_sum: float = 0.  # sum of |difference|
    max_error: float = 0.
    max_reference: float = 0.  # largest |reference|

    def update(self, actual: Reals, reference: Reals) -> None:
        """Compare one map; NaN or infinity on either side is an infinite error."""
        difference = np.abs(np.asarray(actual, np.float64) - reference)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        self.count += difference.size
        self.reference_sum += float(np.abs(reference).sum(dtype=np.float64))
        self.error_sum += float(difference.sum())
        self.max_error = max(self.max_error, float(difference.max()))
        self.max_reference = max(self.max_reference, float(np.abs(reference).max()))

    @property
    def mean_error_share(self) -> float:
        """Mean error as a share of the mean size."""
        return self.error_sum / self.reference_sum if self.reference_sum else float(self.error_sum > 0)

    @property
    def max_error_share(self) -> float:
        """Largest error as a share of the largest size."""
        return self.max_error / self.max_reference if self.max_reference else float(self.max_error > 0)


@dataclass
class BackendComparison:
    """All rows, and how many pixels changed their class."""

    rows: Mapping[str, OutputError]
    frames: int = 0
    pixels: int = 0
    flipped_pixels: int = 0

    @property
    def class_flips(self) -> float:
        """Share of pixels with another class."""
        return self.flipped_pixels / self.pixels

    def exceeded_outputs(self, bounds: ErrorBounds) -> list[str]:
        """Name what is off by more than allowed."""
        wrong = [row.name for row in self.rows.values()
                 if not (row.mean_error_share <= bounds.mean_error and row.max_error_share <= bounds.max_error)]
        return wrong if self.class_flips <= bounds.class_flips else [*wrong, 'classes']


def compare_backends(backend: Backend, reference: Backend, images: Iterable[Bytes], samples: int,
            seed: int) -> BackendComparison:
    """Run both on pictures (H, W, 3) uint8 of the model's size, samples in chunks of the model."""
    spec = reference.spec
    spec.check_samples(samples)
    masks = draw_masks(seed, samples, spec.dropout_channels, spec.dropout_probability)
    names = (*MAPS, 'epistemic_log_depth_std', *MOMENTS)
    result = BackendComparison({name: OutputError(name) for name in names})
    for rgb in images:
        (found, classes), (wanted, true_classes) = (
            _run_backend(one, rgb, masks, samples) for one in (backend, reference))
        for name, row in result.rows.items():
            row.update(found[name], wanted[name])
        result.frames += 1
        result.pixels += classes.size
        result.flipped_pixels += int((classes != true_classes).sum())
    if not result.frames:
        raise ValueError('there is no picture to compare on')
    return result


def comparison_table(result: BackendComparison, bounds: ErrorBounds) -> str:
    """Lay out the errors, one output a line."""
    head = (f'{"":24} {"unit":4} {"mean size":>10} {"mean error":>10} {"max error":>10} '
            f'{"mean/mean":>9} {"max/max":>9}')
    lines = [f'{row.name:24} {UNITS.get(row.name, ""):4} {row.reference_sum / row.count:10.4g} '
             f'{row.error_sum / row.count:10.2g} {row.max_error:10.2g} '
             f'{row.mean_error_share:9.1e} {row.max_error_share:9.1e}' for row in result.rows.values()]
    allowed = f'{"allowed":62} {bounds.mean_error:9.1e} {bounds.max_error:9.1e}'
    flips = f'classes that differ: {result.class_flips:.4%} of the pixels, allowed {bounds.class_flips:.2%}'
    return '\n'.join((head, *lines, allowed, flips))


def _run_backend(backend: Backend, rgb: Bytes, masks: list[Reals], samples: int,
          ) -> tuple[dict[str, Reals], Bytes]:
    chunk = backend.spec.chunk
    raw = backend.perceive(rgb)
    moments = merge_all(backend.sample(raw.features, [mask[start:start + chunk] for mask in masks])
                    for start in range(0, samples, chunk))
    values = {name: getattr(raw, name) for name in MAPS}
    values |= {name: getattr(moments, name) for name in MOMENTS}
    return {**values, 'epistemic_log_depth_std': log_depth_std(moments)}, raw.classes
