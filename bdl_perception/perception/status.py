# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The status that the perception node publishes, in every lifecycle state."""
from dataclasses import dataclass

from bdl_perception.perception.backend import ModelSpec
from bdl_perception.perception.regions import DEFAULT_REGIONS, format_regions, Regions

ACTIVE_STATE = 'active'  # the lifecycle state in which frames are processed
MAX_TEXT_LENGTH = 500  # of a text from outside: a fault, an encoding, an error of a library
MAX_STATUS_FAULTS = 16  # of one heartbeat; perception_node reports at most 9


def printable_line(text: str, max_length: int = MAX_TEXT_LENGTH) -> str:
    """Return a text as one line of printable characters; the rest beyond max_length is cut."""
    line = ''.join(one if one.isprintable() else ' ' for one in text[:max_length])
    return line if len(text) <= max_length else f'{line[:max_length - 3]}...'


@dataclass(frozen=True)
class Identity:
    """The settings that scores depend on; a calibration is valid for one Identity."""

    model: str  # its name, for display; the hashes decide
    perceive_sha256: str
    sample_sha256: str
    samples: int  # T
    seed: int
    height: int  # px, of the network's input
    width: int  # px
    precision: str = 'fp32'  # of the graphs' arithmetic
    regions: str = format_regions(DEFAULT_REGIONS)  # scored separately
    fit_mode: str = 'crop'  # how a frame of another aspect ratio is fitted to the network


def build_identity(spec: ModelSpec, samples: int, seed: int, precision: str = 'fp32',
                   regions: Regions = DEFAULT_REGIONS, fit_mode: str = 'crop') -> Identity:
    """Return the identity of a model that is run with these settings."""
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
    warnings: tuple[str, ...] = ()  # conditions that last, such as an unknown scale of depth
    status_hz: float | None = None  # rate of the heartbeats; None: not known
