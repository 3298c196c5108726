# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A node as a process: it starts or says why not, and leaves in good order when it is asked to."""
from typing import Callable, TypeVar

from bdl_perception.nodes.transitions import reason
import rclpy
from rclpy.exceptions import NotInitializedException
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node

N = TypeVar('N', bound=Node)
REFUSED = 2  # exit code: something we were told cannot be
GONE = (RuntimeError, NotInitializedException)  # what rclpy says without a context
REFUSALS = (ValueError, OSError, ModuleNotFoundError, *GONE)  # rclpy's own are RuntimeError


def run_node(name: str, make: Callable[[], N], spin: Callable[[N], None] = rclpy.spin,
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
        node = make()
        spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # somebody asked us to leave
    except REFUSALS as error:
        if begun and not rclpy.ok() and isinstance(error, GONE):
            get_logger(name).info(f'{name} was stopped in the middle of: {reason(error)}')
            return 0
        get_logger(name).fatal(f'{name} {"stops" if node else "does not start"}: {reason(error)}')
        return REFUSED
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return 0
