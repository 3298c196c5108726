# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The fault table: rows to be measured, hazards with a test only, and what is not detected."""
from fnmatch import fnmatchcase
from typing import Mapping, Sequence

from bdl_perception.faults.camera_rows import CAMERA_ROWS, IMAGE_ROWS, MESSAGE_ROWS, STAMP_ROWS
from bdl_perception.faults.row import FaultRow, TestedHazard, UndetectedHazard
from bdl_perception.faults.system_rows import (
    FILE_ROWS,
    GOVERNOR_ROWS,
    NETWORK_ROWS,
    OTHER_NODE_ROWS,
    PARAMETER_ROWS,
    PROCESS_ROWS,
)

GROUPS: Mapping[str, Sequence[FaultRow]] = {
    'Camera': CAMERA_ROWS,
    'Images': IMAGE_ROWS,
    'Stamps': STAMP_ROWS,
    'Malformed images and camera_info': MESSAGE_ROWS,
    'Network': NETWORK_ROWS,
    'Processes': PROCESS_ROWS,
    'Files': FILE_ROWS,
    'Parameters': PARAMETER_ROWS,
    'Other nodes and their messages': OTHER_NODE_ROWS,
    'governor_node': GOVERNOR_ROWS,
}
CATALOGUE = tuple(row for rows in GROUPS.values() for row in rows)
# One row of each kind of detection is measured with all repeats, the others with max_repeats.
EACH_KIND = frozenset((
    'camera_stops', 'frozen', 'frozen_with_pixel', 'two_in_turn', 'black', 'covered_noisy',
    'lower_half_black', 'blurred', 'dark_tenth', 'stamp_stands_still', 'stamp_5_s_ahead',
    'encoding_unknown', 'size_other', 'info_tenth', 'jpeg_lost_5', 'depth_nan', 'depth_zero',
    'constant', 'no_spread', 'frame_raises', 'hang', 'stop_perception_node', 'stop_alert_node',
    'second_scores', 'replayed_scores', 'alert_silent', 'alert_10_s_ahead'))

TESTED = tuple(TestedHazard(*values) for values in (
    ('the camera comes and goes (loose cable)', 'recovery time of the alert',
     'test/alarm/test_alert.py::test_a_loose_cable_does_not_toggle_the_alert', 'toggles'),
    ('one of two cameras stops', 'measured period of the frames',
     'test/system/test_alert.py::test_with_several_cameras_each_must_stay_alive',
     'late (0.49 to 0.54 s)'),
    ('one image is late or repeated', 'dropped and counted',
     'test/alarm/test_alert.py::test_one_late_or_repeated_frame_is_dropped_and_counted',
     'not measured'),
    ('/clock jumps back', 'clock of the alert',
     'test/alarm/test_alert.py::test_a_clock_that_jumps_back_is_stale_and_recovers', 'pass'),
    ('camera_info is received once only, or never', 'warning of unknown scale',
     'test/system/test_alert.py::'
     'test_depth_of_unknown_scale_is_a_warning_until_there_is_a_camera_info', 'silent'),
    ('thousands of different faults', 'bounded log',
     'test/nodes/test_status.py::test_kinds_of_faults_in_the_log_are_limited', 'log grows'),
    ('a fault with line breaks or control characters', 'printable lines',
     'test/nodes/test_status.py::test_texts_from_outside_are_short_lines', 'forged log line'),
    ('a lifecycle request that does not fit the state', 'refused',
     'test/system/test_lifecycle.py::'
     'test_requests_that_do_not_fit_are_refused_and_the_node_continues', 'crash'),
    ('the network hangs and the node is deactivated', 'the worker is left alone',
     'test/system/test_hang.py::'
     'test_a_network_that_hangs_is_named_and_every_transition_is_possible', 'fail (21 s)'),
    ('the network hangs for more than 30 s', 'the process ends to be started again',
     'test/system/test_hang.py::test_a_network_that_hangs_for_long_ends_the_process_for_a_restart',
     'not measured'),
    ('recorded scores are sent after perception_node was killed', 'session and sequence number',
     'test/system/test_replay.py::test_a_replay_after_a_kill_is_never_ok_and_a_restart_recovers',
     'silent'),
    ('a malformed parameter is set while a node runs', 'refused',
     'test/nodes/test_lifecycle.py::test_malformed_parameters_are_refused_one_by_one', 'crash'),
    ('a topic of another type or with incompatible QoS', 'reason with the topic',
     'test/nodes/test_alert_node.py::test_publishers_that_cannot_be_received_are_rejected',
     'logged only'),
    ('TwistStamped in place of Twist', 'log of governor_node',
     'test/system/test_camera_and_governor.py::test_commands_of_another_type_are_reported',
     'fail'),
    ('governor_node stops from 10 m/s', 'bounded deceleration and jerk',
     'test/alarm/test_governor.py::test_a_stop_from_ten_m_s_is_a_ramp_with_bounded_jerk', 'fail'),
    ('the level of the alert toggles', 'hysteresis of governor_node',
     'test/alarm/test_governor.py::test_a_level_that_flaps_gives_no_jumps', 'fail'),
))
UNKNOWN_RANGE = ('the shipped calibration has no range of the images; `bdl calibrate` stores it, '
                 'and images beyond it are WARN')
UNDETECTED = tuple(UndetectedHazard(*values) for values in (
    ('', 'mirrored images, or red and blue swapped, from the first image on', 'a mirrored street '
     'is a possible street; only a change while the node runs is found', 'silent'),
    ('blur_mild', 'mild blur (sigma 2 px)', UNKNOWN_RANGE, 'silent'),
    ('dark_third', 'a third of the light', UNKNOWN_RANGE, 'OK in 2 of 3'),
    ('repeated_twice', 'each image twice', 'a recording that is played faster than it was taken '
     'repeats images', 'not measured'),
    ('half_lost', 'half of the images are lost at random', 'the promised rate is not known; only '
     'gaps above the limit of silence are STALE', 'not counted'),
    ('stamp_09_ahead', 'stamps 0.9 s ahead', 'below max_frame_age_s (1 s)', 'silent'),
    ('', 'nominal images in random order', 'each image is nominal on its own', 'silent'),
    ('', 'changed bytes within the data of a JPEG', 'the decoder shows another image, which is '
     'checked as every image', 'wrong image'),
    ('', 'a fade of the exposure over a minute, when it begins', 'reported when the image is '
     'under-exposed, or earlier: ' + UNKNOWN_RANGE, 'WARN at 30 % of the light'),
    ('', 'an intruder with the keys of our nodes', 'SROS 2 cannot tell it from them', 'silent'),
    ('', 'governor_node is killed', 'the consumer of the velocity must use its deadline or '
     'liveliness, which governor_node offers', 'last command remains'),
    ('', 'a still scene from a video encoder with a low bit rate', 'it looks like a frozen camera '
     'and is an ERROR', 'not measured'),
))


def repeats_of(row: FaultRow, repeats: int, full: bool = False) -> int:
    """Return how often a row is measured; full: as often as is asked for."""
    return repeats if full or row.name in EACH_KIND else min(repeats, row.max_repeats)


def select(pattern: str) -> tuple[FaultRow, ...]:
    """Select rows by name or group, with * and ?; ValueError: there is none."""
    found = tuple(row for group, rows in GROUPS.items() for row in rows
                  if fnmatchcase(row.name, pattern) or fnmatchcase(group, pattern))
    if not found:
        names = ', '.join(row.name for row in CATALOGUE)
        raise ValueError(f'no row of the fault table is named {pattern!r}; there are the groups '
                         f'{", ".join(GROUPS)} and the rows {names}')
    return found
