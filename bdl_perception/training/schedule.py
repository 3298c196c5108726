# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""How far a run is, and how fast it learns there."""
import math

LOWEST = 1e-3  # of the peak: where the first and the last step stand


def one_cycle(progress: float, warm_up: float) -> float:
    """
    Share of the peak learning rate: up in a line, down along half a cosine (Smith 2018).

    progress: 0 at the start of the run, 1 at its end; warm_up: where the peak is.
    """
    if progress < warm_up:
        return LOWEST + (1 - LOWEST) * progress / warm_up
    fallen = min(1.0, (progress - warm_up) / max(1 - warm_up, 1e-9))
    return LOWEST + (1 - LOWEST) * 0.5 * (1 + math.cos(math.pi * fallen))
