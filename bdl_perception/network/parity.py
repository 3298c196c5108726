# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Does ONNX Runtime say what torch says? Asked before a model is written."""
from typing import Any, Mapping, Sequence

from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.graphs import MAP_NAMES
from bdl_perception.network.graphs import MOMENT_NAMES
from bdl_perception.network.graphs import Perceive
from bdl_perception.network.graphs import Sample
from bdl_perception.network.model import Network
import numpy as np
from numpy.typing import NDArray
import onnxruntime
import torch
from torch import Tensor

FLOOR = 1e-3  # of a size: float32 tells log-depths 2e-7 apart, which a tiny spread is made of
TOLERANCE = 1e-4  # of the largest value of an output; float32 sums in another order differ by 1e-6
CLASS_TOLERANCE = 1e-3  # share of pixels whose class may differ: ties between two logits


@torch.no_grad()
def compare(perceive: bytes, sample: bytes, network: Network, statistics: FeatureStatistics,
            chunk: int, pictures: Sequence[Tensor]) -> float:
    """
    Run both graphs and both modules on the same pictures (H, W, 3) uint8 and the same masks.

    Returns the largest difference as a share of the output's largest value; RuntimeError when
    one is above the tolerance.
    """
    wanted = Perceive(network, statistics).eval(), Sample(network).eval()
    sessions = _open(perceive), _open(sample)
    worst = 0.0
    for picture in pictures:
        rgb = picture[None].contiguous()  # (1, H, W, 3)
        truth = wanted[0](rgb)
        features, masks = truth[len(MAP_NAMES):], network.draw_masks(chunk)
        kept = {f'features_{k}': value.numpy() for k, value in enumerate(features)}
        drawn = {f'mask_{k}': value.numpy() for k, value in enumerate(masks)}
        worst = max(worst, _difference(sessions[0], {'rgb': rgb.numpy()},
                                       dict(zip([*MAP_NAMES, *kept], truth, strict=True))))
        moments = dict(zip(MOMENT_NAMES, wanted[1](*features, *masks), strict=True))
        worst = max(worst, _difference(sessions[1], {**kept, **drawn}, moments))
    return worst


def _open(graph: bytes) -> Any:
    return onnxruntime.InferenceSession(graph, providers=['CPUExecutionProvider'])


def _difference(session: Any, inputs: Mapping[str, NDArray[Any]],
                truth: Mapping[str, Tensor]) -> float:
    """Compare one run with the truth; RuntimeError names the output that is off."""
    found = session.run(list(truth), dict(inputs))
    worst = 0.0
    for name, value in zip(truth, found, strict=True):
        expected = truth[name].numpy()
        if name == 'classes':
            share, limit = float((value != expected).mean()), CLASS_TOLERANCE
        else:
            share, limit = relative_difference(value, expected), TOLERANCE
            worst = max(worst, share)
        if not share <= limit:
            raise RuntimeError(f'output {name} of the exported graph is off by {share:.2g} of its '
                               f'largest value (limit {limit:g}); nothing was written')
    return worst


def relative_difference(value: NDArray[Any], expected: NDArray[Any]) -> float:
    """Largest difference as a share of the largest expected size; NaN when either holds one."""
    scale = max(float(np.abs(expected).max()), FLOOR)
    return float(np.abs(value - expected).max()) / scale
