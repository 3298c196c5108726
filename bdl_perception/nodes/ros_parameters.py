# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The ROS parameters of a node: their declaration, and changes while the node runs.

A parameter is read-only unless it is declared as live. A change is checked like the values at the
start: bounds, choices, and values together.
"""
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Callable, Iterable, TypeVar

from bdl_perception.parameter_spec import parameter_specs, Parameters, ParameterSpec
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rcl_interfaces.srv import SetParameters
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.parameter import Parameter

QOS_OVERRIDES = 'qos_overrides.'  # declared when the topic is created
QOS_POLICIES = ('history', 'depth', 'reliability', 'durability')  # that can be overridden
MIN_SIMILARITY = 0.5  # of a misspelt name and the one that is suggested

P = TypeVar('P', bound=Parameters)
RequestCallback = Callable[[Any, Any], Any]


def declare_parameters(node: Node, cls: type[P],
                       overridable: Callable[[P], Iterable[str]] = lambda values: ()) -> P:
    """
    Declare every parameter of cls on the node, and return the configured values.

    overridable: names of the subscribed topics whose QoS can be overridden. ValueError names the
    parameter, its value and its bounds, or a parameter that does not exist; the node must not
    start then.
    """
    _reject_unknown(node, [spec.name for spec in parameter_specs(cls)], of_qos=False)
    values = cls(**{spec.name: _declare_parameter(node, spec) for spec in parameter_specs(cls)})
    _reject_unknown(node, [qos_override(node, topic, policy) for topic in overridable(values)
                           for policy in QOS_POLICIES], of_qos=True)
    return values


def qos_override(node: Node, topic: str, policy: str) -> str:
    """Name the parameter that overrides a QoS policy of a subscription."""
    return f'{QOS_OVERRIDES}{node.resolve_topic_name(topic)}.subscription.{policy}'


def _reject_unknown(node: Node, names: list[str], of_qos: bool) -> None:
    """Compare what was given with names and with what rclpy has declared itself."""
    given = node._parameter_overrides  # rclpy has no public access to them
    unknown = sorted(name for name in given if name.startswith(QOS_OVERRIDES) == of_qos
                     and name not in names and not node.has_parameter(name))
    own = [] if of_qos else [*node._parameters]  # such as use_sim_time
    if unknown:
        raise ValueError('; '.join(
            f'parameter {name!r:.200} does not exist, {_suggestion(name, names, own)}'
            for name in unknown))


def _suggestion(name: str, names: list[str], own: list[str]) -> str:
    nearest = get_close_matches(name.lower(), [*names, *own], 1, MIN_SIMILARITY)
    there_are = f'there are: {names}' if names else 'the node has none of this kind'
    return f'did you mean {nearest[0]!r}?' if nearest else f'remove it; {there_are}'


def parameter_descriptor(spec: ParameterSpec) -> ParameterDescriptor:
    """Describe a parameter for `ros2 param describe`."""
    unit = f' [{spec.unit}]' if spec.unit else ''
    choices = f'one of: {", ".join(spec.choices)}' if spec.choices else ''
    descriptor = ParameterDescriptor(
        description=spec.doc + unit, read_only=not spec.live, additional_constraints=choices)
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
        untyped = ParameterDescriptor(dynamic_typing=True, read_only=not spec.live)
        value = node.declare_parameter(spec.name, spec.default, untyped).value
    return _converted(spec, value)


def _converted(spec: ParameterSpec, value: object) -> object:
    return float(value) if spec.kind is float and type(value) is int else value


def apply_changes(node: Node, values: P, validate: Callable[[P], object],
                  apply: Callable[[P], None]) -> None:
    """
    Let `ros2 param set` change the live parameters of a node; each change is logged.

    values: as declared. validate raises ValueError for new values that the node cannot use, which
    are then refused; apply receives the others.
    """
    specs = {spec.name: spec for spec in parameter_specs(type(values)) if spec.live}
    current = [values]

    def changed(parameters: list[Parameter]) -> P:
        return replace(current[0], **{  # type: ignore[type-var]  # every Parameters is a dataclass
            item.name: _converted(specs[item.name], item.value)
            for item in parameters if item.name in specs})

    def check(parameters: list[Parameter]) -> SetParametersResult:
        try:
            validate(changed(parameters))
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def accept(parameters: list[Parameter]) -> None:
        for item in parameters:
            if item.name in specs and item.value != getattr(current[0], item.name):
                node.get_logger().info(f'parameter {item.name} changes from '
                                       f'{getattr(current[0], item.name)!r} to {item.value!r}')
        current[0] = changed(parameters)
        apply(current[0])

    node.add_on_set_parameters_callback(check)
    node.add_post_set_parameters_callback(accept)


def accept_unchanged(node: Node, callback: RequestCallback) -> RequestCallback:
    """
    Answer a request for a parameter that has this value already with success.

    rclpy refuses it if the parameter is read-only, so that `ros2 param load` of the node's own
    dump would report an error for each one.
    """
    def answer(request: Any, response: Any) -> Any:
        for message in request.parameters:
            if _is_unchanged(node, message):
                response.results.append(SetParametersResult(successful=True))
            else:
                callback(SetParameters.Request(parameters=[message]), response)
        return response

    return answer


def _is_unchanged(node: Node, message: Any) -> bool:
    if not node.has_parameter(message.name):
        return False
    return bool(node.get_parameter(message.name).get_parameter_value() == message.value)
