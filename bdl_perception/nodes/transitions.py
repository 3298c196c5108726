# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Lifecycle transitions that fail aloud; rclpy would swallow their exceptions."""
from functools import wraps
from typing import Callable, Protocol, TypeVar

from rclpy.lifecycle import LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn


class Managed(Protocol):
    """What a node offers so that its transitions can be told about."""

    def transition_ended(self, state: str, fault: str | None) -> None:
        """Take note of the state the node is in now, and of what went wrong on the way."""


M = TypeVar('M', bound=Managed)
Callback = Callable[[M, LifecycleState], TransitionCallbackReturn]
GOALS = {
    'on_configure': 'inactive', 'on_activate': 'active', 'on_deactivate': 'inactive',
    'on_cleanup': 'unconfigured', 'on_shutdown': 'finalized', 'on_error': 'unconfigured',
}


def told(work: Callable[[M, LifecycleState], None]) -> Callback[M]:
    """
    Turn work(self, state) named on_... into a transition callback.

    When the work raises, what takes (configure, activate) has FAILED and the node stays where it
    was; what gives back is an ERROR, which leads through on_error to unconfigured.
    """
    name = work.__name__
    takes = name in ('on_configure', 'on_activate')
    bad = TransitionCallbackReturn.FAILURE if takes else TransitionCallbackReturn.ERROR

    @wraps(work)
    def callback(self: M, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            work(self, state)
        except Exception as error:  # noqa: BLE001  # the process must live to tell it
            self.transition_ended(state.label if takes else 'errorprocessing',
                                  f'{name[3:]} failed: {reason(error)}')
            return bad
        self.transition_ended(GOALS[name], None)
        return TransitionCallbackReturn.SUCCESS

    return callback


def reason(error: BaseException) -> str:
    """Say what went wrong and what caused it, in one line."""
    text = f'{error}' if isinstance(error, (ValueError, OSError)) else f'{error!r}'
    cause = f' (because of {error.__cause__!r})' if error.__cause__ else ''
    return ' '.join((text + cause).split())
