# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The content of diagnostics without ROS; test/nodes/test_diagnostics.py checks the messages."""
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.diagnostic import (
    format_value,
    scores_diagnostic,
    status_diagnostic,
)
from bdl_perception.perception.status import PerceptionStatus
import numpy as np
import pytest


@pytest.mark.parametrize(('value', 'text'), [
    (np.float64(.1), '0.1'), (float('nan'), 'nan'), (3, '3'), ('a b', 'a b')])
def test_numbers_can_be_read_back_and_texts_stay(value, text):
    assert format_value(value) == text


def test_scores_name_their_cycle_and_their_origin():
    found = scores_diagnostic(Scores(1, 'optical', {'entropy': .25}, 7), {'session': 'x'})
    assert found.values == (('entropy', '0.25'), ('cycle', '7'), ('session', 'x'))


@pytest.mark.parametrize(('faults', 'warnings', 'level', 'message'), [
    ((), (), 0, 'active'), ((), ('no scale',), 1, 'no scale'),
    (('frozen', 'dark'), ('no scale',), 2, 'frozen; dark; no scale')])
def test_a_status_has_the_level_of_its_worst_content(faults, warnings, level, message):
    found = status_diagnostic(PerceptionStatus('active', faults, warnings=warnings), 'fake')
    assert (found.level, found.message) == (level, message)
    assert [text for key, text in found.values if key == 'fault'] == list(faults)
