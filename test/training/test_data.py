# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.batches import evenly_spaced
from bdl_perception.training.data import counts_by_kind, select_validation_frames, TrainingSource
import pytest


@pytest.mark.parametrize('max_frames', [1, 2, 3, 5, 9])
def test_validation_frames_are_evenly_spaced_over_all_sets(max_frames):
    sets = [range(2), None, range(10, 11), range(20, 24)]
    opened = [TrainingSource(str(kind), [], data, 1, 1) for kind, data in enumerate(sets)]
    parts = select_validation_frames(opened, max_frames)
    together = [0, 1, 10, 20, 21, 22, 23]
    found = [data[index] for _, data in parts for index in range(len(data))]
    assert found == [together[index] for index in evenly_spaced(7, max_frames)]
    assert all(len(data) for _, data in parts)


def test_a_repeated_kind_is_rejected():
    with pytest.raises(ValueError, match='names a KIND twice'):
        counts_by_kind('--repeat', [('camvid', 2), ('camvid', 3)], {'camvid'})
