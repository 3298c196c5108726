# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Files that a reader finds as they were or as they are, never half written."""
import os
from pathlib import Path


def write_atomic(path: Path, data: bytes) -> None:
    """Write to a hidden sibling and rename it; what fails leaves the old file."""
    sibling = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        sibling.write_bytes(data)
        os.replace(sibling, path)
    finally:
        sibling.unlink(missing_ok=True)
