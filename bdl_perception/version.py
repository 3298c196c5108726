# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The installed version of this package."""
from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """Return the installed version, or 'not installed'."""
    try:
        return version('bdl_perception')
    except PackageNotFoundError:
        return 'not installed'
