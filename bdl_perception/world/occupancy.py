# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Keeps still things out of one another: rectangles on the plan of a street."""
from dataclasses import dataclass
from dataclasses import field


@dataclass
class Occupancy:
    """Rectangles (x from, x to, d from, d to) in metres that are taken."""

    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def claim(self, x: float, d: float, length_m: float, width_m: float) -> bool:
        """Take a rectangle around (x, d); False, and nothing taken, where something stands."""
        a, b = x - length_m / 2, x + length_m / 2
        low, high = d - width_m / 2, d + width_m / 2
        if any(a < right and left < b and low < top and bottom < high
               for left, right, bottom, top in self.taken):
            return False
        self.taken.append((a, b, low, high))
        return True
