# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.datasets.chosen import Chosen
import pytest


def test_the_chosen_samples_come_in_the_order_asked_for_as_often_as_asked_for():
    chosen = Chosen('abcd', [3, 0, 3])
    assert len(chosen) == 3 and [chosen[k] for k in range(3)] == ['d', 'a', 'd']
    with pytest.raises(IndexError):
        chosen[3]
