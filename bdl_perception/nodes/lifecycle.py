# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle transitions that fail aloud; rclpy would swallow their exceptions."""
from functools import wraps
from typing import Callable, Protocol, TypeVar

from bdl_perception.parameters import parameter_specs, Parameters, ParameterSpec
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
import rclpy
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    NotInitializedException,
    ParameterUninitializedException,
)
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.node import Node


class ManagedNode(Protocol):
    """What a node offers so that its transitions can be told about."""

    def transition_ended(self, state: str, fault: str | None) -> None:
        """Take note of the state the node is in now, and of what went wrong on the way."""


M = TypeVar('M', bound=ManagedNode)
TransitionCallback = Callable[[M, LifecycleState], TransitionCallbackReturn]
TARGET_STATES = {
    'on_configure': 'inactive', 'on_activate': 'active', 'on_deactivate': 'inactive',
    'on_cleanup': 'unconfigured', 'on_shutdown': 'finalized', 'on_error': 'unconfigured',
}


def lifecycle_callback(transition: Callable[[M, LifecycleState], None]) -> TransitionCallback[M]:
    """
    Turn work(self, state) named on_... into a transition callback.

    When the work raises, what takes (configure, activate) has FAILED and the node stays where it
    was; what gives back is an ERROR, which leads through on_error to unconfigured.
    """
    name = transition.__name__
    takes = name in ('on_configure', 'on_activate')
    bad = TransitionCallbackReturn.FAILURE if takes else TransitionCallbackReturn.ERROR

    @wraps(transition)
    def callback(self: M, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            transition(self, state)
        except Exception as error:  # noqa: BLE001  # the process must live to tell it
            self.transition_ended(state.label if takes else 'errorprocessing',
                                  f'{name[3:]} failed: {describe_error(error)}')
            return bad
        self.transition_ended(TARGET_STATES[name], None)
        return TransitionCallbackReturn.SUCCESS

    return callback


def describe_error(error: BaseException) -> str:
    """Say what went wrong and what caused it, in one line."""
    text = f'{error}' if isinstance(error, (ValueError, OSError)) else f'{error!r}'
    cause = f' (because of {error.__cause__!r})' if error.__cause__ else ''
    return ' '.join((text + cause).split())


P = TypeVar('P', bound=Parameters)


def declare_parameters(node: Node, cls: type[P]) -> P:
    """
    Declare every parameter of cls on the node, read-only, and give what the user set.

    ValueError names the parameter, its value and its bounds; the node must not start then.
    """
    return cls(**{row.name: _declare_parameter(node, row) for row in parameter_specs(cls)})


def parameter_descriptor(row: ParameterSpec) -> ParameterDescriptor:
    """Describe a parameter for `ros2 param describe`."""
    unit = f' [{row.unit}]' if row.unit else ''
    choices = f'one of: {", ".join(row.choices)}' if row.choices else ''
    descriptor = ParameterDescriptor(
        description=row.doc + unit, read_only=True, additional_constraints=choices)
    if row.low is not None and row.high is not None:
        if row.kind is int:
            descriptor.integer_range = [
                IntegerRange(from_value=int(row.low), to_value=int(row.high))]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(row.low), to_value=float(row.high))]
    return descriptor


def _declare_parameter(node: Node, row: ParameterSpec) -> object:
    try:
        value = node.declare_parameter(row.name, row.default, parameter_descriptor(row)).value
    except (InvalidParameterTypeException, InvalidParameterValueException,
            ParameterUninitializedException):
        # Take it as it is: the dataclass refuses it in better words, or knows 10 to be 10.0.
        loose = ParameterDescriptor(dynamic_typing=True, read_only=True)
        value = node.declare_parameter(row.name, row.default, loose).value
    return float(value) if row.kind is float and type(value) is int else value


N = TypeVar('N', bound=Node)
EXIT_CONFIG_ERROR = 2  # exit code: something we were told cannot be
CONTEXT_ERRORS = (RuntimeError, NotInitializedException)  # what rclpy says without a context
EXPECTED_ERRORS = (ValueError, OSError, ModuleNotFoundError, *CONTEXT_ERRORS)  # rclpy's own are RuntimeError


def run_node(name: str, make_node: Callable[[], N], spin: Callable[[N], None] = rclpy.spin,
             arguments: list[str] | None = None) -> int:
    """
    Make a node and spin it until a signal comes or spin returns; gives the exit code.

    What the user can mend is one line in the log and exit code 2; destroy_node() is called in
    every case in which there is a node. A signal takes the context away under whatever runs at
    that moment, which then raises: that is a good end too.
    """
    node: N | None = None
    begun = False
    try:
        rclpy.init(args=arguments)
        begun = True
        node = make_node()
        spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # somebody asked us to leave
    except EXPECTED_ERRORS as error:
        if begun and not rclpy.ok() and isinstance(error, CONTEXT_ERRORS):
            get_logger(name).info(f'{name} was stopped in the middle of: {describe_error(error)}')
            return 0
        get_logger(name).fatal(f'{name} {"stops" if node else "does not start"}: {describe_error(error)}')
        return EXIT_CONFIG_ERROR
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
