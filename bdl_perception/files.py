# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Atomic writing of files."""
import os
from pathlib import Path


def write_atomic(path: Path, data: bytes) -> None:
    """Write to a hidden file beside path and rename it; a failure leaves the old file."""
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    try:
        with temporary.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # the data must be on disk before the rename
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
