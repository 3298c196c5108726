# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Files that are whole or not there."""
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write to a hidden sibling and rename: a kill leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sibling = path.with_name(f'.{path.name}.partial')
    sibling.write_bytes(data)
    os.replace(sibling, path)
