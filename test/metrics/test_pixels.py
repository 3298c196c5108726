# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.metrics.pixels import merge_states, resize_classes
import numpy as np
import pytest


def test_ids_are_enlarged_and_never_mixed() -> None:
    found = resize_classes(np.uint8([[1, 9]]), (2, 4))
    np.testing.assert_array_equal(found, [[1, 1, 9, 9], [1, 1, 9, 9]])


def test_states_of_two_metrics_cannot_be_merged() -> None:
    with pytest.raises(ValueError, match=r"\['a'\] and of \['b'\] cannot be merged"):
        merge_states({'a': np.zeros(1)}, {'b': np.zeros(1)})
