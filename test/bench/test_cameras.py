# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Rows of several cameras, from synthetic traces."""
from bdl_perception.bench.camera_trace import CameraTrace
from bdl_perception.bench.cameras import multi_camera_rows

SECOND = 10**9
SENT = ((0, 'nominal'), (SECOND, 'nominal'))


def test_losses_of_cameras_are_added_and_the_worst_is_reported():
    good = CameraTrace(SENT, ((0, 10**7), (SECOND, SECOND + 3 * 10**7)), ((0, 5), (0, 6)))
    bad = CameraTrace(SENT, ((0, 5 * 10**7),), ((0, 5),))
    lost, median, p99, epistemic = multi_camera_rows({'front': good, 'rear': bad})
    assert (lost.value, lost.met, lost.note) == (1, False, 'of 4')
    assert (median.value, p99.value, epistemic.value) == (50.0, 50.0, 1.0)
