# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The topics, each declared once: name relative to the namespace of the node, type, content."""
from typing import NamedTuple


class Topic(NamedTuple):
    """The declaration of a topic; docs/reference/topics.md is generated from these."""

    name: str
    type: str  # noqa: A003  # the field name of `ros2 topic type`
    publisher: str
    description: str


IMAGE_TYPE, CAMERA_INFO_TYPE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo'
POINTS_TYPE = 'sensor_msgs/msg/PointCloud2'
DIAGNOSTICS_TYPE = 'diagnostic_msgs/msg/DiagnosticArray'
PERCEPTION_NODE, ALERT_NODE, GOVERNOR_NODE = 'perception_node', 'alert_node', 'governor_node'
VIEWER_NODE = 'viewer_node'

DEPTH = Topic('depth/image', IMAGE_TYPE, PERCEPTION_NODE,
              '32FC1, m along the optical axis, +Inf: sky')
DEPTH_INFO = Topic('depth/camera_info', CAMERA_INFO_TYPE, PERCEPTION_NODE,
                   'camera geometry of all published images')
SEGMENTATION_INFO = Topic('segmentation/camera_info', CAMERA_INFO_TYPE, PERCEPTION_NODE,
                          'the same, for viewers that look beside the image')
ALEATORIC = Topic('depth/aleatoric_std', IMAGE_TYPE, PERCEPTION_NODE,
                  '32FC1, m, aleatoric uncertainty of depth (data)')
EPISTEMIC = Topic('depth/epistemic_std', IMAGE_TYPE, PERCEPTION_NODE,
                  '32FC1, m, epistemic uncertainty of depth (model)')
CLASSES = Topic('segmentation/classes', IMAGE_TYPE, PERCEPTION_NODE, 'mono8, class ids')
ENTROPY = Topic('segmentation/entropy', IMAGE_TYPE, PERCEPTION_NODE,
                '32FC1, nat, entropy of the class probabilities of the single pass')
ENERGY = Topic('segmentation/energy', IMAGE_TYPE, PERCEPTION_NODE,
               '32FC1, minus logsumexp of the class logits of the single pass: high where the '
               'class is unknown')
MUTUAL_INFORMATION = Topic('segmentation/mutual_information', IMAGE_TYPE, PERCEPTION_NODE,
                           '32FC1, nat, epistemic uncertainty of the classes (model)')
OVERLAY = Topic('segmentation/overlay', IMAGE_TYPE, PERCEPTION_NODE,
                'rgb8, class colours over the camera image')
# Flat names: image_transport and RViz look for camera_info beside the image.
DEPTH_COLOURED = Topic('depth/coloured', IMAGE_TYPE, PERCEPTION_NODE,
                       'rgb8 with a colour bar: depth')
ALEATORIC_COLOURED = Topic('depth/aleatoric_coloured', IMAGE_TYPE, PERCEPTION_NODE,
                           'rgb8 with a colour bar: depth/aleatoric_std')
EPISTEMIC_COLOURED = Topic('depth/epistemic_coloured', IMAGE_TYPE, PERCEPTION_NODE,
                           'rgb8 with a colour bar: depth/epistemic_std')
CLASSES_COLOURED = Topic('segmentation/classes_coloured', IMAGE_TYPE, PERCEPTION_NODE,
                         'rgb8 with a legend: classes')
ENTROPY_COLOURED = Topic('segmentation/entropy_coloured', IMAGE_TYPE, PERCEPTION_NODE,
                         'rgb8 with a colour bar: entropy')
MUTUAL_INFORMATION_COLOURED = Topic(
    'segmentation/mutual_information_coloured', IMAGE_TYPE, PERCEPTION_NODE,
    'rgb8 with a colour bar: mutual information')
POINTS = Topic('points', POINTS_TYPE, PERCEPTION_NODE,
               'x y z rgb epistemic_std aleatoric_std class_id of every pixel with depth')
SCORES = Topic('scores', DIAGNOSTICS_TYPE, PERCEPTION_NODE,
               'anomaly scores, the input of alert_node')
STATUS = Topic('status', DIAGNOSTICS_TYPE, PERCEPTION_NODE,
               'heartbeat: lifecycle state, frame counters, faults')
ALERT_TOPIC = Topic('alert', DIAGNOSTICS_TYPE, ALERT_NODE,
                    'heartbeat: OK, WARN, ERROR or STALE, with the reasons')
DIAGNOSTICS_TOPIC = Topic('/diagnostics', DIAGNOSTICS_TYPE, ALERT_NODE,
                          'the content of alert, for diagnostic tools')
ALERT_OVERLAY = Topic('segmentation/overlay_alert', IMAGE_TYPE, VIEWER_NODE,
                      'rgb8, segmentation/overlay with level and reason of the alert')
CHALLENGE = Topic('challenge', 'std_msgs/msg/String', ALERT_NODE,
                  'random number of this alert_node, which status and scores must repeat')
CMD_VEL_OUT = Topic('cmd_vel_out', 'geometry_msgs/msg/Twist', GOVERNOR_NODE,
                    'cmd_vel, limited or stopped by the level of the alert')
SPEED_LIMIT = Topic('speed_limit', 'nav2_msgs/msg/SpeedLimit', GOVERNOR_NODE,
                    'the speed limit of that level, if nav2_speed_limit is set')

TOPICS = (DEPTH, DEPTH_INFO, ALEATORIC, EPISTEMIC, CLASSES, SEGMENTATION_INFO, ENTROPY, ENERGY,
          MUTUAL_INFORMATION, OVERLAY, DEPTH_COLOURED, ALEATORIC_COLOURED, EPISTEMIC_COLOURED,
          CLASSES_COLOURED, ENTROPY_COLOURED, MUTUAL_INFORMATION_COLOURED, POINTS, SCORES, STATUS,
          ALERT_TOPIC, DIAGNOSTICS_TOPIC, ALERT_OVERLAY, CHALLENGE, CMD_VEL_OUT, SPEED_LIMIT)
