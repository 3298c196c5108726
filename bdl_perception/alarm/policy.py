# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How long the alarm believes, holds and waits."""
from dataclasses import dataclass
from dataclasses import fields

LONGEST_S = 3600.  # nobody who drives waits longer


@dataclass(frozen=True)
class AlertPolicy:
    """The times of an AlertMachine, and how far the evidence must fall before it clears."""

    stale_after_s: float = .5  # status or frame scores older than this: STALE
    epistemic_max_age_s: float = 2.  # a Monte Carlo result of an older picture: STALE
    max_frame_age_s: float = 1.  # from the camera's stamp to the arrival of the scores
    hold_s: float = 2.  # ERROR stays at least this long; so does STALE after time went back
    clear_s: float = 1.  # so long without a strange score before OK is earned
    clear_fraction: float = .5  # of the CUSUM limit, below which S must have fallen

    def __post_init__(self) -> None:
        """Refuse a time that is NaN, negative or endless."""
        for item in fields(self):
            value, waits = getattr(self, item.name), item.name in ('hold_s', 'clear_s')
            high = 1. if item.name == 'clear_fraction' else LONGEST_S
            if not (0 <= value <= high and (value > 0 or waits)):
                low = 'at least' if waits else 'above'
                raise ValueError(f'{item.name} is {value}, must be {low} 0 and at most {high:g}')
