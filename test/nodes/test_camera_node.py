# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The frames of camera_node; test/system/test_camera_and_governor.py plays with the process."""
from bdl_perception.nodes.camera_node import optical_frame_id
import pytest


@pytest.mark.parametrize('recorded, namespace, frame_id', [
    ('camera_optical_frame', '/', 'camera_optical_frame'),
    ('camera_optical_frame', '/front', 'front_camera_optical_frame'),
    ('camera_optical_frame', '/car/rear', 'rear_camera_optical_frame'),
    ('left_optical', '/front', 'left_optical'), ('', '/front', '')])
def test_each_camera_has_an_optical_frame_of_its_own(recorded, namespace, frame_id):
    assert optical_frame_id(recorded, namespace) == frame_id
