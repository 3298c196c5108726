# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.batches import evenly_spaced
from bdl_perception.training.data import counts_by_kind, select_validation_frames, TrainingSource
import pytest


@pytest.mark.parametrize('wanted', [1, 2, 3, 5, 9])
def test_only_the_validation_frames_that_are_looked_at_are_decoded(wanted):
    sets = [range(2), None, range(10, 11), range(20, 24)]
    opened = [TrainingSource(str(kind), [], data, 1, 1) for kind, data in enumerate(sets)]
    parts = select_validation_frames(opened, wanted)
    together = [0, 1, 10, 20, 21, 22, 23]
    found = [data[index] for _, data in parts for index in range(len(data))]
    assert found == [together[index] for index in evenly_spaced(7, wanted)]
    assert all(len(data) for _, data in parts)


def test_a_repeat_that_is_said_twice_is_refused():
    with pytest.raises(ValueError, match='names a KIND twice'):
        counts_by_kind('--repeat', [('camvid', 2), ('camvid', 3)], {'camvid'})
