# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The life of a node: process, requests of other nodes, and lifecycle transitions.

Every failure is reported: an exception in a transition callback, which rclpy discards, a request
that cannot be answered, and a start that fails.
"""
from functools import wraps
import sys
from typing import Any, Callable, Protocol, TypeVar

from bdl_perception.nodes.message_memory import return_message_memory
from bdl_perception.nodes.ros_parameters import accept_unchanged
from bdl_perception.parameter_files import misspelt_nodes
from bdl_perception.perception.status import printable_line
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
import rclpy
from rclpy.exceptions import NotInitializedException
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.service import Service
from rclpy.utilities import remove_ros_args

EXIT_CONFIG_ERROR = 2  # exit code: starting the node again does not help
EXIT_RESTART = 3  # exit code: the node must be started again
CONTEXT_ERRORS = (RuntimeError, NotInitializedException)  # rclpy raises them without a context
EXPECTED_ERRORS = (ValueError, OSError, ModuleNotFoundError, *CONTEXT_ERRORS)
MAX_LABEL_LENGTH = 64  # of a transition
TARGET_STATES = {
    'on_configure': 'inactive', 'on_activate': 'active', 'on_deactivate': 'inactive',
    'on_cleanup': 'unconfigured', 'on_shutdown': 'finalized', 'on_error': 'unconfigured',
}

N = TypeVar('N', bound=Node)
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
    Arguments that are not of ROS end with the usage: exit code 0 for --help, else 2.
    """
    words = sys.argv if arguments is None else arguments
    node: N | None = None
    initialised = False
    try:
        return_message_memory()
        rclpy.init(args=arguments)
        initialised = True
        if others := remove_ros_args(words)[1:]:
            return _show_usage(name, others[0])
        node = make_node()
        guard_services(node)
        for text in misspelt_nodes(words):
            get_logger(name).warning(text)
        spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # a requested end
    except RestartRequired as error:
        get_logger(name).fatal(f'{name} ends, to be started again: {error}')
        return EXIT_RESTART
    except EXPECTED_ERRORS as error:
        interrupted = initialised and not rclpy.ok() and isinstance(error, CONTEXT_ERRORS)
        return _report_end(name, error, interrupted, started=node is not None)
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _report_end(name: str, error: Exception, interrupted: bool, started: bool) -> int:
    """Log why a node ends; returns the exit code."""
    if interrupted:
        get_logger(name).info(f'{name} was interrupted by a signal: {describe_error(error)}')
        return 0
    event, code = ('stops', EXIT_RESTART) if started else ('does not start', EXIT_CONFIG_ERROR)
    get_logger(name).fatal(f'{name} {event}: {describe_error(error)}')
    return code


def _show_usage(name: str, word: str) -> int:
    usage = (f'usage: {name} [--ros-args [-p NAME:=VALUE] [--params-file FILE] [-r FROM:=TO]]\n'
             f'All settings are parameters: docs/reference/parameters.md, config/perception.yaml')
    if word in ('-h', '--help'):
        print(usage)
        return 0
    print(f'{usage}\n{name}: unknown argument {word!r}', file=sys.stderr)
    return EXIT_CONFIG_ERROR


def guard_services(node: Node) -> None:
    """
    Answer every request whose callback raises, with success=False and a line in the log.

    rclpy answers the services for transitions and parameters. It raises for a transition that does
    not fit the state and for a malformed parameter; the executor would end the process.
    """
    for service in node.services:
        if service.srv_type is SetParameters:
            service.callback = accept_unchanged(node, service.callback)
        service.callback = _guarded_callback(node, service)


def _guarded_callback(node: Node, service: Service) -> Callable[[Any, Any], Any]:
    callback = service.callback

    def answer(request: Any, response: Any) -> Any:
        try:
            _check_label(request)
            return callback(request, response)
        except Exception as error:  # noqa: BLE001  # no request may end the process
            reason = printable_line(describe_error(error))
            node.get_logger().warning(f'{service.srv_name} refused a request: {reason}')
            return _refusal(request, response, reason)

    return answer


def _check_label(request: Any) -> None:
    """Raise ValueError for a transition whose label rcl would log as it is, in several lines."""
    label = request.transition.label if isinstance(request, ChangeState.Request) else ''
    if len(label) > MAX_LABEL_LENGTH or not label.isprintable():
        raise ValueError(f'the label {label[:MAX_LABEL_LENGTH]!r} is of no transition')


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
