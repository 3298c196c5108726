# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What holds for every test."""
from hypothesis import HealthCheck, settings

# By default an example that takes .2 s fails, and so do examples that are slow to draw: a machine
# that stalls fails them all. What hangs is ended by pytest-timeout.
settings.register_profile('no clock', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('no clock')
