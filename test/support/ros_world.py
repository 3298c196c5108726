# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The nodes as real processes on a private ROS domain; the test is the camera and a subscriber.

No test sleeps for a fixed time: `until` spins while a condition is false. If it stays false, the
test fails with the last alert, the last status and the logs.
"""
from collections import defaultdict
from itertools import count
from pathlib import Path
import time

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.backends import open_perceiver
from bdl_perception.demo.processes import NodeProcess
from bdl_perception.model_store import ModelOptions, save_calibration
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import status_from_message
from bdl_perception.nodes.messages import camera_info_message, make_header, uint8_image
from bdl_perception.perception.data_types import CameraFrame, PinholeCamera
from bdl_perception.perception.scores import cycle_scores, frame_scores
from bdl_perception.perception.status import Identity
from bdl_perception.version import software_version
from calibrations import make_calibration
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from tiny_model import CANONICAL_FOCAL_PER_WIDTH, make_tiny_model

SAMPLES = 4
MESSAGE_TYPES = {topics.IMAGE_TYPE: Image, topics.CAMERA_INFO_TYPE: CameraInfo,
                 topics.POINTS_TYPE: PointCloud2, topics.DIAGNOSTICS_TYPE: DiagnosticArray}
TIMEOUT_S = 60.0  # for machines under load; a wait ends with its condition
_NUMBERS = count()


def nominal_image(seed, width=80, height=48):
    """Draw an image like those of the calibration: grey noise, different for each seed."""
    rng = np.random.default_rng(seed)
    return rng.integers(60, 180, (height, width, 3)).astype(np.uint8)


def ood_image(seed):
    """Draw an out-of-distribution image: darker than those of the calibration."""
    return nominal_image(seed) // 4


def calibrated_model(folder: Path, **changes) -> Path:
    """Make a tiny model with thresholds between nominal_image and ood_image."""
    make_tiny_model(folder, **changes)
    perceiver = open_perceiver(folder, ModelOptions('onnxruntime', threads=1, samples=SAMPLES))
    rows = [_scores(perceiver, nominal_image(seed)) for seed in range(60)]
    scores = {name: _widened([row[name] for row in rows]) for name in rows[0]}
    spec = perceiver.backend.spec
    identity = Identity(spec.name, spec.perceive_sha256, spec.sample_sha256, SAMPLES, 0,
                        spec.height, spec.width)
    calibration = make_calibration(
        identity=identity, alpha=.05, watched=('feature', 'epistemic_depth'), scores=scores,
        drives=('synthetic',) * 8, frames=len(rows), step_s=.1, false_alarms_per_hour=1.,
        cusum=3., exponent=.5, software_version=software_version())
    save_calibration(folder / 'calibration.json', calibration)
    return folder


def _scores(perceiver, rgb):
    prediction = perceiver.perceive(CameraFrame(rgb, 1, 'camera'))
    epistemic = None
    while epistemic is None:
        epistemic = perceiver.sample()
    return {**frame_scores(prediction).values, **cycle_scores(epistemic, 1).values}


def _widened(values):
    centre = np.mean(values)
    return tuple(sorted((centre + 4 * (np.array(values) - centre)).tolist()))


class World:
    """Starts processes, plays the camera and records the published messages."""

    def __init__(self, environment, context, folder):
        """Join the domain of the processes; the context is shared by the whole run."""
        self._environment = {**environment, 'OMP_NUM_THREADS': '1'}
        self._folder = folder
        self.node = Node(f'observer_{next(_NUMBERS)}', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._processes = []
        self._subscriptions = []
        self.received = defaultdict(list)
        self._image_publisher = self.node.create_publisher(Image, 'image', publishers.image_qos())
        self._info_publisher = self.node.create_publisher(
            CameraInfo, 'camera_info', publishers.image_qos())
        self._change_state_client = self.node.create_client(
            ChangeState, 'perception_node/change_state')
        self.sent, self.sent_stamps = 0, set()
        self.sends_info, self.info = True, None

    def close(self):
        """Stop the processes that were started here."""
        for process in self._processes:
            process.stop()
        self._executor.shutdown()
        self.node.destroy_node()

    def start(self, name, remaps=None, **parameters):
        """Start a node; its log is shown when until() fails."""
        log = self._folder / f'{len(self._processes)}_{name}.log'
        process = NodeProcess(name, parameters, log, self._environment, remaps)
        self._processes.append(process)
        return process

    def perception(self, model, remaps=None, **parameters):
        """Start perception_node with the settings of the calibration."""
        return self.start('perception_node', remaps, model=model, samples=SAMPLES, threads=1,
                          **parameters)

    def listen(self, *subscribed):
        """Subscribe to topics of topics.py and record their messages."""
        for topic in subscribed:
            profile = (publishers.alert_subscriber_qos() if topic == topics.ALERT_TOPIC
                       else publishers.scores_qos())
            self._subscriptions.append(self.node.create_subscription(
                MESSAGE_TYPES[topic.type], topic.name, self.received[topic].append, profile))

    def unsubscribe(self):
        """Drop all subscriptions and recorded messages; the processes continue."""
        while self._subscriptions:
            self.node.destroy_subscription(self._subscriptions.pop())
        self.received.clear()

    def send(self, message):
        """Publish an image message."""
        if self.info is not None:
            self.publish_info(self.info)
        elif self.sends_info:  # of the canonical camera of the tiny model: nothing is scaled
            width, height = max(1, message.width), max(1, message.height)
            focal = CANONICAL_FOCAL_PER_WIDTH * width
            camera = PinholeCamera(width, height, focal, focal, width / 2 - .5, height / 2 - .5)
            self.publish_info(camera_info_message(camera, message.header))
        self.sent += 1
        stamp = message.header.stamp
        self.sent_stamps.add((stamp.sec, stamp.nanosec, message.header.frame_id))
        self._image_publisher.publish(message)

    def publish_info(self, message):
        """Publish a camera_info beside that of the canonical camera."""
        self._info_publisher.publish(message)

    def image(self, rgb, frame_id='camera'):
        """Make an image message with the current time as stamp."""
        now_ns = self.node.get_clock().now().nanoseconds
        return uint8_image(rgb, make_header(now_ns, frame_id))

    def until(self, condition, expected, timeout_s=TIMEOUT_S, make=None, period_s=.05):
        """Spin until condition() is true; with make, publish make(i) as a camera."""
        end_s, next_s = time.monotonic() + timeout_s, 0.0
        while not condition():
            assert time.monotonic() < end_s, (
                f'{expected}: not within {timeout_s} s. {self._state()}')
            if make is not None and time.monotonic() >= next_s:
                next_s = time.monotonic() + period_s
                rgb = make(self.sent)
                self.send(rgb if isinstance(rgb, Image) else self.image(rgb))
            self._executor.spin_once(timeout_sec=.02)

    def set_state(self, number):
        """Request a lifecycle transition of perception_node; returns its success."""
        self.until(self._change_state_client.service_is_ready, 'the change_state service')
        request = ChangeState.Request()
        request.transition.id = number
        response = self._change_state_client.call_async(request)
        self.until(response.done, f'the end of transition {number}')
        return response.result().success

    @property
    def alert(self):
        """Return level and text of the last alert."""
        if not self.received[topics.ALERT_TOPIC]:
            return None, ''
        status = self.received[topics.ALERT_TOPIC][-1].status[0]
        return AlertLevel(status.level[0]), status.message

    def alert_is(self, level, text=''):
        """Return a condition on the last alert, for until()."""
        return lambda: self.alert[0] == level and text in self.alert[1]

    @property
    def statuses(self):
        """Every received status."""
        return [status_from_message(item) for item in self.received[topics.STATUS]]

    def faults(self):
        """List the faults of every received status."""
        return [fault for status in self.statuses for fault in status.faults]

    def _state(self):
        logs = '\n'.join(f'{process.node}: {process.log_tail()}' for process in self._processes)
        return f'The alert is {self.alert}; the last status is {self.statuses[-1:]}.\n{logs}'
