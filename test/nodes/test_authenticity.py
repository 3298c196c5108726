# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.nodes.authenticity import SequenceNumbers
import pytest


@pytest.mark.parametrize('numbers, mixed', [
    ([1, 2, 5, 6], False), ([90, 91, 1, 2, 3], False), ([None, None], False),
    ([90, 1, 91, 2], True), ([4, 4, 5, 5], True)])
def test_a_restart_is_one_step_back_and_two_publishers_are_many(numbers, mixed):
    watch = SequenceNumbers()
    for index, number in enumerate(numbers):
        watch.add(index / 10, {'publication_sequence_number': number})
    assert watch.are_mixed(len(numbers) / 10) == mixed
    assert not watch.are_mixed(60)
