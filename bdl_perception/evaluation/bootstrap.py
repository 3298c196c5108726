# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
How far a separation would move with other drives (Efron 1979, the percentile interval).

Frames of one drive are alike, so whole drives are drawn, with replacement, nominal and strange
ones each among themselves. A drive that was drawn twice counts twice: all draws are made at once
by weights, over frames that are sorted once.
"""
from typing import NamedTuple, Sequence
import zlib

from bdl_perception.evaluation.ood import finite
from bdl_perception.evaluation.ood import RECALL
from bdl_perception.perception.values import Reals
import numpy as np
from numpy.typing import NDArray

DRAWS = 1000
BATCH = 100  # draws that are in memory at a time
TAILS = (.025, .975)  # of a 95 % interval
FEWEST_DRIVES = 2  # one drive says nothing about others

Drives = Sequence[Sequence[float]]  # a score: of each drive, of each of its frames


class Draws(NamedTuple):
    """A measure of separation in each draw, (B,)."""

    auroc: Reals
    aupr: Reals
    fpr_95: Reals


def drive_weights(name: str, drives: int, seed: int, draws: int = DRAWS) -> Reals:
    """Tell how often each drive of a set is drawn, (B, D); by its name and the seed alone."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return rng.multinomial(drives, np.full(drives, 1 / drives), draws).astype(np.float64)


def draw(nominal: Drives, strange: Drives, nominal_weights: Reals,
         strange_weights: Reals) -> Draws:
    """Measure every draw; weights (B, D) of the drives on each side."""
    values = finite([score for drive in (*nominal, *strange) for score in drive])  # (N,)
    order = np.argsort(-values, kind='stable')
    last = np.flatnonzero(np.diff(values[order], append=-np.inf))  # of each distinct value
    lengths = [len(drive) for drive in (*nominal, *strange)]
    of_drive = np.repeat(np.arange(len(lengths)), lengths)[order]  # (N,)
    positive = of_drive >= len(nominal)
    weights = np.concatenate([nominal_weights, strange_weights], axis=1)  # (B, D)
    parts = [_measure(weights[start:start + BATCH, of_drive], positive, last)
             for start in range(0, len(weights), BATCH)]
    return Draws(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def interval(draws: Reals) -> tuple[float, float]:
    """Give the middle 95 % of draws."""
    low, high = np.quantile(draws, TAILS)
    return float(low), float(high)


def _measure(weights: Reals, positive: NDArray[np.bool_], last: NDArray[np.intp]) -> Draws:
    """Measure draws of weights (B, N) in falling order of the score."""
    hits = np.cumsum(weights * positive, axis=1)[:, last]  # (B, M) strange frames so far
    false = np.cumsum(weights * ~positive, axis=1)[:, last]
    recall, false_rate = hits / hits[:, -1:], false / false[:, -1:]
    gained = np.diff(recall, axis=1, prepend=0)
    precision = hits / np.maximum(hits + false, 1)
    before = recall - gained
    auroc = (np.diff(false_rate, axis=1, prepend=0) * (recall + before) / 2).sum(axis=1)
    enough = np.argmax(recall >= RECALL, axis=1)
    return Draws(auroc, (gained * precision).sum(axis=1),
                 false_rate[np.arange(len(weights)), enough])
