# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The alert machine against a slow definition, on histories that dwell at its thresholds."""
from collections import Counter
from dataclasses import replace
import math
from typing import Any

from bdl_perception.alarm.alert import AlertMachine
from bdl_perception.alarm.alert_types import AlertLevel, AlertPolicy
from bdl_perception.alarm.calibration import Calibration
from bdl_perception.alarm.score_distribution import ScoreGroup
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity, PerceptionStatus
from calibrations import make_calibration, with_values
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_alert import Event, SlowAlert

IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 0, 192, 320)
GOOD = PerceptionStatus('active', identity=IDENTITY)
ONE_TO_19 = tuple(map(float, range(1, 20)))
# .1 for each of two scores: the threshold is 18. One extreme observation adds .46, so that
# the limit takes three; all numbers of seconds are sums of powers of two, and so exact.
CALIBRATION = make_calibration(
    identity=IDENTITY, alpha=.2, watched=('energy', 'epistemic_depth'),
    scores={'energy': ONE_TO_19, 'epistemic_depth': ONE_TO_19, 'softmax': ONE_TO_19},
    drives=tuple('abcdefgh'), frames=19, step_s=.25, false_alarms_per_hour=1., cusum=1.,
    exponent=.5, software_version='')
# A slow limit that one window of extreme frames comes near and two pass, and a fast one that is
# hardly reached: the slow alarm is alone then.
SLOW = with_values(CALIBRATION, cusum=2., slow=.5, slow_step_s=.5)
HIGH = tuple(map(float, range(11, 30)))
GROUPED = with_values(SLOW, group_by='light', groups={
    'day': ScoreGroup({'energy': ONE_TO_19, 'epistemic_depth': HIGH}, 8),
    'night': ScoreGroup({'energy': ONE_TO_19[:5], 'epistemic_depth': ONE_TO_19[:5]}, 8)})
TWO_SIDED = with_values(SLOW, alpha=.4, tails='two_sided')
CALIBRATIONS = [CALIBRATION, SLOW, SLOW, GROUPED, TWO_SIDED]
POLICIES = [
    AlertPolicy(stale_after_s=.5, epistemic_max_age_s=1, max_frame_age_s=.5, hold_s=.5,
                clear_s=.25, clear_fraction=.5, recovery_s=0,
                warning_level='stale'),
    AlertPolicy(stale_after_s=.5, epistemic_max_age_s=.5, max_frame_age_s=.5, hold_s=.25,
                clear_s=.75, clear_fraction=1, recovery_s=.5, tolerated_faults=1),
    AlertPolicy(stale_after_s=1, epistemic_max_age_s=.75, max_frame_age_s=.25, hold_s=1,
                clear_s=0, clear_fraction=.75, recovery_s=.25, min_stale_after_s=.75),
    AlertPolicy(stale_after_s=.5, epistemic_max_age_s=1, max_frame_age_s=.5, hold_s=0,
                clear_s=.5, clear_fraction=.5, recovery_s=1, tolerated_faults=2,
                warning_level='ok')]
FAULTY = replace(GOOD, faults=('no frame',))
STATUSES = [replace(GOOD, state='inactive'), FAULTY, FAULTY,
            *[replace(GOOD, warnings=('no scale',))] * 2,
            replace(GOOD, identity=replace(IDENTITY, samples=8)), replace(GOOD, identity=None)]


def usually(usual: Any, *rare: Any, weight: int = 4) -> st.SearchStrategy[Any]:
    return st.sampled_from([usual] * weight + list(rare))


calm = st.sampled_from([1., 18.])
extreme = usually(20., 18.5, 19., math.nan, math.inf, weight=8)
any_value = st.one_of(calm, extreme)


moods = st.lists(
    st.tuples(usually('calm', 'extreme', 'extreme', 'mixed', 'mixed', 'faulty', 'no status',
                      'no frame', 'no cycle', 'time goes back'), st.sampled_from([1, 2, 3])),
    min_size=3, max_size=7).map(lambda runs: [mood for mood, beats in runs for _ in range(beats)])


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """
    Draw beats of status, frame, cycle and question, a quarter of a second apart.

    Moods last, so that alarms are reached and earned off, and silences grow too long. Most are
    calm or extreme; in some one thing is missing, and mixed beats are late or out of order too.
    """
    events, now_s, stamp_ns = [Event(0, 'status', GOOD)], 0., 10**11
    frames = [stamp_ns]
    for mood in draw(moods):
        mixed = mood == 'mixed'
        value = {'extreme': extreme, 'mixed': any_value}.get(mood, calm)

        def rarely(usual: Any, *rare: Any, mixed: bool = mixed) -> Any:
            return draw(usually(usual, *rare)) if mixed else usual

        now_s += rarely(-2. if mood == 'time goes back' else .25, 0., .5, .75, 1., 1.25, -.5)
        if rarely(mood != 'no status', False):
            status = draw(usually(GOOD, FAULTY, weight=1)) if mood == 'faulty' else (
                rarely(GOOD, *STATUSES))
            frames_out = rarely(len(frames), len(frames) - 1, 0)  # 0: the node was restarted
            events.append(Event(now_s, 'status', replace(status, frames_out=frames_out)))
        if rarely(mood != 'no frame', False):
            stamp_ns += int(1e9 * rarely(.25, .125, .5, 1., 0., -1.))
            shown = {'energy': draw(value), 'softmax': rarely(5., 30., math.nan)}
            if rarely(True, False):
                shown['brightness'] = rarely(.5, .28, .27)
            age_s = rarely(0., .25, .5, .75, -.75)
            events.append(Event(now_s, 'frame', Scores(stamp_ns, '', shown), age_s))
            frames.append(stamp_ns)
        if rarely(mood not in ('no frame', 'no cycle'), False):
            held = frames[max(-len(frames), -rarely(1, 2, 3, 4, 5))] + rarely(0, 1)
            # of the classes alone: no pixel has a depth; of another region alone: not known
            name = rarely('epistemic_depth', 'mutual_information', 'mutual_information_left')
            events.append(Event(now_s, 'cycle', Scores(held, '', {name: draw(value)}, 1)))
        events.append(Event(now_s, 'ask'))
    return events


def feed(machine: AlertMachine, event: Event) -> AlertLevel | None:
    if event.kind == 'status':
        machine.update_status(event.now_s, event.payload)
    elif event.kind == 'ask':
        return machine.state(event.now_s).level
    else:
        ros_now_ns = event.payload.stamp_ns + int(event.age_s * 1e9)
        machine.update_scores(event.now_s, event.payload, ros_now_ns)
    return None


def levels(policy: AlertPolicy, events: list[Event],
           calibration: Calibration = CALIBRATION) -> list[AlertLevel]:
    machine = AlertMachine(policy, calibration)
    return [level for event in events if (level := feed(machine, event)) is not None]


def slow_levels(policy: AlertPolicy, events: list[Event],
                calibration: Calibration) -> list[AlertLevel]:
    slow = SlowAlert(policy, calibration, events)
    return [slow.level(k) for k, event in enumerate(events) if event.kind == 'ask']


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(POLICIES), st.sampled_from(CALIBRATIONS), histories())
def test_the_level_is_that_of_the_slow_definition(
        policy: AlertPolicy, calibration: Calibration, events: list[Event]) -> None:
    assert levels(policy, events, calibration) == slow_levels(policy, events, calibration)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(POLICIES), histories())
def test_asking_more_or_less_often_changes_nothing(policy: AlertPolicy,
                                                   events: list[Event]) -> None:
    silent = [event for event in events if event.kind != 'ask'] + [Event(events[-1].now_s, 'ask')]
    doubled = [twin for event in events for twin in (event, Event(event.now_s, 'ask'))]
    assert levels(policy, silent)[-1] == levels(policy, doubled)[-1]


def worse(event: Event, how: str) -> Event:
    """Make an event worse in one way, if it can be."""
    if event.kind in ('frame', 'cycle') and how in ('higher', 'nan'):
        up = {'higher': lambda value: max(value, 18.5), 'nan': lambda value: math.nan}[how]
        raised = {name: value if name == 'brightness' else up(value)
                  for name, value in event.payload.values.items()}
        return replace(event, payload=replace(event.payload, values=raised))
    if event.kind == 'frame' and how == 'older':
        return replace(event, age_s=2.)
    change: dict[str, Any] = {
        'faulty': {'faults': (*event.payload.faults, 'worse')}, 'warned': {'warnings': ('worse',)},
        'inactive': {'state': 'inactive'},
        'other model': {'identity': None}}.get(how, {}) if event.kind == 'status' else {}
    return replace(event, payload=replace(event.payload, **change)) if change else event


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(POLICIES), st.sampled_from(CALIBRATIONS[:-1]), histories(), st.data())
def test_worse_inputs_never_give_a_milder_level(
        policy: AlertPolicy, calibration: Calibration, events: list[Event],
        data: st.DataObject) -> None:
    ways = usually('as it is', 'higher', 'nan', 'older', 'faulty', 'warned', 'inactive',
                   'other model')
    worsened = [worse(event, data.draw(ways)) for event in events]
    pairs = zip(levels(policy, events, calibration), levels(policy, worsened, calibration),
                strict=True)
    assert all(after >= before for before, after in pairs)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(POLICIES), histories())
def test_without_a_calibration_nothing_is_ever_better_than_stale(policy: AlertPolicy,
                                                                 events: list[Event]) -> None:
    machine = AlertMachine(policy)
    assert {feed(machine, event) for event in events} <= {None, AlertLevel.STALE}


PATHS = [
    (AlertLevel.OK, AlertLevel.WARN, AlertLevel.OK),
    (AlertLevel.OK, AlertLevel.ERROR, AlertLevel.OK),
    (AlertLevel.OK, AlertLevel.STALE, AlertLevel.OK),
    (AlertLevel.WARN, AlertLevel.ERROR, AlertLevel.OK)]


def test_the_histories_reach_every_level_and_come_back() -> None:
    found: Counter[tuple[AlertLevel, ...]] = Counter()

    @settings(max_examples=400, deadline=None, derandomize=True, database=None)
    @given(st.sampled_from(POLICIES), histories())
    def count_paths(policy: AlertPolicy, events: list[Event]) -> None:
        reached = levels(policy, events)
        for path in PATHS:
            rest = iter(reached)
            found[path] += all(level in rest for level in path)

    count_paths()
    assert all(found[path] >= 2 for path in PATHS), found
