# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Parity of two backends on the same images and the same dropout masks.

Errors are absolute. Their bounds are shares of the reference: of its mean magnitude for the mean
error, of its largest magnitude for the largest error. Errors of 0 and 0.02 m at 10 and 40 m: 0.01
of 25 m is 0.0004, 0.02 of 40 m is 0.0005.
"""
from dataclasses import dataclass
from typing import Iterable, Mapping, NamedTuple

from bdl_perception.perception.backend import Backend, PERCEIVE_OUTPUTS, SAMPLE_OUTPUTS
from bdl_perception.perception.data_types import Bytes, Reals
from bdl_perception.perception.monte_carlo import draw_masks, log_depth_std, merge_all
import numpy as np

UNITS = {output.name: output.unit for output in PERCEIVE_OUTPUTS + SAMPLE_OUTPUTS}
MAPS = tuple(output.name for output in PERCEIVE_OUTPUTS if output.dtype == 'float32')
MOMENTS = tuple(output.name for output in SAMPLE_OUTPUTS)


class ErrorBounds(NamedTuple):
    """Allowed differences between two backends."""

    mean_error: float  # mean error, as a share of the mean magnitude
    max_error: float  # largest error, as a share of the largest magnitude
    class_flips: float  # share of pixels with another class


BOUNDS = {
    # float32 sums in another order: 3e-6, 2e-5 and 0 measured between two CPU backends
    'fp32': ErrorBounds(1e-4, 1e-3, 1e-3),
    # 11 bits of mantissa in convolutions: 0.024, 0.14, 0.0014 measured, worst in fog and dirt
    'fp16': ErrorBounds(.05, .3, .01),
}


@dataclass
class OutputError:
    """Sums of the errors of one output."""

    name: str
    count: int = 0
    reference_sum: float = 0.  # sum of |reference|
    error_sum: float = 0.  # sum of |difference|
    max_error: float = 0.
    max_reference: float = 0.  # largest |reference|

    def update(self, actual: Reals, reference: Reals) -> None:
        """Add one map; a value that is not finite on either side is an infinite error."""
        difference = np.abs(np.asarray(actual, np.float64) - reference)
        difference = np.where(np.isfinite(difference), difference, np.inf)
        self.count += difference.size
        self.reference_sum += float(np.abs(reference).sum(dtype=np.float64))
        self.error_sum += float(difference.sum())
        self.max_error = max(self.max_error, float(difference.max()))
        self.max_reference = max(self.max_reference, float(np.abs(reference).max()))

    @property
    def mean_error_share(self) -> float:
        """Mean error as a share of the mean magnitude."""
        return _share(self.error_sum, self.reference_sum)

    @property
    def max_error_share(self) -> float:
        """Largest error as a share of the largest magnitude."""
        return _share(self.max_error, self.max_reference)


@dataclass
class BackendComparison:
    """The errors of all outputs, and the pixels whose class differs."""

    outputs: Mapping[str, OutputError]
    frames: int = 0
    pixels: int = 0
    flipped_pixels: int = 0

    @property
    def class_flips(self) -> float:
        """Share of pixels whose class differs."""
        return self.flipped_pixels / self.pixels

    def exceeded_outputs(self, bounds: ErrorBounds) -> list[str]:
        """List the outputs that exceed the bounds."""
        exceeded = [output.name for output in self.outputs.values()
                    if not (output.mean_error_share <= bounds.mean_error
                            and output.max_error_share <= bounds.max_error)]
        return exceeded if self.class_flips <= bounds.class_flips else [*exceeded, 'classes']


def compare_backends(backend: Backend, reference: Backend, images: Iterable[Bytes], samples: int,
                     seed: int) -> BackendComparison:
    """Run both on images (H, W, 3) uint8 of the model's size, samples in the model's chunks."""
    spec = reference.spec
    spec.check_samples(samples)
    masks = draw_masks(seed, samples, spec.dropout_channels, spec.dropout_probability)
    names = (*MAPS, 'epistemic_log_depth_std', *MOMENTS)
    result = BackendComparison({name: OutputError(name) for name in names})
    for rgb in images:
        (found, classes), (expected, reference_classes) = (
            _run_backend(one, rgb, masks, samples) for one in (backend, reference))
        for name, output in result.outputs.items():
            output.update(found[name], expected[name])
        result.frames += 1
        result.pixels += classes.size
        result.flipped_pixels += int((classes != reference_classes).sum())
    if not result.frames:
        raise ValueError('there is no image to compare on; give at least one')
    return result


def comparison_table(result: BackendComparison, bounds: ErrorBounds) -> str:
    """Format the errors as a table, one output in each line."""
    head = (f'{"":24} {"unit":4} {"mean size":>10} {"mean error":>10} {"max error":>10} '
            f'{"mean/mean":>9} {"max/max":>9}')
    lines = [f'{output.name:24} {UNITS.get(output.name, ""):4} '
             f'{output.reference_sum / output.count:10.4g} '
             f'{output.error_sum / output.count:10.2g} {output.max_error:10.2g} '
             f'{output.mean_error_share:9.1e} {output.max_error_share:9.1e}'
             for output in result.outputs.values()]
    allowed = f'{"allowed":62} {bounds.mean_error:9.1e} {bounds.max_error:9.1e}'
    flips = (f'classes that differ: {result.class_flips:.4%} of the pixels, allowed '
             f'{bounds.class_flips:.2%}')
    return '\n'.join((head, *lines, allowed, flips))


def _run_backend(backend: Backend, rgb: Bytes, masks: list[Reals],
                 samples: int) -> tuple[dict[str, Reals], Bytes]:
    chunk = backend.spec.chunk
    raw = backend.perceive(rgb)
    moments = merge_all(backend.sample(raw.features, [mask[start:start + chunk] for mask in masks])
                        for start in range(0, samples, chunk))
    values = {name: getattr(raw, name) for name in MAPS}
    values |= {name: getattr(moments, name) for name in MOMENTS}
    return {**values, 'epistemic_log_depth_std': log_depth_std(moments)}, raw.classes


def _share(error: float, reference: float) -> float:
    return error / reference if reference else float(error > 0)
