# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The version of this package as it is installed."""
from importlib.metadata import PackageNotFoundError, version


def software_version() -> str:
    """Give the version, or say that the package is not installed."""
    try:
        return version('bdl_perception')
    except PackageNotFoundError:
        return 'not installed'
