# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The nodes as real processes on a private ROS domain, a camera and a listener in the test.

Nothing here sleeps for a fixed time: `until` spins while a condition is false, and fails with what
was heard last when it stays false.
"""
from collections import defaultdict
from itertools import count
import json
from pathlib import Path
import time

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.calibration_io import calibration_to_dict
from bdl_perception.backends import open_backend
from bdl_perception.demo.processes import NodeProcess
from bdl_perception.model_store import ModelOptions
from bdl_perception.nodes import publishers
from bdl_perception.nodes.diagnostics import status_from_message
from bdl_perception.nodes.messages import make_header, uint8_image
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.perception.scores import cycle_scores, frame_scores
from bdl_perception.perception.status import Identity
from bdl_perception.perception.types import CameraFrame
from bdl_perception.version import software_version
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from tiny_model import make_tiny_model

SAMPLES = 4
KINDS = {topics.IMAGE_TYPE: Image, topics.CAMERA_INFO_TYPE: CameraInfo,
         topics.DIAGNOSTICS_TYPE: DiagnosticArray}
TIMEOUT_S = 60.0  # a ceiling for machines under load; a wait ends with its condition
_NUMBERS = count()


def street(seed, width=80, height=48):
    """Draw what the tiny model is calibrated on: grey noise, another one for each seed."""
    rng = np.random.default_rng(seed)
    return rng.integers(60, 180, (height, width, 3)).astype(np.uint8)


def night(seed):
    """Draw what it has never seen."""
    return street(seed) // 4


def calibrated_model(folder: Path, **changes) -> Path:
    """Make a tiny model with a calibration that no street ever tops and every night does."""
    make_tiny_model(folder, **changes)
    perceiver = Perceiver(open_backend(folder, ModelOptions('onnxruntime', 1)), SAMPLES, 0)
    rows = [_scores(perceiver, street(seed)) for seed in range(60)]
    scores = {name: _widened([row[name] for row in rows]) for name in rows[0]}
    spec = perceiver.backend.spec
    identity = Identity(spec.name, spec.perceive_sha256, spec.sample_sha256, SAMPLES, 0,
                        spec.height, spec.width)
    calibration = Calibration(
        identity=identity, alpha=.05, watched=('feature', 'epistemic_depth'), scores=scores,
        drives=('made up',) * 8, frames=len(rows), step_s=.1, false_alarms_per_hour=1.,
        cusum_limit=3., exponent=.5, software_version=software_version())
    (folder / 'calibration.json').write_text(json.dumps(calibration_to_dict(calibration)))
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
    """Starts processes, plays the camera and keeps everything that is published."""

    def __init__(self, environment, context, folder):
        """Join the domain of the processes-to-be; context is that of the whole run."""
        self._environment = {**environment, 'OMP_NUM_THREADS': '1'}
        self._folder = folder
        self.node = Node(f'observer_{next(_NUMBERS)}', context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self._processes = []
        self._subscriptions = []
        self.received = defaultdict(list)
        self._on_image = self.node.create_publisher(Image, 'image', publishers.image_qos())
        self._on_camera_info = self.node.create_publisher(CameraInfo, 'camera_info', publishers.image_qos())
        self._change_state_client = self.node.create_client(ChangeState, 'perception_node/change_state')
        self.sent, self.sent_heads = 0, set()

    def close(self):
        """End what was started here, and nothing else."""
        for process in self._processes:
            process.stop()
        self._executor.shutdown()
        self.node.destroy_node()

    def start(self, name, remaps=None, **parameters):
        """Start a node; its log is shown when a wait fails."""
        log = self._folder / f'{len(self._processes)}_{name}.log'
        process = NodeProcess(name, parameters, log, self._environment, remaps)
        self._processes.append(process)
        return process

    def perception(self, model, remaps=None, **parameters):
        """Start perception_node as the tests want it."""
        return self.start('perception_node', remaps, model=model, samples=SAMPLES, threads=1,
                          **parameters)

    def listen(self, *listened):
        """Keep the messages of topics of topics.py."""
        for topic in listened:
            profile = publishers.alert_subscriber_qos() if topic == topics.ALERT_TOPIC else publishers.scores_qos()
            self._subscriptions.append(self.node.create_subscription(
                KINDS[topic.type], topic.name, self.received[topic].append, profile))

    def forget(self):
        """Listen to nothing, as a world does that was just made; the processes go on."""
        while self._subscriptions:
            self.node.destroy_subscription(self._subscriptions.pop())
        self.received.clear()

    def send(self, message):
        """Publish a picture."""
        self.sent += 1
        stamp = message.header.stamp
        self.sent_heads.add((stamp.sec, stamp.nanosec, message.header.frame_id))
        self._on_image.publish(message)

    def send_info(self, message):
        """Publish a camera_info."""
        self._on_camera_info.publish(message)

    def picture(self, rgb, frame_id='camera'):
        """Make a picture that is stamped now."""
        now_ns = self.node.get_clock().now().nanoseconds
        return uint8_image(rgb, make_header(now_ns, frame_id))

    def until(self, condition, what, timeout_s=TIMEOUT_S, make=None, period_s=.05):
        """Spin until condition() is true; with make, send make(i) as a camera meanwhile."""
        end_s, next_s = time.monotonic() + timeout_s, 0.0
        while not condition():
            assert time.monotonic() < end_s, f'{what}: not within {timeout_s} s. {self._words()}'
            if make is not None and time.monotonic() >= next_s:
                next_s = time.monotonic() + period_s
                rgb = make(self.sent)
                self.send(rgb if isinstance(rgb, Image) else self.picture(rgb))
            self._executor.spin_once(timeout_sec=.02)

    def set_state(self, number):
        """Ask perception_node for a lifecycle transition; tells whether it was taken."""
        self.until(self._change_state_client.service_is_ready, 'perception_node offers its lifecycle')
        request = ChangeState.Request()
        request.set_state.id = number
        answer = self._change_state_client.call_async(request)
        self.until(answer.done, f'transition {number} ends')
        return answer.result().success

    @property
    def alert(self):
        """Give the last alert, as level and text."""
        if not self.received[topics.ALERT_TOPIC]:
            return None, ''
        status = self.received[topics.ALERT_TOPIC][-1].status[0]
        return AlertLevel(status.level[0]), status.message

    def alert_is(self, level, text=''):
        """Make a condition on the last alert."""
        return lambda: self.alert[0] == level and text in self.alert[1]

    @property
    def statuses(self):
        """Give every status that was heard."""
        return [status_from_message(item) for item in self.received[topics.STATUS]]

    def faults(self):
        """Give every fault that was heard."""
        return [fault for status in self.statuses for fault in status.faults]

    def _words(self):
        logs = '\n'.join(f'{process.node}: {process.log_tail()}' for process in self._processes)
        return f'The alert is {self.alert}; the last status is {self.statuses[-1:]}.\n{logs}'
