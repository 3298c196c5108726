# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.world.roadside import Occupancy
from hypothesis import given, settings
from hypothesis import strategies as st

SIDE = st.sampled_from([1, 2, 3])
PLACE = st.integers(0, 6)


def cells(x, d, length, width):
    """Cut a rectangle into half-metre cells, named by twice their corner."""
    return {(i, j) for i in range(2 * x - length, 2 * x + length)
            for j in range(2 * d - width, 2 * d + width)}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PLACE, PLACE, SIDE, SIDE), max_size=8))
def test_a_claim_succeeds_only_where_no_cell_is_occupied(requests):
    occupancy, occupied = Occupancy(), set()
    for x, d, length, width in requests:
        requested = cells(x, d, length, width)
        assert occupancy.claim(x, d, length, width) == (not requested & occupied)
        occupied |= requested if not requested & occupied else set()
