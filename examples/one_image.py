# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From one image to depth and both uncertainties: python examples/one_image.py frame.jpg."""
import sys

from bdl_perception import CameraFrame, open_backend, Perceiver
import cv2
import numpy as np

image = cv2.imread(sys.argv[1])
if image is None:
    sys.exit(f'{sys.argv[1]} cannot be read as an image')
frame = CameraFrame(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), stamp_ns=0, frame_id='camera')
perceiver = Perceiver(open_backend('street'), samples=16, seed=0)
prediction = perceiver.perceive(frame)  # depth, aleatoric std: (h, w) m
epistemic = None
while epistemic is None:
    epistemic = perceiver.sample()  # a few Monte Carlo samples at a time, 16 in all
road = np.isfinite(prediction.depth)  # +Inf: sky or beyond the range
for name, values in (('depth', prediction.depth), ('aleatoric std', prediction.aleatoric_std),
                     ('epistemic std', epistemic.depth_std)):
    print(f'{name:14} median {np.median(values[road]):.3f} m')
