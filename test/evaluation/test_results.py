# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from math import inf
from typing import Any

from bdl_perception.evaluation.alarm_metrics import ABRUPT_S
from bdl_perception.evaluation.drive_record import DriveRecord
from bdl_perception.evaluation.results import evaluation_results, EvaluationContext
from bdl_perception.evaluation.set_results import set_results
from bdl_perception.metrics.interval_coverage import IntervalMetricState
from bdl_perception.world.conditions import DEFAULT_FADE_S
from calibrations import with_values
from made_predictions import labelled_prediction, update_all
import pytest
from records import (
    changing_record,
    fake_calibration,
    fake_record,
    IDENTITY,
    night_record,
    nominal_record,
)

RECORDS = [night_record('n0', [2.] * 8), nominal_record('a', [.5] * 8),
           nominal_record('b', [.4] * 7 + [2.]), night_record('n1', [2.] * 4),
           changing_record('c', [.5] * 4, [2.] * 8), fake_record('mine', 'mine', [.9] * 4)]


def made(records: list[DriveRecord] = RECORDS, nominal: str | None = 'test',
         **changes: object) -> dict[str, Any]:
    context = EvaluationContext(nominal, fake_calibration(), IDENTITY)._replace(**changes)
    return evaluation_results(records, context).to_dict()


def test_sets_are_counted_the_nominal_one_first() -> None:
    sets = made()['sets']
    assert {name: (one['drives'], one['frames'], one['held_out']) for name, one in sets.items()
            } == {'test': (2, 16, False), 'test_night': (2, 12, True),
                  'test_changes: nominal': (1, 4, False), 'test_changes: dense_fog': (1, 8, True),
                  'mine': (1, 4, None)}
    assert next(iter(sets)) == 'test'
    assert {name: one['conditions'] for name, one in sets.items()} == {
        'test': ['sun'], 'test_night': ['night'], 'test_changes: nominal': ['sun'],
        'test_changes: dense_fog': ['dense_fog'], 'mine': []}


def test_goals_need_every_required_condition() -> None:
    for required, verdict in ((('dense_fog', 'night'), 'met'), (('night', 'rain'), 'not shown')):
        found = made([*RECORDS[:2], *RECORDS[3:]], required_conditions=required)
        mean, each = found['goals'][:2]
        assert mean['verdict'] == each['verdict'] == verdict
        assert f'over {2 - (verdict != "met")} of 2 held-out conditions' in mean['found']


def test_the_mean_is_over_held_out_groups() -> None:
    ood = made()['ood']
    assert ood['mean_over'] == ['test_night', 'test_changes: dense_fog']
    assert list(ood['groups']) == ['test_night', 'test_changes: nominal',
                                   'test_changes: dense_fog', 'mine']
    assert ood['groups']['test_night']['alarm set']['auroc'] > .9
    assert sum(ood['histograms']['energy']['counts']['test_night']) == 12


def test_fading_frames_are_counted_and_in_no_mean() -> None:
    fade = changing_record('d', [.5] * 4, [1.5] * 3 + [2.] * 5, [.6] * 6, .75)
    found = made([*RECORDS[:4], fade])
    assert {name: one['frames'] for name, one in found['sets'].items() if 'changes' in name} == {
        'test_changes: nominal': 7, 'test_changes: fading': 6, 'test_changes: dense_fog': 5}
    assert found['sets']['test_changes: fading']['held_out'] is None
    assert found['ood']['fading_frames'] == 6
    assert found['ood']['mean_over'] == ['test_night', 'test_changes: dense_fog']
    assert 'test_changes: fading' in found['ood']['groups']
    assert made()['ood']['fading_frames'] == 0


def test_a_delay_begins_with_the_fade() -> None:
    levels = [.5] * 4, [.5] * 4 + [2.] * 8
    for fade_s in (1.5, 0.):
        alarm = made([RECORDS[1], changing_record('d', *levels, fade_s=fade_s)])['alarm']
        assert [one['median_s'] for one in alarm['conditions'].values()] == [2.]


def test_slow_fades_are_separate_from_abrupt_changes() -> None:
    levels = [.5] * 4, [.5] * 4 + [2.] * 8
    drives = [changing_record(f'd{fade_s}', [.5] * 4, [2.] * 12, fade_s=fade_s)
              for fade_s in (0., .5)]
    drives += [changing_record(f's{fade_s}', *levels, fade_s=fade_s) for fade_s in (2.5, 4., 4.)]
    found = made([RECORDS[1], *drives])
    rows = found['alarm']['conditions']
    assert {name: (one['drives'], one['fade_s']) for name, one in rows.items()} == {
        'test_changes: dense_fog': (2, .5),
        'test_changes: dense_fog, fading in over 2.5 s': (1, 2.5),
        'test_changes: dense_fog, fading in over 4 s': (2, 4.)}
    slow = rows['test_changes: dense_fog, fading in over 4 s']
    assert (slow['median_s'], slow['strength_median']) == (2., .5)
    assert (slow['warn_median_s'], slow['warn_strength_median']) == (1., .25)
    goals = [goal['found'] for goal in found['goals'] if 'detection delay' in goal['name']]
    assert goals == ['1.00 s (0 of 2 drives missed, 3 slow left out)'] * 2


def test_a_miss_within_the_fade_is_cut_short() -> None:
    drives = [changing_record('short', [.5] * 4, [.5] * 5, fade_s=4.),
              changing_record('found', [.5] * 4, [2.] * 9, fade_s=4.),
              changing_record('whole', [.5] * 4, [.5] * 17, fade_s=4.)]
    row, = made([RECORDS[1], *drives])['alarm']['conditions'].values()
    assert (row['drives'], row['missed'], row['cut_short']) == (3, 2, 1)
    assert [one['final_strength'] for one in row['detections']] == [.25, .5, 1.]
    assert [one['delay_s'] for one in row['detections']] == [inf, 1., inf]


def test_the_default_fade_is_abrupt() -> None:
    assert ABRUPT_S == DEFAULT_FADE_S


def test_the_alarm_is_evaluated_on_nominal_and_ood_drives() -> None:
    alarm = made()['alarm']
    assert alarm['false_alarms']['separate']['events'] == 0
    assert alarm['false_alarms']['separate']['in_drives'] == 0
    assert alarm['false_alarms']['separate']['hours'] == pytest.approx(4 / 3600)
    assert alarm['exceeded']['test'] == 1 / 16 and alarm['exceeded']['test_night'] == 1
    assert alarm['warned']['test'] == 1 / 16  # it was the last of its drive
    assert alarm['warned']['test_night'] == 1
    night, fog = alarm['conditions']['test_night'], alarm['conditions']['test_changes: dense_fog']
    assert (night['drives'], night['missed'], night['median_s']) == (2, 1, 1.)
    assert fog['median_s'] == 1.  # what the nominal frames took off the evidence is forgotten
    assert alarm['drives_in_calibration'] == ['a', 'b']
    assert alarm['timelines']['test']['drive'] == 'b'


def test_an_error_of_the_slow_alarm_is_reported_with_its_drive() -> None:
    known = fake_calibration(slow=1.)
    alarm = made([nominal_record('a', [.5] * 7 + [2.]), nominal_record('b', [.95] * 40)],
                 calibration=known)['alarm']
    found = alarm['false_alarms']
    assert found['separate']['causes'] == {'fast': 0, 'slow': 1, 'other': 0}
    for rate in (found['separate'], found['concatenated']):
        assert (rate['events'], rate['in_drives'], found['drives']) == (1, 1, 2)
    assert alarm['calibration']['slow_limit'] == 1
    shown = alarm['timelines']['test']
    assert (shown['drive'], shown['causes']) == ('b', ['slow'])
    assert max(shown['cusum']) < 0 < 1 < max(shown['slow'])


def test_a_wrong_stamp_adds_no_monitored_time() -> None:
    epoch_s = 1_700_000_000
    stamps = tuple(round(1e9 * second) for second in (0, epoch_s, epoch_s + .25, epoch_s + .5))
    drives = [replace(nominal_record(name, [.5] * 4), stamps_ns=stamps) for name in 'xy']
    found = made(drives)
    rates = found['alarm']['false_alarms']
    assert 3600 * rates['concatenated']['hours'] == pytest.approx(2 * (1.75 * 4 / 3))
    assert 3600 * rates['paused_hours'] == pytest.approx(2 * (epoch_s - 1.25))
    goal, = (goal for goal in found['goals'] if 'false alarms' in goal['name'])
    assert goal['verdict'] == 'not shown'
    assert made()['alarm']['false_alarms']['paused_hours'] == 0


def test_a_calibration_that_would_not_arm_gives_a_reason() -> None:
    found = made(outdated_reason='it was made with another version')
    assert found['alarm'] == {'not_measured': 'the alarm would not be armed: it was made with '
                              'another version'}
    assert 'alarm set' not in found['ood']['groups']['test_night']
    other = made(identity=replace(IDENTITY, seed=9))['alarm']['not_measured']
    assert 'would not be armed: calibration is of other dropout masks' in other


def test_drives_without_time_have_no_alarm() -> None:
    camvid = fake_record('0001TP', 'camvid_test', [2.] * 9)
    camvid = replace(camvid, origin=camvid.origin._replace(timed=False))
    assert 'camvid_test' not in made([*RECORDS, camvid])['alarm']['warned']
    assert 'camvid_test' in made([*RECORDS, camvid])['ood']['groups']


def test_without_a_calibration_only_the_alarm_is_missing() -> None:
    found = made(calibration=None)
    assert 'calibration' in found['alarm']['not_measured']
    assert 'alarm set' not in found['ood']['groups']['test_night']
    assert found['ood']['tails'] is None


def test_a_calibration_of_another_model_gives_a_reason() -> None:
    found = made(identity=replace(IDENTITY, samples=4))
    assert 'another number of Monte Carlo samples' in found['alarm']['not_measured']
    assert found['ood']['tails'] is None


def test_depth_intervals_need_a_calibration_that_would_arm() -> None:
    known = fake_calibration(intervals={'drives': 9, 'factor': 1.5, 'temperature': 1.1})
    setting = EvaluationContext('test', known, IDENTITY)
    assert setting.intervals == known.intervals
    assert made(calibration=known)['calibrated_intervals'] == {
        **setting.intervals, 'drives_in_calibration': ['a', 'b']}
    for changes, why in (({'identity': replace(IDENTITY, perceive_sha256='c' * 64)},
                          'another model (perceive graph)'),
                         ({'outdated_reason': 'it is old'}, 'it is old'),
                         ({'calibration': with_values(known, drives=('a',))}, '1 drives'),
                         ({'calibration': None}, 'no calibration was given'),
                         ({'calibration': fake_calibration()}, 'had a true depth')):
        assert setting._replace(**changes).intervals is None
        found = made(**{'calibration': known, **changes})['calibrated_intervals']
        assert list(found) == ['not_measured'] and why in found['not_measured']


def test_both_cameras_of_a_kitti_drive_are_one_recording_whose_intervals_others_fit() -> None:
    state = {'intervals': update_all(IntervalMetricState(), labelled_prediction(
        depth=[[10.] * 40], truth=[[11.] * 40])).state()}
    names = ['a_sync_image_02', 'a_sync_image_03', 'b_image_00_x', 'b_image_01_x']
    records = [replace(fake_record(name, 'kitti_depth_val', [.5]),
                       metric_states={'kitti_depth_val': state}) for name in names]
    fitted = [set_results(records[:count], None)['kitti_depth_val'].cross_validated_coverage
              for count in (2, 3, 4)]
    assert fitted[0] is None
    assert [list(one.by_recording) for one in fitted[1:]] == [['a_sync', *names[2:3]],
                                                              ['a_sync', *names[2:]]]
    assert fitted[1].coverage['0.9'] == 1


def test_without_a_nominal_set_ood_is_not_measured() -> None:
    found = made([RECORDS[0]], None)
    assert 'no set of nominal drives' in found['ood']['not_measured']
    assert found['alarm']['false_alarms'] == {'not_measured': 'no drive with a time is nominal'}
    assert 'only nominal' in made([RECORDS[1]])['ood']['not_measured']


def test_other_sets_are_measured_without_nominal_drives() -> None:
    found = made([RECORDS[0], RECORDS[3]])
    assert found['ood']['not_measured'].startswith('no drive of test could be measured')
    assert found['alarm']['conditions']['test_night']['drives'] == 2
    assert found['sets']['test_night']['drives'] == 2
