# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Sequences of scores and status: the level of the alert, and reasons with a remedy."""
from dataclasses import replace
import math
from typing import Any

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy, AlertState, InputTopic
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.image_range import ImageRange
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity, PerceptionStatus
from calibrations import make_calibration, with_values
import pytest

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
GOOD = PerceptionStatus('active', identity=IDENTITY)
ONE_TO_99 = tuple(map(float, range(1, 100)))
CALIBRATION = make_calibration(  # threshold 98; the highest observation adds 1.26 of 5
    identity=IDENTITY, alpha=.04, watched=('energy', 'epistemic_depth'),
    scores={'energy': ONE_TO_99, 'epistemic_depth': ONE_TO_99}, drives=tuple('abcdefgh'),
    frames=99, step_s=.25, false_alarms_per_hour=1., cusum=5., exponent=.5, software_version='')


class Story:
    """A camera at 4 Hz before an alert machine."""

    def __init__(self, calibration: Calibration | None = CALIBRATION, **policy: Any) -> None:
        self.machine = AlertMachine(AlertPolicy(**policy), calibration)
        self.now_s, self.frames_out = 100., 0

    def goes_on(self, for_s: float = .25, energy: float = 1., epistemic: float = 1.,
                status: PerceptionStatus | None = GOOD, late_s: float = 0.,
                **image: float) -> AlertState:
        for _ in range(round(for_s / .25)):
            self.now_s += .25
            stamp_ns = round(self.now_s * 1e9)
            if status is not None:
                self.machine.update_status(
                    self.now_s, replace(status, frames_out=self.frames_out))
            self.frames_out += 1
            self.machine.update_scores(
                self.now_s, Scores(stamp_ns, 'camera', {'energy': energy, **image}),
                stamp_ns + round(late_s * 1e9))
            self.machine.update_scores(self.now_s, Scores(stamp_ns, 'camera',
                                                          {'epistemic_depth': epistemic}, 1))
        return self.machine.state(self.now_s)


def test_it_starts_stale_with_the_remedies() -> None:
    state = Story().machine.state(0)
    assert state.level == AlertLevel.STALE
    assert 'no status of perception_node was received: start it' in state.reasons
    assert (state.stamp_ns, state.p_value) == (None, None)


def test_a_dark_image_is_a_warning_and_no_error() -> None:
    story = Story(replace(CALIBRATION, image_range=ImageRange({'bright_level': 40.}, {})))
    state = story.goes_on(1, image_bright_level=41.)
    assert (state.level, state.reasons) == (AlertLevel.OK, ())
    state = story.goes_on(1, image_bright_level=39.)
    assert state.level == AlertLevel.WARN
    assert state.reasons == ('the image is darker than in every calibration drive (level of the '
                             'bright parts 39, limit 40): check exposure and lens',)
    assert story.goes_on(1, image_bright_level=40.).level == AlertLevel.OK


def test_a_calm_drive_is_ok_and_shows_its_numbers() -> None:
    state = Story().goes_on(5)
    assert (state.level, state.reasons) == (AlertLevel.OK, ())
    assert state.statistics == {'energy': 1, 'epistemic_depth': 1}
    assert state.thresholds == {'energy': 98, 'epistemic_depth': 98}
    assert (state.p_value, state.cusum_limit, state.stamp_ns) == (1, 5, 105_000_000_000)
    assert state.cusum == pytest.approx(math.log(.5))


@pytest.mark.parametrize('extreme', [{'energy': 1000}, {'epistemic': 1000}])
def test_one_extreme_frame_is_a_warning_that_passes(extreme: dict[str, float]) -> None:
    story = Story(clear_s=1)
    story.goes_on(2)
    state = story.goes_on(**extreme)
    assert state.level == AlertLevel.WARN and 'is too high' in state.reasons[0]
    assert [story.goes_on().level for _ in range(5)] == [
        AlertLevel.WARN, AlertLevel.WARN, AlertLevel.WARN, AlertLevel.WARN, AlertLevel.OK]


def test_an_extreme_scene_is_an_error_until_the_evidence_clears() -> None:
    story = Story(hold_s=2, clear_s=1)
    story.goes_on(2)
    levels = [story.goes_on(epistemic=1000).level for _ in range(6)]
    assert levels == [AlertLevel.WARN] * 3 + [AlertLevel.ERROR] * 3
    assert 'unlike the calibration drives' in story.goes_on(epistemic=1000).reasons[0]
    story.goes_on(60, epistemic=1000)  # however long it lasts
    back = [story.goes_on().level for _ in range(13)]
    assert back[:8] == [AlertLevel.ERROR] * 8  # 2 s and more
    assert back[-1] == AlertLevel.OK


def test_a_small_drift_is_an_error_of_the_slow_alarm_alone() -> None:
    # p = .1 in every frame: the fast bet (.05) loses, the slow ones gain .6 in two seconds.
    story = Story(with_values(CALIBRATION, exponent=.05, slow=5., slow_step_s=2.), hold_s=1,
                  clear_s=1)
    assert story.goes_on(60).level == AlertLevel.OK
    levels = [story.goes_on(2, energy=95.).level for _ in range(20)]
    assert levels[:8] == [AlertLevel.OK] * 8 and levels[-1] == AlertLevel.ERROR
    state = story.goes_on(energy=95.)
    assert state.reasons[0].startswith('the scene has drifted away') and state.cusum < 0
    assert state.slow is not None and state.slow > 5 == state.slow_limit
    assert not any('holds' in reason for reason in state.reasons)
    states = [story.goes_on() for _ in range(400)]
    levels, slow = [one.level for one in states], [one.slow or 0. for one in states]
    assert sorted(levels, reverse=True) == levels and levels[-1] == AlertLevel.OK
    held = [value for value, level in zip(slow, levels, strict=True) if level == AlertLevel.ERROR]
    assert min(held) >= 2.5 > slow[len(held)]  # half of the limit
    assert any(2.5 < value < 5 for value in held)


def test_a_latched_alarm_names_its_remaining_conditions() -> None:
    story = Story(hold_s=4, clear_s=1)
    story.goes_on(2)
    story.goes_on(2, epistemic=1000)
    states = [story.goes_on() for _ in range(16)]
    held = [one for one in states if one.level == AlertLevel.ERROR and one.cusum <= 5]
    conditions = [one.reasons[0].removeprefix('the alarm holds until ') for one in held]
    assert all(('evidence' in text) == (one.cusum >= 2.5)
               for text, one in zip(conditions, held, strict=True))
    both = 'is below 2.5 and no score exceeds its threshold for 1 s: wait'
    assert any(text.endswith(both) for text in conditions)
    assert conditions[-1] == '4 s have passed since: wait'


def test_ten_seconds_of_fog_are_forgotten_by_the_slow_alarm_at_once() -> None:
    story = Story(with_values(CALIBRATION, slow=8.19, slow_step_s=2.), hold_s=1, clear_s=1)
    story.goes_on(20)
    assert story.goes_on(10, energy=1000).level == AlertLevel.ERROR
    assert story.goes_on(5).level == AlertLevel.OK


def test_slow_evidence_below_its_limit_prolongs_no_alarm() -> None:
    story = Story(with_values(CALIBRATION, slow=8.19, slow_step_s=2.), hold_s=1, clear_s=1)
    story.goes_on(20)
    story.goes_on(10, energy=1000)
    story.goes_on(4)
    state = story.goes_on(8, energy=1000)
    assert state.slow is not None and 8.19 / 2 < state.slow < 8.19  # below its limit, not low
    assert story.goes_on(5).level == AlertLevel.OK


def test_a_low_score_is_a_warning_of_a_two_sided_test() -> None:
    story = Story(with_values(CALIBRATION, tails='two_sided'), clear_s=1)
    state = story.goes_on(2, energy=50., epistemic=50.)
    assert state.level == AlertLevel.OK
    assert state.low_thresholds == {'energy': 1, 'epistemic_depth': 1}
    state = story.goes_on(energy=50., epistemic=.5)
    assert state.level == AlertLevel.WARN
    assert state.reasons[0] == 'unlike the calibration drives: epistemic_depth is too low'


def test_a_group_with_too_few_scores_is_reported_at_level_ok() -> None:
    few = {name: values[:9] for name, values in CALIBRATION.distribution.scores.items()}
    made = with_values(CALIBRATION, group_by='light', groups={
        'day': ScoreGroup(CALIBRATION.distribution.scores, 8), 'night': ScoreGroup(few, 8)})
    story = Story(made)
    story.goes_on(2)
    for step, (brightness, texts) in enumerate([(.5, ()), (.1, ('9 observations of night',))]):
        stamp_ns = round((story.now_s + .01 * (step + 1)) * 1e9)
        story.machine.update_scores(story.now_s, Scores(
            stamp_ns, 'camera', {'energy': 1., 'brightness': brightness}))
        state = story.machine.state(story.now_s)
        assert state.level == AlertLevel.OK and len(state.reasons) == len(texts)
        assert all(part in reason for part, reason in zip(texts, state.reasons, strict=True))


def test_a_drift_below_all_thresholds_is_an_error() -> None:
    story = Story()
    levels = [story.goes_on(energy=97, epistemic=97).level for _ in range(30)]
    assert AlertLevel.WARN not in levels and levels[-1] == AlertLevel.ERROR


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_an_error_at_once(bad: float) -> None:
    for name in ('energy', 'epistemic'):
        story = Story(hold_s=1)
        story.goes_on(2)
        state = story.goes_on(**{name: bad})
        assert state.level == AlertLevel.ERROR and 'not a finite number' in state.reasons[0]
        assert story.goes_on(.75).level == AlertLevel.ERROR


def test_a_camera_fault_is_an_error_and_is_held() -> None:
    story = Story(hold_s=1)
    story.goes_on(2)
    state = story.goes_on(5, status=replace(GOOD, faults=('the frame is blank',)))
    assert state.level == AlertLevel.ERROR
    assert state.reasons[0] == 'perception_node reports: the frame is blank'
    assert [story.goes_on(.5).level for _ in range(3)] == [
        AlertLevel.ERROR, AlertLevel.ERROR, AlertLevel.OK]


@pytest.mark.parametrize('name', ['OK', 'WARN', 'STALE'])
def test_a_warning_of_perception_has_the_chosen_level_while_it_lasts(name: str) -> None:
    story = Story(warning_level=name.lower(), clear_s=0)
    story.goes_on(2)
    state = story.goes_on(2, status=replace(GOOD, warnings=('the scale is unknown',)))
    assert state.level == AlertLevel[name]
    assert state.reasons == ('perception_node warns: the scale is unknown',)
    assert story.goes_on(.25, status=GOOD).reasons == ()


@pytest.mark.parametrize(('change', 'reason'), [
    ({'state': 'unconfigured', 'identity': None},
     'perception_node is unconfigured: configure and activate it'),
    ({'state': 'inactive'}, 'perception_node is inactive: activate it'),
    ({'state': 'activating'}, 'perception_node is activating: wait, or read its log'),
    ({'identity': replace(IDENTITY, perceive_sha256='c')},
     'not armed: calibration is of another model (perceive graph): calibrate this one'),
    ({'identity': None}, 'not armed: perception_node has not reported its model')])
def test_it_is_stale_while_perception_is_not_ready(change: dict[str, Any], reason: str) -> None:
    story = Story(recovery_s=0)
    assert story.goes_on(2).level == AlertLevel.OK
    state = story.goes_on(status=replace(GOOD, **change))
    assert (state.level, state.reasons) == (AlertLevel.STALE, (reason,))
    assert story.goes_on().level == AlertLevel.OK


def test_it_is_stale_without_a_calibration_and_passes_on_why() -> None:
    assert 'bdl calibrate' in Story(None).goes_on(2).reasons[0]
    machine = AlertMachine(AlertPolicy(), None, 'calibration.json is cut short')
    assert 'not armed: calibration.json is cut short' in machine.state(0).reasons


def test_silence_is_stale_and_its_source_is_reported() -> None:
    story = Story(stale_after_s=.5)
    story.goes_on(2)
    assert story.machine.state(story.now_s + .5).level == AlertLevel.OK
    state = story.machine.state(story.now_s + .51)
    assert state.level == AlertLevel.STALE
    assert 'perception_node is silent' in state.reasons[0] and 'no scores' in state.reasons[1]


def test_frames_without_monte_carlo_results_are_stale() -> None:
    story = Story(epistemic_max_age_s=1)
    story.goes_on(2)
    for step in range(1, 6):
        story.machine.update_status(story.now_s + step / 4, GOOD)
        stamp_ns = round((story.now_s + step / 4) * 1e9)
        story.machine.update_scores(story.now_s + step / 4, Scores(stamp_ns, '', {'energy': 1.}))
        level = story.machine.state(story.now_s + step / 4).level
        assert level == (AlertLevel.OK if step <= 4 else AlertLevel.STALE)


def test_a_result_that_lacks_a_watched_score_does_not_count() -> None:
    machine = AlertMachine(AlertPolicy(), CALIBRATION)
    machine.update_status(0, GOOD)
    machine.update_scores(0, Scores(1, '', {'softmax': 1.}))
    machine.update_scores(0, Scores(1, '', {'epistemic_depth': 1.}, 1))
    assert 'with every watched score' in machine.state(0).reasons[0]


def test_frames_that_are_old_or_from_the_future_are_stale() -> None:
    for late_s in (1.01, -1.01):
        story = Story(max_frame_age_s=1, recovery_s=0)
        assert story.goes_on(2, late_s=late_s).level == AlertLevel.STALE
        assert story.goes_on(late_s=1).level == AlertLevel.OK


def test_a_looping_recording_is_stale_until_new_frames_arrive() -> None:
    story = Story(hold_s=1)
    story.goes_on(20)
    for step in range(3):
        assert story.machine.state(story.now_s).level == AlertLevel.OK
        story.machine.update_scores(story.now_s, Scores(step + 1, 'camera', {'energy': 1.}))
    state = story.machine.state(story.now_s)
    assert state.level == AlertLevel.STALE and 'recording loop' in state.reasons[0]
    assert [story.goes_on().level for _ in range(4)] == [AlertLevel.STALE] * 3 + [AlertLevel.OK]


def test_a_camera_whose_stamps_stand_still_never_gets_an_ok() -> None:
    machine = AlertMachine(AlertPolicy(hold_s=1), CALIBRATION)
    for step in range(1, 40):
        machine.update_status(step / 4, GOOD)
        machine.update_scores(step / 4, Scores(0, '', {'energy': 1.}))
        machine.update_scores(step / 4, Scores(0, '', {'epistemic_depth': 1.}, 1))
        assert machine.state(step / 4).level == AlertLevel.STALE or step <= 3


@pytest.mark.parametrize('stamp_ns', [1, 119_700_000_000, 120_000_000_000])
def test_one_late_or_repeated_frame_is_dropped_and_counted(stamp_ns: int) -> None:
    story = Story()
    story.goes_on(20)
    for count in range(1, 4):  # single ones, also again and again
        for cycle in (0, 1):
            story.machine.update_scores(story.now_s, Scores(
                stamp_ns, 'camera', {'energy': 1000., 'epistemic_depth': 1000.}, cycle))
        state = story.machine.state(story.now_s)
        assert (state.level, state.late_frames) == (AlertLevel.OK, count)
        assert state.statistics['energy'] == 1
        assert story.goes_on().level == AlertLevel.OK


def test_one_repeated_frame_after_a_loop_is_no_second_loop() -> None:
    machine = AlertMachine(AlertPolicy(hold_s=1), CALIBRATION)
    loop = [5, 1, 2, 3, 3]  # the third late stamp in succession begins anew; then one is repeated
    for now_s, stamp_s in enumerate([*loop, 4, 5, 6, 7], start=1):
        machine.update_status(now_s, GOOD)
        machine.update_scores(now_s, Scores(stamp_s * 10**9, '', {'energy': 1.}))
        machine.update_scores(now_s, Scores(stamp_s * 10**9, '', {'epistemic_depth': 1.}, 1))
        loops = [one for one in machine.state(now_s).reasons if 'recording loop' in one]
        assert bool(loops) == (now_s == 4)
    assert machine.state(now_s).late_frames == 4


def at_rate(machine: AlertMachine, start_s: float, period_s: float, count: int,
            heartbeat_s: float = .1) -> tuple[float, list[AlertLevel]]:
    """Let frames arrive, and heartbeats of node and alert; return the end and the levels."""
    levels, beat = [], start_s
    for index in range(count):
        now_s = start_s + index * period_s
        while beat <= now_s:
            machine.update_status(beat, GOOD)
            levels.append(machine.state(beat).level)
            beat += heartbeat_s
        for cycle in (0, 1):
            machine.update_scores(now_s, Scores(
                round(now_s * 1e9), '', {'energy': 1.} if cycle == 0 else {'epistemic_depth': 1.},
                cycle))
    return start_s + (count - 1) * period_s, levels


def level_after(machine: AlertMachine, end_s: float, silent_s: float) -> AlertLevel:
    """Return the level when no frame has arrived for so long, with heartbeats of the node."""
    for at_s in (end_s + silent_s / 2, end_s + silent_s):
        machine.update_status(at_s, GOOD)
    return machine.state(end_s + silent_s).level


@pytest.mark.parametrize(('period_s', 'limit_s'), [
    (.05, .15), (.1, .225), (.16, .36), (.22, .495), (.24, .5), (.4, .5)])
def test_silence_is_stale_after_two_measured_periods_within_bounds(
        period_s: float, limit_s: float) -> None:
    for silent_s, level in ((limit_s - .01, AlertLevel.OK), (limit_s + .01, AlertLevel.STALE)):
        machine = AlertMachine(AlertPolicy(), CALIBRATION)
        end_s, _ = at_rate(machine, 100., period_s, 30)
        assert level_after(machine, end_s, silent_s) == level


def test_a_few_lost_frames_change_no_limit_and_many_raise_it() -> None:
    for gaps, limit_s in ((2, .225), (3, .405)):  # of the last twenty
        for silent_s, level in ((limit_s - .01, AlertLevel.OK), (limit_s + .01, AlertLevel.STALE)):
            machine = AlertMachine(AlertPolicy(min_stale_after_s=.05, recovery_s=0), CALIBRATION)
            end_s, _ = at_rate(machine, 100., .1, 30)
            for _ in range(gaps):
                end_s, _ = at_rate(machine, end_s + .18, .1, 2)
            assert level_after(machine, end_s, silent_s) == level


@pytest.mark.parametrize('count', [5, 6])
def test_the_period_needs_five_intervals(count: int) -> None:
    machine = AlertMachine(AlertPolicy(), CALIBRATION)
    end_s, _ = at_rate(machine, 100., .1, count)
    assert (level_after(machine, end_s, .24) == AlertLevel.STALE) == (count == 6)


@pytest.mark.parametrize('period_s', [.6, 1., 2.])
def test_a_slow_camera_is_stale_and_does_not_toggle_the_alert(period_s: float) -> None:
    machine = AlertMachine(AlertPolicy(), CALIBRATION)
    _, levels = at_rate(machine, 100., period_s, 20)
    assert sum(a != b for a, b in zip(levels, levels[1:], strict=False)) <= 2
    assert set(levels[-100:]) == {AlertLevel.STALE}


def test_a_loose_cable_does_not_toggle_the_alert() -> None:
    machine = AlertMachine(AlertPolicy(), CALIBRATION)
    end_s, levels = at_rate(machine, 100., .1, 30)
    for _ in range(10):
        end_s, found = at_rate(machine, end_s + .7, .1, 7)
        levels += found
    assert sum(a != b for a, b in zip(levels, levels[1:], strict=False)) <= 2


def test_stale_from_silence_ends_after_a_stable_time() -> None:
    story = Story(recovery_s=1)
    story.goes_on(5)
    story.now_s += 3
    states = [story.goes_on() for _ in range(5)]
    assert [state.level for state in states] == [AlertLevel.STALE] * 4 + [AlertLevel.OK]
    assert states[1].reasons == (
        'inputs were silent or late a moment ago: wait until frames arrive within 0.4 s for 1 s',)


def test_a_camera_at_the_limit_does_not_toggle_the_alert() -> None:
    machine = AlertMachine(AlertPolicy(), CALIBRATION)
    end_s, levels = at_rate(machine, 100., .1, 30)
    for gap_s in (.45, .55, *(.45,) * 20, .55, *(.41,) * 20):
        end_s, found = at_rate(machine, end_s + gap_s, .1, 1)
        machine.update_status(end_s, GOOD)
        levels += found
    assert sum(a != b for a, b in zip(levels, levels[1:], strict=False)) <= 2
    end_s, levels = at_rate(machine, end_s + .39, .39, 5)
    assert levels[-1] == AlertLevel.OK


@pytest.mark.parametrize('tolerated', [0, 1, 3])
def test_so_many_faulty_heartbeats_are_a_warning(tolerated: int) -> None:
    story = Story(tolerated_faults=tolerated, clear_s=0)
    story.goes_on(2)
    faulty = replace(GOOD, faults=('a damaged image',))
    for _ in range(2):  # good frames in between start anew
        states = [story.goes_on(status=faulty) for _ in range(tolerated)]
        assert [state.level for state in states] == [AlertLevel.WARN] * tolerated
        assert all('a damaged image' in state.reasons[0] for state in states)
        assert story.goes_on(.5).level == AlertLevel.OK
    states = [story.goes_on(status=faulty) for _ in range(tolerated + 1)]
    assert states[-1].level == AlertLevel.ERROR


STATUS, SCORES = InputTopic('/front/status', ('/front/a',)), InputTopic('/front/scores', ('/a',))
NOBODY = 'no node publishes {}: start perception_node, or correct its namespace'


@pytest.mark.parametrize(('status', 'scores', 'causes'), [
    (InputTopic('/status'), InputTopic('/scores'),
     [NOBODY.format('/status'), NOBODY.format('/scores')]),
    (InputTopic('/status', (), ('/status has type String',)), SCORES,
     ['/status has type String', 'is the camera publishing?']),
    (STATUS, InputTopic('/scores', (), ('/scores has incompatible QoS',)),
     ['start it', '/scores has incompatible QoS'])])
def test_who_publishes_is_the_cause_of_missing_inputs(
        status: InputTopic, scores: InputTopic, causes: list[str]) -> None:
    machine = AlertMachine(AlertPolicy(), CALIBRATION)
    machine.update_topics(status, scores)
    assert list(machine.state(0).reasons) == [
        f'no status of perception_node was received: {causes[0]}',
        f'no scores were received: {causes[1]}']


@pytest.mark.parametrize('published', [True, False])
def test_a_node_that_went_away_is_the_cause_of_silence(published: bool) -> None:
    story = Story()
    story.goes_on(2)
    story.machine.update_topics(STATUS if published else InputTopic('/status'),
                                SCORES if published else InputTopic('/scores'))
    reasons = story.machine.state(story.now_s + 1).reasons
    causes = (['is it running?', 'is the camera publishing?'] if published else
              [NOBODY.format('/status'), NOBODY.format('/scores')])
    assert reasons == (f'perception_node is silent for 1.0 s: {causes[0]}',
                       f'no scores for 1.0 s: {causes[1]}')


@pytest.mark.parametrize('index', [0, 1])
def test_a_second_publisher_of_an_input_is_a_warning(index: int) -> None:
    story, inputs = Story(), [STATUS, SCORES]
    inputs[index] = inputs[index]._replace(publishers=('/a', '/b'))
    story.goes_on(2)
    story.machine.update_topics(*inputs)
    state = story.goes_on()
    assert state.level == AlertLevel.WARN
    assert state.reasons == (
        f'{inputs[index].name} has 2 publishers: /a, /b; stop all but one',)
    story.machine.update_topics(STATUS, SCORES)
    assert story.goes_on().level == AlertLevel.OK


@pytest.mark.parametrize(('frames_in', 'frames_out', 'cause'), [
    (0, 0, 'perception_node receives no frames: is the camera publishing?'),
    (3, 0, 'perception_node receives frames but completes none: is the network slow?'),
    (3, 3, 'perception_node completes frames: are the scores lost on the way?')])
def test_the_counters_show_where_the_frames_are_lost(frames_in: int, frames_out: int,
                                                     cause: str) -> None:
    story = Story()
    story.goes_on(2, status=replace(GOOD, frames_in=70, frames_out=60))
    counted = replace(GOOD, frames_in=80, frames_out=70)  # with the newest frame
    for step in range(4):
        story.machine.update_status(story.now_s + step / 4, counted)
        counted = replace(GOOD, frames_in=80 + frames_in, frames_out=70 + frames_out)
    state = story.machine.state(story.now_s + .75)
    assert (state.level, state.reasons) == (
        AlertLevel.STALE, (f'no scores for 0.8 s: {cause}',))


@pytest.mark.parametrize(('ahead_s', 'text'), [
    (None, 'the clock reads zero: publish /clock'),
    (-3601., '3.6e+03 s ahead of the clock: set use_sim_time'),
    (3601., '3.6e+03 s behind the clock: set use_sim_time'),
    (-3599., '3599.0 s ahead of the clock: synchronise'), (3599., '3599.0 s old on arrival')])
def test_a_clock_that_does_not_fit_is_named(ahead_s: float | None, text: str) -> None:
    story = Story()
    story.goes_on(2)
    stamp_ns = round((story.now_s + .1) * 1e9)
    now_ns = 0 if ahead_s is None else stamp_ns + round(ahead_s * 1e9)
    story.machine.update_scores(story.now_s + .1, Scores(stamp_ns, '', {'energy': 1.}), now_ns)
    state = story.machine.state(story.now_s + .1)
    assert state.level == AlertLevel.STALE and text in state.reasons[0]


def test_scores_that_lack_a_watched_one_are_rejected_at_once() -> None:
    story = Story()
    story.goes_on(2)
    for cycle in (0, 1):
        story.machine.update_scores(story.now_s, Scores(
            round((story.now_s + .01) * 1e9), '', {'softmax': 1., 'epistemic_depth': 1.}, cycle))
    state = story.machine.state(story.now_s)
    assert state.level == AlertLevel.STALE
    assert 'lack energy, which the calibration watches' in state.reasons[0]
    assert story.goes_on().level == AlertLevel.OK


def test_a_clock_that_jumps_back_is_stale_and_recovers() -> None:
    story = Story(hold_s=1)
    story.goes_on(2)
    story.now_s -= 50
    state = story.goes_on()
    assert state.level == AlertLevel.STALE and 'jumped back by 49.8 s' in state.reasons[0]
    assert story.goes_on(2).level == AlertLevel.OK


def test_a_clock_that_is_not_finite_is_rejected() -> None:
    with pytest.raises(ValueError, match='clock'):
        Story().machine.state(math.nan)


@pytest.mark.parametrize('change', [
    {'stale_after_s': 0}, {'stale_after_s': math.nan}, {'epistemic_max_age_s': -1},
    {'max_frame_age_s': math.inf}, {'hold_s': -1}, {'clear_s': math.nan},
    {'min_stale_after_s': 0}, {'recovery_s': -1}, {'tolerated_faults': -1},
    {'clear_fraction': 0}, {'clear_fraction': 1.01}])
def test_an_infeasible_policy_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        AlertPolicy(**change)
