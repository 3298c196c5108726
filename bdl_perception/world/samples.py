# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From several samples of a pixel to its one depth and class."""
from bdl_perception.perception.classes import CLASS_NAMES
import numpy as np
from numpy.typing import NDArray

GROUNDS = tuple(CLASS_NAMES.index(name) for name in ('road', 'pavement'))  # flat within a pixel
BEYOND_M = 1e8  # what the sky's shader writes is farther than this


def resolve(samples: NDArray[np.float32], step: int) -> tuple[
        NDArray[np.float32], NDArray[np.uint8]]:
    """
    Reduce (H*step, W*step, 2) samples of depth and class to one of each per pixel.

    The class is the most frequent one. Where all samples lie on one surface, the depth is the
    mean of 1/depth, which is linear over the picture of a plane: the value in the middle of the
    pixel. At an edge it is the nearest sample of the chosen class: no depth is made up between.
    Ground is one surface however much depth a pixel spans: there too 1/depth is averaged, over
    the samples of the chosen class.
    """
    corners = [samples[i::step, j::step] for i in range(step) for j in range(step)]
    depth = np.stack([corner[..., 0] for corner in corners])  # (samples, H, W) m
    ids = np.stack([corner[..., 1] for corner in corners])  # (samples, H, W)
    nearest = depth.min(axis=0)
    one_surface = (ids == ids[0]).all(axis=0) & (depth.max(axis=0) < 1.15 * nearest)
    resolved = len(corners) / (1 / depth).sum(axis=0)  # (H, W) m
    classes = ids[0].copy()
    edge_ids, edge_depth = ids[:, ~one_surface], depth[:, ~one_surface]  # (samples, edges)
    votes = (edge_ids[:, None] == edge_ids[None]).sum(axis=0)
    chosen = np.take_along_axis(edge_ids, votes.argmax(axis=0)[None], axis=0)[0]
    classes[~one_surface] = chosen
    nearest = np.where(edge_ids == chosen, edge_depth, np.inf).min(axis=0)
    middle = votes.max(axis=0) / np.where(edge_ids == chosen, 1 / edge_depth, 0).sum(axis=0)
    resolved[~one_surface] = np.where(np.isin(chosen, GROUNDS), middle, nearest)
    resolved[resolved > BEYOND_M] = np.inf
    return resolved, classes.astype(np.uint8)
