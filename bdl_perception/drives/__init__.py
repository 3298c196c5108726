# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Recorded input, one reader for each kind: folder, video, bag."""
from bdl_perception.drives.drive import Drive
from bdl_perception.drives.kinds import BAG_FOLDER_FILE
from bdl_perception.drives.kinds import check_exists
from bdl_perception.drives.kinds import list_drives
from bdl_perception.drives.kinds import open_drive
from bdl_perception.drives.kinds import open_drives
from bdl_perception.drives.kinds import rate_is_assumed
from bdl_perception.drives.kinds import split_topic

__all__ = ['BAG_FOLDER_FILE', 'check_exists', 'Drive', 'list_drives', 'open_drive', 'open_drives',
           'rate_is_assumed', 'split_topic']
