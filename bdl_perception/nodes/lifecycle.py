# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The life of a node: process, parameters and lifecycle transitions.

Every failure is reported: an exception in a transition callback, which rclpy discards, a parameter
outside its bounds, and a start that fails.
"""
from difflib import get_close_matches
from functools import wraps
from typing import Any, Callable, Protocol, TypeVar

from bdl_perception.parameter_spec import parameter_specs, Parameters, ParameterSpec
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
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
from rclpy.service import Service

EXIT_CONFIG_ERROR = 2  # exit code: starting the node again does not help
EXIT_RESTART = 3  # exit code: the node must be started again
CONTEXT_ERRORS = (RuntimeError, NotInitializedException)  # rclpy raises them without a context
EXPECTED_ERRORS = (ValueError, OSError, ModuleNotFoundError, *CONTEXT_ERRORS)
QOS_OVERRIDES = 'qos_overrides.'  # declared when the topic is created
MIN_SIMILARITY = 0.5  # of a misspelt name and the one that is suggested
TARGET_STATES = {
    'on_configure': 'inactive', 'on_activate': 'active', 'on_deactivate': 'inactive',
    'on_cleanup': 'unconfigured', 'on_shutdown': 'finalized', 'on_error': 'unconfigured',
}

N = TypeVar('N', bound=Node)
P = TypeVar('P', bound=Parameters)
M = TypeVar('M', bound='ManagedNode')
TransitionCallback = Callable[[M, LifecycleState], TransitionCallbackReturn]


class RestartRequired(Exception):  # noqa: N818  # a request, not an error
    """Ends a node that can only continue in a new process."""


def run_node(name: str, make_node: Callable[[], N], spin: Callable[[N], None] = rclpy.spin,
             arguments: list[str] | None = None) -> int:
    """
    Make a node and spin it until a signal arrives or spin returns; returns the exit code.

    An error at the start is one line in the log and exit code 2: the user must correct it. A
    later one is exit code 3: a new process may help. destroy_node() is called whenever the node
    exists. A signal invalidates the context, so that running code may raise: exit code 0.
    """
    node: N | None = None
    initialised = False
    try:
        rclpy.init(args=arguments)
        initialised = True
        node = make_node()
        guard_services(node)
        spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # a requested end
    except RestartRequired as error:
        get_logger(name).fatal(f'{name} ends, to be started again: {error}')
        return EXIT_RESTART
    except EXPECTED_ERRORS as error:
        if initialised and not rclpy.ok() and isinstance(error, CONTEXT_ERRORS):
            get_logger(name).info(f'{name} was interrupted by a signal: {describe_error(error)}')
            return 0
        event, code = (('does not start', EXIT_CONFIG_ERROR) if node is None else
                       ('stops', EXIT_RESTART))
        get_logger(name).fatal(f'{name} {event}: {describe_error(error)}')
        return code
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def guard_services(node: Node) -> None:
    """
    Answer every request whose callback raises, with success=False and a line in the log.

    rclpy answers the services for transitions and parameters. It raises for a transition that does
    not fit the state and for a malformed parameter; the executor would end the process.
    """
    for service in node.services:
        service.callback = _guarded_callback(node, service)


def _guarded_callback(node: Node, service: Service) -> Callable[[Any, Any], Any]:
    callback = service.callback

    def answer(request: Any, response: Any) -> Any:
        try:
            return callback(request, response)
        except Exception as error:  # noqa: BLE001  # no request may end the process
            reason = describe_error(error)
            node.get_logger().warning(f'{service.srv_name} refused a request: {reason}')
            return _refusal(request, response, reason)

    return answer


def _refusal(request: Any, response: Any, reason: str) -> Any:
    """Complete the response: parameters before the malformed one have their results already."""
    refused = SetParametersResult(successful=False, reason=reason)
    if isinstance(response, SetParameters.Response):
        missing = len(request.parameters) - len(response.results)
        return SetParameters.Response(results=[*response.results, *[refused] * missing])
    if isinstance(response, SetParametersAtomically.Response):
        return SetParametersAtomically.Response(result=refused)
    return type(response)()  # success is False


def describe_error(error: BaseException) -> str:
    """Format an error and its cause in one line."""
    text = f'{error}' if isinstance(error, (ValueError, OSError)) else f'{error!r}'
    cause = f' (because of {error.__cause__!r})' if error.__cause__ else ''
    return ' '.join((text + cause).split())


def declare_parameters(node: Node, cls: type[P]) -> P:
    """
    Declare every parameter of cls on the node, read-only, and return the configured values.

    ValueError names the parameter, its value and its bounds, or a parameter that does not exist;
    the node must not start then.
    """
    _reject_unknown_parameters(node, [spec.name for spec in parameter_specs(cls)])
    return cls(**{spec.name: _declare_parameter(node, spec) for spec in parameter_specs(cls)})


def _reject_unknown_parameters(node: Node, names: list[str]) -> None:
    """Compare what was given with names; rclpy has declared its own parameters before."""
    given = node._parameter_overrides  # rclpy has no public access to them
    unknown = sorted(name for name in given if name not in names and not node.has_parameter(name)
                     and not name.startswith(QOS_OVERRIDES))
    if unknown:
        raise ValueError('; '.join(
            f'parameter {name!r:.100} does not exist, {_suggestion(name, names)}'
            for name in unknown))


def _suggestion(name: str, names: list[str]) -> str:
    nearest = get_close_matches(name.lower(), names, 1, MIN_SIMILARITY)
    return f'did you mean {nearest[0]!r}?' if nearest else f'remove it; there are: {names}'


def parameter_descriptor(spec: ParameterSpec) -> ParameterDescriptor:
    """Describe a parameter for `ros2 param describe`."""
    unit = f' [{spec.unit}]' if spec.unit else ''
    choices = f'one of: {", ".join(spec.choices)}' if spec.choices else ''
    descriptor = ParameterDescriptor(
        description=spec.doc + unit, read_only=True, additional_constraints=choices)
    if spec.low is not None and spec.high is not None:
        if spec.kind is int:
            descriptor.integer_range = [
                IntegerRange(from_value=int(spec.low), to_value=int(spec.high))]
        else:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(spec.low), to_value=float(spec.high))]
    return descriptor


def _declare_parameter(node: Node, spec: ParameterSpec) -> object:
    try:
        value = node.declare_parameter(spec.name, spec.default, parameter_descriptor(spec)).value
    except (InvalidParameterTypeException, InvalidParameterValueException,
            ParameterUninitializedException):
        # Accept any type here: the dataclass accepts 10 for 10.0, and its message has a remedy.
        untyped = ParameterDescriptor(dynamic_typing=True, read_only=True)
        value = node.declare_parameter(spec.name, spec.default, untyped).value
    return float(value) if spec.kind is float and type(value) is int else value


class ManagedNode(Protocol):
    """A lifecycle node that is notified of the result of its transitions."""

    def transition_ended(self, state: str, fault: str | None) -> None:
        """Record the state in which a transition ended, and the fault if it failed."""


def lifecycle_callback(transition: Callable[[M, LifecycleState], None]) -> TransitionCallback[M]:
    """
    Turn transition(self, state), named on_..., into a transition callback that reports its result.

    An exception in on_configure or on_activate is a FAILURE: the node stays in its state. An
    exception in another one is an ERROR, which leads through on_error to unconfigured.
    """
    name = transition.__name__
    acquires = name in ('on_configure', 'on_activate')
    failure = TransitionCallbackReturn.FAILURE if acquires else TransitionCallbackReturn.ERROR

    @wraps(transition)
    def callback(self: M, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            transition(self, state)
        except Exception as error:  # noqa: BLE001  # the process must live to report it
            self.transition_ended(state.label if acquires else 'errorprocessing',
                                  f'{name[3:]} failed: {describe_error(error)}')
            return failure
        self.transition_ended(TARGET_STATES[name], None)
        return TransitionCallbackReturn.SUCCESS

    return callback
