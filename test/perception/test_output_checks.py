# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Faults of the network's output that no anomaly score shows."""
from dataclasses import replace
from typing import Any

from bdl_perception.perception.data_types import Epistemic, Prediction, SKY
from bdl_perception.perception.output_checks import OutputChecks
import numpy as np
import pytest

ROAD = 3


def prediction(seed: int, **changes: Any) -> Prediction:
    """Make a possible prediction, different for each seed."""
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float, *size: int) -> Any:
        return rng.uniform(low, high, size).astype(np.float32)

    made = Prediction(
        1, 'camera', None, draw(2, 50, 16, 24), draw(.1, 5, 16, 24),
        np.full((16, 24), ROAD, np.uint8), draw(0, 2.3, 16, 24), draw(.1, 1, 8, 12),
        draw(-9, -1, 8, 12), draw(.03, .3, 8, 12), 5., draw(.1, 2, 2, 3), 0, seed / 1000)
    return replace(made, **changes)


def epistemic(seed: int, **changes: Any) -> Epistemic:
    rng = np.random.default_rng(seed)
    std_m, std, information = rng.uniform(.001, .3, (3, 16, 24)).astype(np.float32)
    probability = np.full((11, 8, 12), 1 / 11, np.float32)
    made = Epistemic(1, 'camera', 16, std_m, std, information, 0, probability)
    return replace(made, **changes)


def fault_of(**changes: Any) -> str:
    return '; '.join(OutputChecks(11).detect_prediction_faults(prediction(1, **changes)))


def test_possible_predictions_have_no_fault() -> None:
    checks = OutputChecks(11)
    for seed in range(20):
        assert checks.detect_prediction_faults(prediction(seed)) == ()
        assert checks.detect_epistemic_faults(epistemic(seed)) == ()


@pytest.mark.parametrize(('name', 'value'), [
    ('depth', 0), ('depth', -5), ('aleatoric_std', 0), ('aleatoric_std', -.1), ('entropy', -.02),
    ('entropy', 2.42), ('max_probability', .07), ('max_probability', 1.02), ('log_depth_std', 0),
    ('cell_distance', -1)])
def test_one_value_out_of_its_range_is_a_fault(name: str, value: float) -> None:
    values = getattr(prediction(1), name).copy()
    values[1, 2] = value
    assert fault_of(**{name: values}).startswith(f'{name} of the network is {value:.3g}, must')


@pytest.mark.parametrize(('name', 'value'), [
    ('entropy', 0), ('entropy', 2.398), ('max_probability', 1), ('cell_distance', 0)])
def test_the_end_of_a_range_is_no_fault(name: str, value: float) -> None:
    values = getattr(prediction(1), name).copy()
    values[1, 2] = value
    assert fault_of(**{name: values}) == ''


def test_a_class_that_does_not_exist_is_a_fault() -> None:
    classes = prediction(1).classes.copy()
    classes[3, 4] = 11
    assert 'class 11 of 11' in fault_of(classes=classes)


def test_sky_has_no_depth_and_no_fault() -> None:
    made = prediction(1)
    depth, std, classes = made.depth.copy(), made.aleatoric_std.copy(), made.classes.copy()
    depth[:15], std[:15], classes[:15] = np.inf, np.nan, SKY
    assert fault_of(depth=depth, aleatoric_std=std, classes=classes) == ''


@pytest.mark.parametrize(('rows', 'fault'), [(8, ''), (9, 'beyond'), (16, 'no pixel')])
def test_depth_beyond_the_range_of_training(rows: int, fault: str) -> None:
    depth = prediction(1).depth.copy()
    depth[:rows] = np.inf
    found = fault_of(depth=depth)
    assert fault in found if fault else not found


@pytest.mark.parametrize(('scale', 'fault'), [(1e-6, True), (1e-3, True), (.005, False)])
def test_an_image_that_is_impossibly_near_is_a_fault(scale: float, fault: bool) -> None:
    depth = prediction(1).depth  # from 2 to 50 m, so the median is near 26 m
    assert ('nearer than' in fault_of(depth=depth * np.float32(scale))) == fault


def test_an_output_without_contrast_is_a_fault() -> None:
    assert '7 m in every pixel' in fault_of(depth=np.full((16, 24), 7, np.float32))
    assert 'class scores are the same' in fault_of(energy=np.full((8, 12), -3, np.float32))


@pytest.mark.parametrize('name', ['depth', 'aleatoric_std', 'entropy', 'max_probability',
                                  'energy', 'log_depth_std', 'cell_distance'])
def test_a_map_that_is_the_same_for_four_different_frames_is_a_fault(name: str) -> None:
    checks, stuck = OutputChecks(11), getattr(prediction(99), name)
    found = [checks.detect_prediction_faults(prediction(seed, **{name: stuck.copy()}))
             for seed in range(5)]
    expected = f'the {name} of the network does not change: restart perception_node'
    assert found == [(), (), (), (expected,), (expected,)]
    assert checks.detect_prediction_faults(prediction(5)) == ()


def test_the_same_output_for_the_same_frame_is_no_fault() -> None:
    checks = OutputChecks(11)
    assert not any(checks.detect_prediction_faults(prediction(1)) for _ in range(20))


def test_numbers_that_are_not_finite_are_the_only_fault() -> None:
    nothing = np.full((16, 24), np.nan, np.float32)
    fault = '384 numbers of the network are not finite'
    assert fault_of(depth=nothing, non_finite=384) == fault
    found = OutputChecks(11).detect_epistemic_faults(epistemic(1, depth_std=nothing,
                                                               non_finite=384))
    assert found == (fault,)


@pytest.mark.parametrize('name', ['log_depth_std', 'mutual_information'])
@pytest.mark.parametrize(('spread', 'fault'), [(0, True), (9e-5, True), (2e-4, False)])
def test_samples_that_do_not_differ_are_a_fault(name: str, spread: float, fault: bool) -> None:
    flat = np.full((16, 24), spread, np.float32)
    found = OutputChecks(11).detect_epistemic_faults(epistemic(1, **{name: flat}))
    assert [f'do not differ in {name}' in one for one in found] == [True] * fault


def test_samples_of_a_frame_without_depth_are_no_fault() -> None:
    none = np.full((16, 24), np.nan, np.float32)
    assert OutputChecks(11).detect_epistemic_faults(epistemic(1, log_depth_std=none)) == ()


def test_a_cycle_that_does_not_change_is_a_fault() -> None:
    checks, found = OutputChecks(11), []
    for seed in range(5):
        checks.detect_prediction_faults(prediction(seed))
        found.append(checks.detect_epistemic_faults(epistemic(7)))
    assert [len(faults) for faults in found] == [0, 0, 0, 2, 2]
    assert 'Monte Carlo mutual_information does not change' in found[3][1]


def test_probabilities_that_do_not_sum_to_one_are_a_fault() -> None:
    wrong = np.full((11, 8, 12), 1.02 / 11, np.float32)
    found = OutputChecks(11).detect_epistemic_faults(epistemic(1, probability=wrong))
    assert 'differ from a sum of 1 by 0.02' in found[0]
