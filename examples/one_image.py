# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From one image to depth and both uncertainties: python examples/one_image.py frame.jpg."""
import sys

from bdl_perception import CameraFrame, open_backend, Perceiver
import cv2
import numpy as np

if len(sys.argv) != 2:
    sys.exit('usage: python examples/one_image.py frame.jpg')
rgb = cv2.cvtColor(cv2.imread(sys.argv[1]), cv2.COLOR_BGR2RGB)  # (H, W, 3) uint8
perceiver = Perceiver(open_backend('street'), samples=16, seed=0)
prediction = perceiver.perceive(CameraFrame(rgb, stamp_ns=0, frame_id='camera'))
while (epistemic := perceiver.sample()) is None:
    pass  # a few Monte Carlo samples at a time, 16 in all
valid = np.isfinite(prediction.depth)  # (h, w); +Inf: sky or beyond the range
print(f'depth          median {np.median(prediction.depth[valid]):.3f} m')
print(f'aleatoric std  median {np.median(prediction.aleatoric_std[valid]):.3f} m')
print(f'epistemic std  median {np.median(epistemic.depth_std[valid]):.3f} m')
