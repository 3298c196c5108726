# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The edges of the evidence: exact fractions of the limits, and what a reset leaves."""
import math

from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.alarm.cusum import MixtureCusum
from bdl_perception.alarm.evidence import Evidence
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.perception.data_types import Scores
from calibrations import small_calibration, with_values
import pytest

STEP_NS = 250_000_000  # of small_calibration; 19 scores of each of two, so p is 2/20 or more
GAIN = math.log(.5 / math.sqrt(.1))  # of the most extreme frame


def observe(evidence: Evidence, index: int, energy: float = 1., depth: float = 1.) -> int | None:
    evidence.add(Scores(index * STEP_NS, '', {'energy': energy}))
    return evidence.add(Scores(index * STEP_NS, '', {'epistemic_depth': depth}, 1))


def test_it_starts_without_any_evidence() -> None:
    evidence = Evidence(with_values(small_calibration(), slow=5.), 1.)
    assert (evidence.p_value, evidence.statistics, evidence.missing) == (None, {}, ())
    assert (evidence.errors, evidence.exceedances, evidence.uncleared_evidence) == ([], {}, [])
    assert not evidence.alarmed and evidence.fallback_reason is None
    assert evidence.cusum.value == evidence.drift.value == 0


def test_without_a_calibration_there_is_no_test_and_no_limit() -> None:
    evidence = Evidence(None, 1.)
    assert observe(evidence, 1, 1e9) is None
    assert (evidence.test, evidence.fallback_reason, evidence.exceedances) == (None, None, {})
    assert evidence.cusum.limit == evidence.drift.limit == math.inf
    assert (evidence.uncleared_evidence, evidence.missing, evidence.p_value) == ([], (), None)


@pytest.mark.parametrize(('limit', 'waits'), [(2 * GAIN, True), (2 * GAIN + 1e-9, False)])
def test_evidence_at_exactly_half_of_the_limit_has_not_fallen(limit: float, waits: bool) -> None:
    evidence = Evidence(small_calibration(cusum=limit), 1.)
    observe(evidence, 1, 100.)
    assert evidence.cusum.value == GAIN
    assert evidence.uncleared_evidence == (['evidence 0.5 is below 0.5'] if waits else [])


def test_the_fraction_is_of_the_limit() -> None:
    for fraction, waits in ((.25, True), (.75, False)):
        evidence = Evidence(small_calibration(cusum=2 * GAIN), 1., fraction)
        observe(evidence, 1, 100.)
        assert bool(evidence.uncleared_evidence) == waits


def slow_values(p_values: list[float]) -> list[float]:
    drift = MixtureCusum(math.inf)
    return [drift.step(p) for p in p_values]


def test_slow_evidence_at_exactly_its_fraction_has_not_fallen() -> None:
    # Windows of one step: each observation gives the p-value of the one before to the slow alarm.
    energies = [100., 100., 100., 1., 1., 1.]
    values = slow_values([.1, .1, .1, 1., 1.])
    limit = values[3]  # exceeded before, reached exactly by the fourth
    assert min(values[:3]) > limit > values[4]
    evidence = Evidence(with_values(small_calibration(), slow=limit, slow_step_s=.25), 1., 1.)
    waits = []
    for index, energy in enumerate(energies):
        observe(evidence, index, energy)
        waits.append(evidence.uncleared_evidence)
    assert [bool(one) for one in waits] == [False, *(value >= limit for value in values)]
    assert waits[4] == [f'slow evidence {limit:.1f} is below {limit:.1f}']
    assert waits[3] == [f'slow evidence {values[2]:.1f} is below {limit:.1f}']


def test_slow_evidence_that_never_exceeded_its_limit_is_not_waited_for() -> None:
    evidence = Evidence(with_values(small_calibration(), slow=5., slow_step_s=.25), 1., .01)
    for index in range(6):
        observe(evidence, index, 100.)
    assert .05 < evidence.drift.value < 5
    assert evidence.uncleared_evidence == [
        f'evidence {evidence.cusum.value:.1f} is below 0.1']  # of the fast alarm alone


@pytest.mark.parametrize(('limits', 'name'), [
    ({'cusum': .1}, 'unlike'), ({'slow': .01, 'slow_step_s': .25}, 'drifted')])
def test_each_alarm_alone_is_an_alarm(limits: dict[str, float], name: str) -> None:
    evidence = Evidence(with_values(small_calibration(), **limits), 1.)
    for index in range(4):
        observe(evidence, index, 100.)
    reason, = evidence.errors
    assert evidence.alarmed and name in reason.text and reason.level == AlertLevel.ERROR


def test_the_limits_are_those_of_the_calibration() -> None:
    evidence = Evidence(with_values(small_calibration(cusum=3., exponent=.25), slow=2.), 1.)
    assert (evidence.cusum.limit, evidence.drift.limit) == (3, 2)
    observe(evidence, 1, 100.)
    assert evidence.cusum.value == pytest.approx(math.log(.25) - .75 * math.log(.1))


def test_a_frame_waits_for_its_cycle_as_long_as_allowed() -> None:
    for max_wait_s, found in ((.5, 1 * STEP_NS), (.25, None)):
        evidence = Evidence(small_calibration(), max_wait_s)
        for index in (1, 2, 3):
            evidence.add(Scores(index * STEP_NS, '', {'energy': 1.}))
        assert evidence.add(Scores(STEP_NS, '', {'epistemic_depth': 1.}, 1)) == found


def test_evidence_is_added_once_a_step_and_the_p_value_always() -> None:
    evidence = Evidence(small_calibration(), 1.)
    observe(evidence, 4, 100.)
    value = evidence.cusum.value
    evidence.add(Scores(4 * STEP_NS + 1, '', {'energy': 1.}))
    assert evidence.add(Scores(4 * STEP_NS + 1, '', {'epistemic_depth': 1.}, 1)) == 4 * STEP_NS + 1
    assert (evidence.cusum.value, evidence.p_value) == (value, 1)


def test_several_broken_scores_and_missing_pixels_are_each_named() -> None:
    evidence = Evidence(small_calibration(), 1.)
    evidence.add(Scores(1, '', {'energy': math.nan, 'softmax': -math.inf, 'entropy': 1.}))
    evidence.add(Scores(1, '', {'mutual_information': 1.}, 1))
    assert [reason.text for reason in evidence.errors] == [
        'not a finite number: energy, softmax; the network is broken on this frame',
        'no pixel has a depth where epistemic_depth is measured, so the scene cannot be assessed; '
        'slow down or stop']


def test_a_reset_forgets_scores_and_starts_the_steps_anew() -> None:
    evidence = Evidence(small_calibration(), 1.)
    observe(evidence, 8, 100.)
    evidence.add(Scores(9 * STEP_NS, '', {'energy': 100.}))
    evidence.add(Scores(9 * STEP_NS, '', {'softmax': 1.}, 1))
    assert evidence.missing == ('epistemic_depth',)
    evidence.reset()
    assert (evidence.missing, evidence.statistics, evidence.p_value) == ((), {}, None)
    assert evidence.exceedances == {} and evidence.cusum.value == GAIN
    assert evidence.add(Scores(9 * STEP_NS, '', {'epistemic_depth': 1.}, 1)) is None
    observe(evidence, 1, 100.)  # an earlier stamp counts at once
    assert evidence.cusum.value == pytest.approx(2 * GAIN)


def test_all_scores_without_pixels_are_named() -> None:
    names = ('epistemic_depth', 'epistemic_depth_left')
    scores = dict.fromkeys(names, tuple(map(float, range(1, 20))))
    evidence = Evidence(small_calibration(watched=names, scores=scores), 1.)
    evidence.add(Scores(1, '', {'energy': 1.}))
    evidence.add(Scores(1, '', {'mutual_information': 1., 'mutual_information_left': 1.}, 1))
    reason, = evidence.errors
    assert 'where epistemic_depth, epistemic_depth_left is measured' in reason.text


def test_an_unknown_light_is_reported_for_a_frame_and_not_before_it() -> None:
    calibration = small_calibration()
    whole = ScoreGroup(calibration.distribution.scores, 8)
    evidence = Evidence(with_values(calibration, group_by='light',
                                    groups={'day': whole, 'night': whole}), 1.)
    assert evidence.fallback_reason is None
    evidence.add(Scores(1, '', {'energy': 1.}))
    assert evidence.fallback_reason == (
        'the light of the frame is not known: thresholds are of all drives')
