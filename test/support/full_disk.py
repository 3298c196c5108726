# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A drive writer that fails, in a module that spawned processes can import."""
from bdl_perception.world.drive_files import FOLDER_LAYOUT


def fail(folder, drive, frames):
    raise OSError(f'the disk is full at {drive.spec.name}')


FULL_DISK = FOLDER_LAYOUT._replace(write=fail)
