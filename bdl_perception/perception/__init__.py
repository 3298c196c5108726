# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One frame in; what is seen and how sure out. Knows numpy and cv2 only."""
