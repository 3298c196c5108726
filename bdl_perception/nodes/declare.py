# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Parameter dataclasses as ROS parameters, and back as a valid value or a clear refusal."""
from typing import TypeVar

from bdl_perception.parameters import Parameters
from bdl_perception.parameters import Row
from bdl_perception.parameters import rows
from rcl_interfaces.msg import FloatingPointRange
from rcl_interfaces.msg import IntegerRange
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.exceptions import InvalidParameterValueException
from rclpy.exceptions import ParameterUninitializedException
from rclpy.node import Node

P = TypeVar('P', bound=Parameters)


def declare(node: Node, cls: type[P]) -> P:
    """
    Declare every parameter of cls on the node, read-only, and give what the user set.

    ValueError names the parameter, its value and its bounds; the node must not start then.
    """
    return cls(**{row.name: _declare_one(node, row) for row in rows(cls)})


def descriptor_of(row: Row) -> ParameterDescriptor:
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


def _declare_one(node: Node, row: Row) -> object:
    try:
        value = node.declare_parameter(row.name, row.default, descriptor_of(row)).value
    except (InvalidParameterTypeException, InvalidParameterValueException,
            ParameterUninitializedException):
        # Take it as it is: the dataclass refuses it in better words, or knows 10 to be 10.0.
        loose = ParameterDescriptor(dynamic_typing=True, read_only=True)
        value = node.declare_parameter(row.name, row.default, loose).value
    return float(value) if row.kind is float and type(value) is int else value
