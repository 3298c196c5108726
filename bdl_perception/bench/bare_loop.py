# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The graphs and nothing else: `python -m ...bench.bare_loop MODEL FRAMES CHUNKS THREADS`."""
import json
import sys
import time

from bdl_perception.backends.registry import open_backend
from bdl_perception.perception.masks import draw_masks
import numpy as np


def loop(model: str, frames: int, chunks: int, threads: int) -> dict[str, float]:
    """Perceive so many frames and sample so many chunks, evenly mixed; times in s."""
    backend = open_backend('onnxruntime', model, threads)
    spec = backend.spec
    rgb = np.random.default_rng(0).integers(0, 256, (spec.height, spec.width, 3), np.uint8)
    masks = draw_masks(0, spec.chunk, spec.dropout_channels, spec.dropout_probability)
    features, done = backend.perceive(rgb).features, 0
    begin_s, begin_cpu_s = time.perf_counter(), time.process_time()
    for frame in range(1, frames + 1):
        backend.perceive(rgb)
        while done < chunks * frame // frames:
            backend.sample(features, masks)
            done += 1
    return {'cpu_s': time.process_time() - begin_cpu_s, 'wall_s': time.perf_counter() - begin_s}


if __name__ == '__main__':
    print(json.dumps(loop(sys.argv[1], *map(int, sys.argv[2:5]))))
