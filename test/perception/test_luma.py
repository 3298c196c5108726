# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.perception.luma import mean_luma
import numpy as np
import pytest


def test_by_hand() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    for channel, weight in enumerate((.299, .587, .114)):
        one = picture.copy()
        one[..., channel] = 255
        assert mean_luma(one) == pytest.approx(weight)
    picture[0] = 255
    assert mean_luma(picture) == pytest.approx(.5)
