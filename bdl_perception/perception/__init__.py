# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From one camera frame to predictions, uncertainties and scores; needs numpy and cv2 only."""
