# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One job: what came of it, as text that any process can hand to any other."""
import json
from typing import Any, Callable, NamedTuple

Work = Callable[[Any], Any]  # a picklable job in, JSON out


class Outcome(NamedTuple):
    """What came of one job; an error that is not empty means that there is no value."""

    name: str
    value: Any = None
    error: str = ''


def attempt(work: Work, job: object) -> tuple[str, str]:
    """Do the work; gives its value as JSON, or '' and what went wrong."""
    try:
        return json.dumps(work(job)), ''
    except Exception as error:  # noqa: BLE001  # whatever it is, others must go on
        return '', f'{type(error).__name__}: {error}'


def outcome_of(name: str, text: str, error: str) -> Outcome:
    """Read what attempt() gave."""
    return Outcome(name, None, error) if error else Outcome(name, json.loads(text))
