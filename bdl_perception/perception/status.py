# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What the perception node says of itself, whatever its state."""
from dataclasses import dataclass

from bdl_perception.perception.backend import ModelSpec
from bdl_perception.perception.regions import DEFAULT_REGIONS, format_regions, Regions

ACTIVE_STATE = 'active'  # the lifecycle state in which frames are worked on


@dataclass(frozen=True)
class Identity:
    """What a score depends on beside the picture; a calibration holds for one of these."""

    model: str  # its name, for people; the hashes decide
    perceive_sha256: str
    sample_sha256: str
    samples: int  # T
    seed: int
    height: int  # px, of the network's input
    width: int  # px
    precision: str = 'fp32'  # that the graphs are computed in
    regions: str = format_regions(DEFAULT_REGIONS)  # that are scored on their own
    fit_mode: str = 'crop'  # how a picture of another shape meets the network


def build_identity(spec: ModelSpec, samples: int, seed: int, precision: str = 'fp32',
                regions: Regions = DEFAULT_REGIONS, fit_mode: str = 'crop') -> Identity:
    """Name a model as it is run: so many Monte Carlo samples of the masks of this seed."""
    return Identity(spec.name, spec.perceive_sha256, spec.sample_sha256, samples, seed,
                    spec.height, spec.width, precision, format_regions(regions), fit_mode)


@dataclass(frozen=True)
class PerceptionStatus:
    """One heartbeat of the perception node."""

    state: str  # of the lifecycle: unconfigured, inactive, active, finalized
    faults: tuple[str, ...] = ()  # empty: none
    frames_in: int = 0
    frames_out: int = 0
    frames_dropped: int = 0
    identity: Identity | None = None  # None: no model is loaded
