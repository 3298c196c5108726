# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A node as a process: it starts or says why not, and leaves in good order when it is asked to."""
from typing import Callable, TypeVar

from bdl_perception.nodes.transitions import reason
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node

N = TypeVar('N', bound=Node)
REFUSED = 2  # exit code: something we were told cannot be
REFUSALS = (ValueError, OSError, RuntimeError, ModuleNotFoundError)  # rclpy's own are RuntimeError


def run_node(name: str, make: Callable[[], N], spin: Callable[[N], None] = rclpy.spin,
             arguments: list[str] | None = None) -> int:
    """
    Make a node and spin it until a signal comes or spin returns; gives the exit code.

    What the user can mend is one line in the log and exit code 2; destroy_node() is called in
    every case in which there is a node.
    """
    node: N | None = None
    try:
        rclpy.init(args=arguments)
        node = make()
        spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # somebody asked us to leave
    except REFUSALS as error:
        get_logger(name).fatal(f'{name} {"stops" if node else "does not start"}: {reason(error)}')
        return REFUSED
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
