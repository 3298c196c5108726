# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A disk that takes nothing, where spawned processes can import it."""
from bdl_perception.world.drive_files import FOLDER_LAYOUT


def fail(folder, drive, frames):
    raise OSError(f'the disk is full at {drive.spec.name}')


FULL_DISK = FOLDER_LAYOUT._replace(write=fail)
