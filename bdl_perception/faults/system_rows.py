# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault table: network, processes, files, parameters, other nodes, governor_node."""
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.row import (
    CAUSE_S,
    FaultRow,
    FRAME_S,
    Observed,
    Setup,
    SILENCE_S,
    START_S,
)

OUTPUT = 'test/perception/test_output_checks.py::test_'
WORKER = 'test/nodes/test_worker.py::test_'
GOVERNOR = 'test/alarm/test_governor.py::test_'
DIAGNOSTICS = 'test/nodes/test_diagnostics.py::test_'
CALIBRATION = 'test/alarm/test_calibration_io.py::test_'
MODEL = 'test/test_model_store.py::test_'
STARTS = 2  # repeats of rows that start a process twice in each
CYCLE_S = 1.0  # bound of a fault of the Monte Carlo samples: two cycles and a heartbeat
HANG_S = 1.6  # bound: a step hangs from 1 s on, and the status is published at 5 Hz
STOP_S = 0.65  # bound: governor_node waits 0.5 s for an alert or command
WARN, ERROR, STALE = AlertLevel.WARN, AlertLevel.ERROR, AlertLevel.STALE


def _network(name: str, hazard: str, reason: str, test: str, before: str, bound_s: float = FRAME_S,
             level: AlertLevel = ERROR, lasts: bool = True, injection: str = '') -> FaultRow:
    return FaultRow(name, hazard, 'checks of the network output' if level == ERROR else 'worker',
                    reason, bound_s, test, before, level, lasts=lasts, injection=injection)


def _process(name: str, hazard: str, before: str, test: str) -> FaultRow:
    return FaultRow(name, hazard, 'measured period of the frames', 'no scores|silent', SILENCE_S,
                    test, before, STALE)


def _start(name: str, hazard: str, reason: str, test: str, detection: str,
           before: str = 'pass') -> FaultRow:
    return FaultRow(name, hazard, detection, reason, START_S, test, before, STALE,
                    max_repeats=STARTS)


def _exit(name: str, hazard: str, test: str, before: str = 'pass') -> FaultRow:
    return FaultRow(name, hazard, 'check of the parameters', '', START_S, test, before,
                    observed=Observed.EXIT, max_repeats=STARTS)


def _other(name: str, hazard: str, reason: str, test: str, before: str,
           detection: str = 'check of the messages', bound_s: float = FRAME_S,
           level: AlertLevel = ERROR) -> FaultRow:
    return FaultRow(name, hazard, detection, reason, bound_s, test, before, level)


def _governor(name: str, hazard: str, test: str, before: str, bound_s: float = FRAME_S,
              setup: Setup = Setup.GOVERNOR) -> FaultRow:
    return FaultRow(name, hazard, 'governor_node', '', bound_s, test, before, setup=setup,
                    observed=Observed.COMMAND)


NETWORK_ROWS = (
    *(_network(name, hazard, 'not finite|not a finite',
               'test/system/test_alert.py::test_nan_outputs_of_the_network_are_an_error', 'pass')
      for name, hazard in (('depth_nan', 'depth is NaN'), ('depth_inf', 'depth is infinite'),
                           ('depth_one_nan', 'one pixel of depth is NaN'))),
    _network('samples_nan', 'the Monte Carlo samples are NaN', 'not finite|not a finite',
             'test/system/test_alert.py::test_nan_outputs_of_the_network_are_an_error', 'pass',
             CYCLE_S),
    *(_network(name, hazard, 'reports: depth', f'{OUTPUT}one_value_out_of_its_range_is_a_fault',
               'silent') for name, hazard in (
                   ('depth_zero', 'depth is 0 everywhere'),
                   ('depth_negative', 'depth is negative'))),
    _network('depth_equal', 'depth is the same in every pixel', 'reports: depth',
             f'{OUTPUT}an_output_without_contrast_is_a_fault', 'not measured'),
    _network('constant', 'the output is the same for every image', 'does not change',
             f'{OUTPUT}a_map_that_is_the_same_for_four_different_frames_is_a_fault', 'silent',
             CAUSE_S),
    _network('no_spread', 'the Monte Carlo samples do not differ', 'do not differ',
             f'{OUTPUT}samples_that_do_not_differ_are_a_fault', 'silent', CYCLE_S),
    *(_network(name, hazard, 'injected',
               f'{WORKER}an_exception_is_reported_and_the_next_step_runs', 'pass', bound_s)
      for name, hazard, bound_s in (
          ('frame_raises', 'the network raises an exception', FRAME_S),
          ('frame_memory', 'the network lacks memory', FRAME_S),
          ('sample_raises', 'the Monte Carlo samples raise an exception', CYCLE_S))),
    _network('hang', 'the network hangs: alert', 'no scores',
             f'{WORKER}a_step_hangs_after_the_limit_and_its_duration_is_named',
             'late (0.48 to 0.57 s)', SILENCE_S, STALE),
    _network('hang_is_named', 'the network hangs: its name', 'has not answered',
             f'{WORKER}a_step_hangs_after_the_limit_and_its_duration_is_named', 'no reason',
             HANG_S, STALE, injection='hang'),
    _network('hang_in_sample', 'the Monte Carlo samples hang', 'has not answered|no scores',
             f'{WORKER}a_step_hangs_after_the_limit_and_its_duration_is_named',
             'late (0.62, 0.65 s)', SILENCE_S, STALE),
    _network('slow', 'each pass of the network takes 0.7 s', 'no scores|old',
             'test/alarm/test_alert.py::test_the_counters_show_where_the_frames_are_lost',
             'toggles', 1., STALE, lasts=False),
    _network('worker_ends', 'the worker thread ends', 'worker thread was ended',
             'test/system/test_hang.py::test_a_thread_that_ends_is_named_and_replaced',
             'no reason, never back', .5, lasts=False),
)
PROCESS_ROWS = (
    _process('stop_perception_node', 'SIGSTOP of perception_node', 'late (0.47 to 1.1 s)',
             'test/alarm/test_alert.py::test_silence_is_stale_and_its_source_is_reported'),
    *(_process(name, hazard, before, 'test/system/test_driving.py::'
               'test_a_killed_perception_node_is_stale_in_time_and_ok_when_restarted')
      for name, hazard, before in (
          ('kill_perception_node', 'SIGKILL of perception_node', 'late (0.42 to 0.60 s)'),
          ('segv_perception_node', 'SIGSEGV of perception_node', 'late (0.39 to 0.47 s)'))),
    _governor('stop_alert_node', 'SIGSTOP of alert_node',
              'test/system/test_alert.py::test_a_hanging_alert_node_loses_its_liveliness', 'pass',
              STOP_S, Setup.RAW),
    _governor('kill_alert_node', 'SIGKILL of alert_node',
              f'{GOVERNOR}no_fresh_alert_stops_even_where_errors_crawl', 'pass', STOP_S,
              Setup.RAW),
)
FILE_ROWS = (
    *(_start(name, hazard, 'configure failed', f'{MODEL}{test}', 'check of the model folder',
             before) for name, hazard, test, before in (
        ('model_missing', 'model.json is missing', 'a_folder_without_a_model_names_bdl_export',
         'pass'),
        ('model_cut', 'half of a graph is missing', 'a_graph_with_one_changed_bit_is_an_error',
         'pass'),
        ('model_swapped', 'the graphs are swapped', 'swapped_graph_files_are_an_error', 'pass'),
        ('model_no_json', 'model.json is nested 100,000 deep', 'a_corrupt_model_json_is_named',
         'pass'),
        ('model_wrong_hash', 'a hash in model.json is a number',
         'an_impossible_model_json_is_an_error_with_its_cause', 'fail'))),
    *(_start(name, hazard, 'not armed', test, 'check of the calibration', before)
      for name, hazard, test, before in (
        ('calibration_missing', 'the calibration is missing',
         'test/system/test_alert.py::test_without_a_valid_calibration_it_is_never_ok', 'pass'),
        ('calibration_cut', 'half of the calibration is missing',
         'test/system/test_alert.py::test_without_a_valid_calibration_it_is_never_ok', 'pass'),
        ('calibration_empty', 'the calibration is {}',
         f'{CALIBRATION}a_missing_or_unknown_entry_is_named', 'pass'),
        ('calibration_nested', 'the calibration is nested 100,000 deep',
         f'{MODEL}a_calibration_without_an_end_is_one_error', 'pass'),
        ('calibration_other_model', 'the calibration is of another model',
         'test/alarm/test_arming.py::test_every_other_model_is_rejected', 'pass'),
        ('calibration_never_speaks', 'a limit of the calibration cannot be reached',
         f'{CALIBRATION}a_limit_or_step_that_is_never_reached_is_rejected', 'silent'),
        ('calibration_pipe', 'the calibration is a pipe',
         f'{MODEL}a_calibration_without_an_end_is_one_error', 'hangs'),
        ('calibration_endless', 'the calibration has 200 MB',
         f'{MODEL}the_size_of_a_calibration_is_limited', 'pass'))),
)
PARAMETER_ROWS = (
    _start('no_clock', 'use_sim_time without /clock', 'the clock reads zero',
           'test/alarm/test_alert.py::test_a_clock_that_does_not_fit_is_named',
           'age of the frames by their stamps'),
    _start('status_too_rare', 'status_hz is too low for stale_after_s', 'not armed',
           'test/alarm/test_arming.py::'
           'test_a_heartbeat_that_is_too_rare_for_its_limit_does_not_arm', 'arming', 'toggles'),
    _start('other_samples', 'other Monte Carlo samples than those of the calibration', 'not armed',
           'test/alarm/test_arming.py::test_every_other_model_is_rejected', 'arming'),
    _exit('misspelt_parameter', 'a misspelt parameter', 'test/nodes/test_ros_parameters.py::'
          'test_every_misspelt_parameter_is_rejected_with_the_nearest_name', 'taken'),
    _exit('parameter_out_of_bounds', 'a parameter beyond its bounds',
          'test/test_parameters.py::test_bounds_are_accepted_and_values_beyond_are_rejected'),
    _exit('parameter_of_other_type', 'a text in place of a number',
          'test/test_parameters.py::test_a_value_of_another_type_is_rejected'),
    _exit('topics_equal', 'image and camera_info on one topic',
          'test/test_parameters.py::test_values_that_contradict_each_other_are_rejected',
          'not measured'),
    _exit('crawl_above_warn', 'a crawl that is faster than the limit at WARN',
          f'{GOVERNOR}an_infeasible_policy_is_rejected'),
)
SECOND = 'session and sequence number'
REPLAY = 'test/nodes/test_alert_node.py::test_'
OTHER_NODE_ROWS = (
    _other('second_status', 'another node publishes status', 'session|challenge',
           f'{REPLAY}a_replay_beside_a_live_node_is_not_ok_until_it_ends', 'pass', SECOND,
           level=STALE),
    _other('second_scores', 'another node publishes scores', 'session|challenge',
           f'{REPLAY}a_replay_beside_a_live_node_is_not_ok_until_it_ends', 'pass', SECOND,
           level=STALE),
    *(_other(f'replayed_{topic}', f'recorded {topic} are sent again with new stamps',
             'replayed|session|challenge',
             f'{REPLAY}replayed_messages_with_new_stamps_are_never_ok', 'silent', SECOND,
             level=STALE)
      for topic in ('status', 'scores')),
    *(_other(name, hazard, 'cannot be read', test, before, bound_s=bound_s)
      for name, hazard, test, before, bound_s in (
        ('status_empty', 'a status without an entry',
         f'{DIAGNOSTICS}an_array_without_a_status_is_rejected', 'pass', FRAME_S),
        ('status_twice', 'a status with two entries',
         f'{DIAGNOSTICS}an_array_without_a_status_is_rejected', 'pass', FRAME_S),
        ('status_no_state', 'a status without a state',
         f'{DIAGNOSTICS}a_missing_key_of_a_status_is_named', 'pass', FRAME_S),
        ('status_huge_fault', 'a fault of 10 MB',
         f'{DIAGNOSTICS}a_message_that_is_too_large_is_not_deserialized', 'late (0.51 s)',
         CAUSE_S),
        ('status_many_faults', '100,000 faults',
         f'{DIAGNOSTICS}the_faults_of_a_status_are_limited', 'fail (2.85 s)', CAUSE_S),
        ('scores_no_number', 'scores that are no numbers',
         f'{DIAGNOSTICS}scores_beyond_the_bounds_are_one_reason', 'pass', FRAME_S),
        ('scores_negative_cycle', 'a negative cycle',
         f'{DIAGNOSTICS}scores_beyond_the_bounds_are_one_reason', 'taken', FRAME_S),
        ('scores_key_twice', 'a key appears twice',
         f'{DIAGNOSTICS}scores_beyond_the_bounds_are_one_reason', 'taken', FRAME_S),
        ('scores_bad_name', 'a score with a line break in its name',
         f'{DIAGNOSTICS}scores_beyond_the_bounds_are_one_reason', 'not measured', FRAME_S),
        ('scores_huge_key', 'a key of 10 MB',
         f'{DIAGNOSTICS}a_message_that_is_too_large_is_not_deserialized', 'fail (1.84 s)',
         CAUSE_S),
        ('scores_many_keys', '100,000 scores',
         f'{DIAGNOSTICS}scores_beyond_the_bounds_are_one_reason', 'fail (0.66 s)', CAUSE_S))),
    _governor('second_alert', 'another node publishes an alert that is OK',
              'test/system/test_camera_and_governor.py::'
              'test_a_second_publisher_of_the_alert_stops_the_robot', 'silent', .5, Setup.RAW),
)
STAMPED = f'{GOVERNOR}an_alert_that_is_old_or_from_the_future_by_its_stamp_stops'
SILENT = f'{GOVERNOR}no_fresh_alert_stops_even_where_errors_crawl'
COMMAND = f'{GOVERNOR}a_command_that_is_no_number_stops'
GOVERNED = ('test/system/test_camera_and_governor.py::'
            'test_the_governor_limits_by_level_and_stops_without_input')
GOVERNOR_ROWS = tuple(_governor(*values) for values in (
    ('command_nan', 'a command of NaN', COMMAND, 'pass'),
    ('command_infinite', 'an infinite command', COMMAND, 'pass'),
    ('command_silent', 'the planner is silent', GOVERNED, 'pass (0.52 s)', STOP_S),
    ('alert_silent', 'the alert is silent', SILENT, 'pass (0.48 s)', STOP_S),
    ('alert_10_s_old', 'an alert stamped 10 s ago', STAMPED, 'fail'),
    ('alert_1_h_old', 'an alert stamped an hour ago', STAMPED, 'fail'),
    ('alert_10_s_ahead', 'an alert stamped 10 s ahead', STAMPED, 'fail'),
    ('alert_level_7', 'an alert of level 7', GOVERNED, 'pass'),
    ('alert_level_255', 'an alert of level 255', GOVERNED, 'pass'),
    ('alert_empty', 'an alert without a status', GOVERNED, 'pass')))
