# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The topics that a new node discovers within a time, for `bdl doctor`."""
import time
from typing import NamedTuple

import rclpy
from rclpy.context import Context
from rclpy.node import Node

NAME = 'bdl_doctor'


class VisibleTopic(NamedTuple):
    """A topic with the number of its publishers."""

    name: str
    types: tuple[str, ...]
    publishers: int


def visible_topics(seconds: float) -> list[VisibleTopic]:
    """List the topics of other nodes; RuntimeError when no node can start here."""
    context = Context()
    rclpy.init(context=context)
    try:
        node = Node(NAME, context=context, enable_rosout=False, start_parameter_services=False)
        time.sleep(seconds)  # discovery runs in threads of the middleware
        found = [VisibleTopic(name, tuple(types), node.count_publishers(name))
                 for name, types in node.get_topic_names_and_types()]
        node.destroy_node()
    finally:
        context.try_shutdown()
    return sorted(one for one in found if one.publishers and one.name != '/parameter_events')
