# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The frames of camera_node; test/system/test_camera_and_governor.py plays with the process."""
from bdl_perception.nodes.camera_node import frame_gap_s, optical_frame_id
from bdl_perception.perception.data_types import CameraFrame
import numpy as np
import pytest


@pytest.mark.parametrize('recorded, namespace, frame_id', [
    ('camera_optical_frame', '/', 'camera_optical_frame'),
    ('camera_optical_frame', '/front', 'front_camera_optical_frame'),
    ('camera_optical_frame', '/car/rear', 'rear_camera_optical_frame'),
    ('left_optical', '/front', 'left_optical'), ('', '/front', '')])
def test_each_camera_has_an_optical_frame_of_its_own(recorded, namespace, frame_id):
    assert optical_frame_id(recorded, namespace) == frame_id


@pytest.mark.parametrize('gap_ns, gap_s', [
    (40_000_000, .04), (10_000_000_000, 10.), (10_000_000_001, .08), (0, .08), (-5, .08)])
def test_the_gap_of_two_frames_is_that_of_their_stamps_unless_they_jump(gap_ns, gap_s):
    first, second = (CameraFrame(np.zeros((1, 1, 3), np.uint8), stamp_ns, 'camera')
                     for stamp_ns in (17 * 10**17, 17 * 10**17 + gap_ns))
    assert frame_gap_s(first, second, 12.5) == gap_s
