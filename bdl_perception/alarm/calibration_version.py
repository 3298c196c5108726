# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Whether a calibration is of the software that runs: scores change with the version."""
import re


def version_refusal(made_with: str, running: str) -> str | None:
    """
    Say that a calibration is not known to be of the same major.minor version; None: it is.

    A version that nobody knows (run from a source tree that is not installed) is refused too: two
    of them may be the same, or a year apart.
    """
    if _series(running) is None:
        return (f'this bdl_perception has no known version ({running or "none"}), so nobody can '
                f'tell whether its scores are those of a calibration: install it with pip or '
                f'colcon')
    if _series(running) == _series(made_with):
        return None
    return (f'it was made with bdl_perception {made_with or "of no version"}, this is {running}: '
            f'calibrate again')


def _series(version: str) -> str | None:
    found = re.match(r'\d+\.\d+', version)
    return found.group() if found else None
