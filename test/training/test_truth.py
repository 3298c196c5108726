# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.truth import untaught
import pytest


def _row(regression, classification):
    return {'epoch': 1, 'regression': regression, 'classification': classification}


@pytest.mark.parametrize(('history', 'tasks'), [
    ([_row(0., .5), _row(-0., .4)], ['depth']),
    ([_row(-.5, 0.)], ['classes']),
    ([_row(0., 0.)], ['depth', 'classes']),
    ([_row(0., .5), _row(.1, .5)], []),  # a task that came late was taught
    ([{'epoch': 1, 'loss': .5}], []),
    ([], [])])
def test_a_task_whose_loss_was_always_zero_was_never_taught(history, tasks):
    assert untaught(history) == tasks
