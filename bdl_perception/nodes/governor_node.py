# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Example of a planner that follows the alert: limit or stop cmd_vel by its level and age."""
import sys
import time
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception import topics
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.governor import (
    Governor,
    GovernorPolicy,
    nav2_speed_limit,
    speed_limits,
    Velocity,
)
from bdl_perception.nodes import publishers
from bdl_perception.nodes.authenticity import mixing_fault, SequenceNumbers
from bdl_perception.nodes.diagnostics import deserialize_diagnostics, level_from_message
from bdl_perception.nodes.lifecycle import run_node
from bdl_perception.nodes.messages import make_header, stamp_to_ns
from bdl_perception.nodes.ros_parameters import apply_changes, declare_parameters
from bdl_perception.nodes.status import FaultLog
from bdl_perception.parameters import (
    GovernorParameters,
    heartbeat_contradiction,
    MAX_HEARTBEAT_PERIODS,
)
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, TwistStamped, Vector3
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.qos import LivelinessPolicy, QoSProfile

NAME = 'governor_node'
CMD_VEL = 'cmd_vel'
MAX_ALERT_BYTES = 524_288  # serialized; each camera adds less than 10 kB
CHECK_S = 1.0  # between two looks at the other nodes of the topics
REPEAT_S = 1.0  # of a speed limit that does not change, for a controller that starts later
TWIST_TYPES = ('geometry_msgs/msg/Twist', 'geometry_msgs/msg/TwistStamped')


class ReceivedCommand(NamedTuple):
    """The last velocity command, its frame, and its time of arrival."""

    velocity: Velocity | None = None
    frame_id: str = ''
    received_s: float = 0.0


class GovernorNode(Node):
    """Runs a Governor on cmd_vel; a timer publishes, so that missing messages stop the robot."""

    def __init__(self) -> None:
        """Start at rest."""
        super().__init__(NAME)
        self._settings = declare_parameters(self, GovernorParameters)
        self._policy = self._settings.policy()
        self._governor = Governor(self._policy, 1 / self._settings.rate_hz)
        self._alert_numbers = SequenceNumbers()
        self._last_command = ReceivedCommand()
        self._fault_log = FaultLog(self.get_logger().warning)
        self._create_topics()
        self._speed_limit = make_speed_limit_output(self, self._settings)
        apply_changes(self, self._settings, GovernorParameters.policy, self._apply_settings)

    def _apply_settings(self, settings: GovernorParameters) -> None:
        self._settings, self._policy = settings, settings.policy()
        self._governor.set_policy(self._policy)

    def _create_topics(self) -> None:
        twist_type = TwistStamped if self._settings.stamped else Twist
        self._command_publisher = self.create_publisher(
            twist_type, topics.CMD_VEL_OUT.name, command_publisher_qos(self._settings.rate_hz))
        on_alert: Callable[..., None] = self._on_alert  # rclpy declares one argument only
        self.create_subscription(DiagnosticArray, topics.ALERT_TOPIC.name, on_alert,
                                 publishers.alert_subscriber_qos(), raw=True)
        self.create_subscription(twist_type, CMD_VEL, self._on_command, publishers.command_qos())
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self.create_timer(1 / self._settings.rate_hz, self._publish_command, clock=steady)
        self.create_timer(CHECK_S, self._check_topics, clock=steady)

    def _on_alert(self, data: bytes, info: Mapping[str, int | None]) -> None:
        now_s = time.monotonic()
        self._alert_numbers.add(now_s, info)
        level: AlertLevel | None = None
        age_s = 0.
        try:
            message = deserialize_diagnostics(data, MAX_ALERT_BYTES)
            stamp_ns = stamp_to_ns(message.header.stamp)
            age_s = (self.get_clock().now().nanoseconds - stamp_ns) / 1e9
            level = level_from_message(message)
        except ValueError as error:
            self._fault_log.report(f'alert cannot be read: {error}')
        if abs(age_s) > self._settings.max_alert_age_s:
            self._fault_log.report(f'alert is {age_s:.1f} s old by its stamp: synchronise the '
                                   f'clocks, or set use_sim_time in all nodes')
        self._governor.update_alert(now_s, level, age_s)

    def _on_command(self, message: Twist | TwistStamped) -> None:
        stamped = isinstance(message, TwistStamped)
        self._last_command = ReceivedCommand(
            _velocity_from_twist(message.twist if stamped else message),
            message.header.frame_id if stamped else '', time.monotonic())

    def _publish_command(self) -> None:
        """Publish the velocity and assert the liveliness of this node."""
        now_s = time.monotonic()
        fault = mixing_fault(self, topics.ALERT_TOPIC.name, self._alert_numbers, now_s)
        if fault:
            self._fault_log.report(fault)
            self._governor.update_alert(now_s, None, 0.)
        fresh = now_s - self._last_command.received_s <= self._settings.max_command_age_s
        if self._speed_limit is not None:
            self._speed_limit.publish(now_s, self._governor.level(now_s), self._policy)
        governed = self._governor.step(now_s, self._last_command.velocity if fresh else None)
        if governed.reason:
            self._fault_log.report(governed.reason)
        self._command_publisher.publish(self._command_message(governed.velocity))
        self._command_publisher.assert_liveliness()

    def _command_message(self, velocity: Velocity) -> Twist | TwistStamped:
        twist = _twist_from_velocity(velocity)
        if not self._settings.stamped:
            return twist
        header = make_header(self.get_clock().now().nanoseconds, self._last_command.frame_id)
        return TwistStamped(header=header, twist=twist)

    def _check_topics(self) -> None:
        self._check_types()
        for info in self.get_publishers_info_by_topic(
                self.resolve_topic_name(topics.ALERT_TOPIC.name)):
            period_s = info.qos_profile.deadline.nanoseconds / 1e9 / MAX_HEARTBEAT_PERIODS
            if fault := heartbeat_contradiction(period_s, self._policy.max_alert_age_s):
                self._fault_log.report(f'{info.node_name}: {fault}')
        if self._speed_limit is not None and (others := self._speed_limit.other_publishers()):
            self._fault_log.report(f'{topics.SPEED_LIMIT.name} is also published by '
                                   f'{", ".join(others)}: the last message would win, stop them')

    def _check_types(self) -> None:
        """Log that others use another type: DDS connects equal types only, and says nothing."""
        inputs = self.get_publishers_info_by_topic(self.resolve_topic_name(CMD_VEL))
        outputs = self.get_subscriptions_info_by_topic(
            self.resolve_topic_name(topics.CMD_VEL_OUT.name))
        own = TWIST_TYPES[self._settings.stamped]
        remedy = f'set stamped to {str(not self._settings.stamped).lower()}'
        for topic, infos in ((CMD_VEL, inputs), (topics.CMD_VEL_OUT.name, outputs)):
            for info in infos:
                if info.topic_type != own:
                    self._fault_log.report(f'{topic}: {info.node_name} uses {info.topic_type}, '
                                           f'{NAME} uses {own}: {remedy}')


class SpeedLimitOutput:
    """Publishes the linear limit of a level as nav2_msgs/SpeedLimit."""

    def __init__(self, node: Node, message_type: Any, settings: GovernorParameters) -> None:
        """Create the publisher; message_type: SpeedLimit of nav2_msgs.msg."""
        self._node, self._message_type, self._settings = node, message_type, settings
        self._publisher = node.create_publisher(
            message_type, topics.SPEED_LIMIT.name, publishers.command_qos())
        self._last: tuple[float, float] | None = None  # time, value

    def publish(self, now_s: float, level: AlertLevel | None, policy: GovernorPolicy) -> None:
        """Publish a changed limit at once, and the same one every REPEAT_S."""
        percentage = self._settings.nav2_speed_limit == 'percentage'
        limit = nav2_speed_limit(speed_limits(policy, level)[0],
                                 self._settings.nav2_max_speed_m_s, percentage)
        if self._last is not None and limit == self._last[1] and (
                now_s - self._last[0] < REPEAT_S):
            return
        self._last = now_s, limit
        now_ns = self._node.get_clock().now().nanoseconds
        self._publisher.publish(self._message_type(
            header=make_header(now_ns, ''), percentage=percentage, speed_limit=limit))

    def other_publishers(self) -> list[str]:
        """Name the other nodes that publish a speed limit, such as a costmap filter of Nav2."""
        own = self._node.get_name(), self._node.get_namespace()
        found = self._node.get_publishers_info_by_topic(self._publisher.topic_name)
        return [info.node_name for info in found if (info.node_name, info.node_namespace) != own]


def make_speed_limit_output(node: Node, settings: GovernorParameters) -> SpeedLimitOutput | None:
    """Make the output for Nav2 if it is set; ValueError: nav2_msgs is not installed."""
    if settings.nav2_speed_limit == 'off':
        return None
    try:
        from nav2_msgs.msg import SpeedLimit  # has no wheel, so it is optional
    except ModuleNotFoundError as error:
        raise ValueError('nav2_speed_limit needs nav2_msgs, which is not installed: apt install '
                         'ros-$ROS_DISTRO-nav2-msgs, or set nav2_speed_limit to off') from error
    if settings.warn_linear_m_s >= settings.nav2_max_speed_m_s:
        node.get_logger().warning(
            f'WARN slows nothing down: warn_linear_m_s is {settings.warn_linear_m_s:g}, '
            f'nav2_max_speed_m_s is {settings.nav2_max_speed_m_s:g}')
    return SpeedLimitOutput(node, SpeedLimit, settings)


def command_publisher_qos(rate_hz: float) -> QoSProfile:
    """Offer deadline and liveliness: the consumer can learn that the governor has ended."""
    profile = publishers.command_qos()
    period = Duration(seconds=MAX_HEARTBEAT_PERIODS / rate_hz)
    profile.deadline = profile.liveliness_lease_duration = period
    profile.liveliness = LivelinessPolicy.MANUAL_BY_TOPIC
    return profile


def _velocity_from_twist(message: Twist) -> Velocity:
    linear, angular = message.linear, message.angular
    return Velocity((linear.x, linear.y, linear.z), (angular.x, angular.y, angular.z))


def _twist_from_velocity(velocity: Velocity) -> Twist:
    (vx, vy, vz), (wx, wy, wz) = velocity
    return Twist(linear=Vector3(x=vx, y=vy, z=vz), angular=Vector3(x=wx, y=wy, z=wz))


def main() -> int:
    """Run the node until a signal arrives."""
    return run_node(NAME, GovernorNode)


if __name__ == '__main__':
    sys.exit(main())
