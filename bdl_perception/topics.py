# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Every topic once: its name relative to the node's namespace, its type and what it carries."""
from typing import NamedTuple


class Topic(NamedTuple):
    """A topic; the README's table is compared with these."""

    name: str
    type: str  # noqa: A003  # as `ros2 topic type` says
    publisher: str
    description: str


IMAGE_TYPE, CAMERA_INFO_TYPE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
DIAGNOSTICS_TYPE = 'diagnostic_msgs/msg/DiagnosticArray'
PERCEPTION_NODE, ALERT_NODE, GOVERNOR_NODE = 'perception_node', 'alert_node', 'governor_node'

DEPTH = Topic('depth/image', IMAGE_TYPE, PERCEPTION_NODE, '32FC1, m along the optical axis, +Inf: sky')
DEPTH_INFO = Topic('depth/camera_info', CAMERA_INFO_TYPE, PERCEPTION_NODE, 'geometry of every published image')
ALEATORIC = Topic('depth/aleatoric_std', IMAGE_TYPE, PERCEPTION_NODE, '32FC1, m, noise in the data')
EPISTEMIC = Topic('depth/epistemic_std', IMAGE_TYPE, PERCEPTION_NODE, '32FC1, m, ignorance of the model')
CLASSES = Topic('segmentation/classes', IMAGE_TYPE, PERCEPTION_NODE, 'mono8, class ids')
ENTROPY = Topic('segmentation/entropy', IMAGE_TYPE, PERCEPTION_NODE, '32FC1, nat, of one pass')
MUTUAL_INFORMATION = Topic('segmentation/mutual_information', IMAGE_TYPE, PERCEPTION_NODE,
                           '32FC1, nat, ignorance of the model')
OVERLAY = Topic('overlay', IMAGE_TYPE, PERCEPTION_NODE, 'rgb8, classes over the picture')
SCORES = Topic('scores', DIAGNOSTICS_TYPE, PERCEPTION_NODE, 'the numbers that the alarm watches')
STATUS = Topic('status', DIAGNOSTICS_TYPE, PERCEPTION_NODE, 'heartbeat: lifecycle state, counters, faults')
ALERT_TOPIC = Topic('alert', DIAGNOSTICS_TYPE, ALERT_NODE, 'heartbeat: OK, WARN, ERROR or STALE, and why')
DIAGNOSTICS_TOPIC = Topic('/diagnostics', DIAGNOSTICS_TYPE, ALERT_NODE, 'the same for people')
CMD_VEL_OUT = Topic('cmd_vel_out', 'geometry_msgs/msg/Twist', GOVERNOR_NODE,
                    'cmd_vel, capped or stopped by the level of the alert')

TOPICS = (DEPTH, DEPTH_INFO, ALEATORIC, EPISTEMIC, CLASSES, ENTROPY, MUTUAL_INFORMATION, OVERLAY,
          SCORES, STATUS, ALERT_TOPIC, DIAGNOSTICS_TOPIC, CMD_VEL_OUT)
