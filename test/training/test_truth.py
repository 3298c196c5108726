# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.training.datasets import Sample
from bdl_perception.training.truth import lacking
from bdl_perception.training.truth import tasks_of
from bdl_perception.training.truth import untaught
import numpy as np
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


def _sample(depth=np.nan, label=255):
    return Sample(np.zeros((2, 2, 3), np.uint8), np.full((2, 2), depth, np.float32),
                  np.full((2, 2), label, np.uint8), 50.)


@pytest.mark.parametrize(('samples', 'tasks'), [
    ([_sample(3.)], {'depth'}), ([_sample(label=10)], {'classes'}), ([_sample(np.inf)], set()),
    ([_sample()] * 8 + [_sample(3., 0)], {'depth', 'classes'})])
def test_a_set_has_the_tasks_that_its_samples_know(samples, tasks):
    assert tasks_of(samples) == tasks


def test_what_one_set_does_not_know_another_may():
    depth, labels = [_sample(3.)], [_sample(label=0)]
    assert lacking([depth]) == ['classes'] and lacking([labels]) == ['depth']
    assert lacking([depth, labels]) == [] and lacking([[_sample()]]) == ['depth', 'classes']
