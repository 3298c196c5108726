# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Return the memory of received messages, so that large ones from outside do not accumulate.

Without this, alert_node grew by 56 MB in an hour of `bdl soak` with some messages of 10 MB. After
24 bursts of 1 to 20 messages of 1 to 10 MB it used 248 MB, and 112 MB with these settings (once,
by a script that is not in the package).
"""
import ctypes
import os
from pathlib import Path

PROFILE = Path(__file__).with_suffix('.xml')
PROFILE_VARIABLES = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
QOS_VARIABLE = 'RMW_FASTRTPS_USE_QOS_FROM_XML'  # for what ROS has no setting of
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt in malloc.h
# Larger blocks, and more free memory at the end of the heap, go back to the system.
MMAP_BYTES, TRIM_BYTES = 2**20, 4 * 2**20


def return_message_memory() -> None:
    """Choose the settings of Fast DDS and malloc before rclpy.init; a user's profile is kept."""
    chosen = [Path(value) for name in PROFILE_VARIABLES if (value := os.environ.get(name))]
    if not chosen:
        os.environ[PROFILE_VARIABLES[0]] = str(PROFILE)
    if all(_is_ours(profile) for profile in chosen):
        os.environ.setdefault(QOS_VARIABLE, '1')
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)  # of glibc only
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, MMAP_BYTES)
        mallopt(TRIM_THRESHOLD, TRIM_BYTES)


def _is_ours(profile: Path) -> bool:
    return profile.parent.parent == PROFILE.parent.parent  # demo/fastdds.xml of this package
