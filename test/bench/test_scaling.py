# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Scaling relative to proportional scaling."""
from bdl_perception.bench.scaling import scaling_rows


def test_proportional_scaling_is_one_and_twice_as_much_misses():
    even, steep = scaling_rows({4: 10.0, 16: 40.0}, {100: 5.0, 400: 40.0})
    assert (even.value, even.met) == (1.0, True)
    assert (steep.value, steep.met) == (2.0, False)
