# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Rows of the fault table: the camera, its images, their stamps, headers and compressed data."""
from bdl_perception.alarm.alert_types import AlertLevel
from bdl_perception.faults.row import CAUSE_S, FaultRow, FRAME_S, Setup, SILENCE_S

ALERT = 'test/alarm/test_alert.py::test_'
REPETITION = 'test/perception/test_repetition.py::test_'
QUALITY = 'test/perception/test_image_quality.py::test_an_unusable_image_has_its_own_reason'
DECODING = 'test/perception/test_image_decoding.py'
INFO = 'test/nodes/test_messages.py::test_an_unknown_scale_is_named'
JPEG = 'test/perception/test_jpeg_check.py::test_data_that_are_missing_at_the_end_are_found'
BOMB = ('test/perception/test_compressed_images.py::'
        'test_a_size_above_the_limit_is_refused_by_the_header')
TURNED = ('test/perception/test_camera_health.py::'
          'test_a_change_is_a_fault_until_it_is_changed_back')
PERIOD = 'measured period of the frames'
HEALTH = 'image statistics'
CELLS = 'comparison with earlier frames'
DECODER = 'image decoder'
AGE = 'age of the frames by their stamps'
SCALE = 'check of camera_info'
WARN, ERROR, STALE = AlertLevel.WARN, AlertLevel.ERROR, AlertLevel.STALE


def _image(name: str, hazard: str, reason: str, before: str, detection: str = HEALTH,
           test: str = QUALITY, bound_s: float = CAUSE_S, level: AlertLevel = ERROR,
           lasts: bool = True) -> FaultRow:
    return FaultRow(name, hazard, detection, reason, bound_s, test, before, level, lasts=lasts)


def _stamp(name: str, hazard: str, reason: str, before: str, bound_s: float = FRAME_S,
           test: str = 'frames_that_are_old_or_from_the_future_are_stale',
           lasts: bool = True) -> FaultRow:
    return FaultRow(name, hazard, AGE, reason, bound_s, ALERT + test, before, STALE, lasts=lasts)


def _message(name: str, hazard: str, reason: str, before: str = 'pass', lasts: bool = True,
             bound_s: float = FRAME_S) -> FaultRow:
    return FaultRow(name, hazard, DECODER, reason, bound_s, DECODING, before, ERROR, lasts=lasts)


def _info(name: str, hazard: str, reason: str, before: str,
          level: AlertLevel = ERROR) -> FaultRow:
    return FaultRow(name, hazard, SCALE, reason, FRAME_S, INFO, before, level)


def _compressed(name: str, hazard: str, before: str, test: str = JPEG,
                reason: str = 'perception_node reports') -> FaultRow:
    return FaultRow(name, hazard, 'check of compressed data', reason, FRAME_S, test, before, ERROR,
                    Setup.COMPRESSED)


CAMERA_ROWS = (
    FaultRow('camera_stops', 'the camera stops', PERIOD, 'no scores', SILENCE_S,
             'test/system/test_driving.py::test_a_camera_that_stops_is_stale_in_time',
             'late (0.47 to 0.50 s)', STALE),
    FaultRow('camera_slow', 'the camera falls from 10 Hz to 2.5 Hz', PERIOD, 'no scores', .5,
             f'{ALERT}a_slow_camera_is_stale_and_does_not_toggle_the_alert', 'not counted', STALE,
             lasts=False),
    FaultRow('stop_camera_node', 'SIGSTOP of camera_node', PERIOD, 'no scores', SILENCE_S,
             f'{ALERT}silence_is_stale_after_two_measured_periods_within_bounds',
             'late (0.69, 0.86 s)', STALE, Setup.CAMERA_NODE),
    FaultRow('kill_camera_node', 'SIGKILL of camera_node', PERIOD, 'no scores', SILENCE_S,
             f'{ALERT}silence_is_stale_after_two_measured_periods_within_bounds',
             'late (0.66 to 1.09 s)', STALE, Setup.CAMERA_NODE),
    FaultRow('second_camera', 'a second camera publishes on the same topic',
             'publishers of the image topic', 'publishers', CAUSE_S,
             'test/nodes/test_authenticity.py::'
             'test_each_restart_is_one_step_back_and_two_publishers_make_many', 'silent', ERROR),
)
IMAGE_ROWS = (
    _image('frozen', 'the image is frozen', 'identical', 'pass (0.54 to 0.69 s)', CELLS,
           f'{REPETITION}a_frozen_frame_under_an_overlay_is_identical'),
    _image('frozen_with_pixel', 'frozen, but one pixel changes', 'identical', 'silent', CELLS,
           f'{REPETITION}a_frozen_frame_under_an_overlay_is_identical'),
    _image('two_in_turn', 'two images in turn', 'repeat', 'silent', CELLS,
           f'{REPETITION}a_sequence_that_repeats_is_reported_after_its_second_turn'),
    _image('sequence_of_ten', 'a sequence of ten images repeats', 'repeat', 'not measured', CELLS,
           f'{REPETITION}a_sequence_that_repeats_is_reported_after_its_second_turn', 2.5),
    _image('old_buffers', 'three old images in random order', 'repeat', 'not measured', CELLS,
           f'{REPETITION}buffers_in_irregular_order_are_reported', 2.7),
    _image('black', 'the image is black', 'blank', 'pass (0.06 to 0.27 s)', bound_s=FRAME_S,
           test='test/perception/test_camera_health.py::test_one_colour_is_blank'),
    _image('white', 'the image is white', 'blank', 'pass (0.08 to 0.16 s)', bound_s=FRAME_S,
           test='test/perception/test_camera_health.py::test_one_colour_is_blank'),
    _image('grey', 'the image is one grey level', 'blank', 'pass (0.15 to 0.37 s)',
           bound_s=FRAME_S,
           test='test/perception/test_camera_health.py::test_one_colour_is_blank'),
    _image('covered_dark', 'covered lens: noise of 0 to 3 levels', 'no contrast',
           'pass (0.13 to 0.37 s)'),
    _image('covered_noisy', 'covered lens: noise of 0 to 8 levels', 'exposed|no contrast',
           'no reason'),
    _image('lower_half_black', 'the lower half is black', 'lower half', 'no reason'),
    _image('upper_half_black', 'the upper half is black', 'is black', 'no reason'),
    _image('right_half_grey', 'the right half is grey', 'right half', 'no reason'),
    _image('left_half_black', 'the left half is black', 'left half', 'not measured'),
    _image('box_black', 'a black box ahead, a sixth of the image', 'is black', 'no reason'),
    _image('blurred', 'heavy blur (sigma 6 px)', 'blurred', 'no reason'),
    _image('dark_tenth', 'a tenth of the light', 'under-exposed', 'no reason'),
    _image('bright_five', 'five times the light', 'over-exposed', 'no reason'),
    _image('random_bytes', 'random pixels', 'noise', 'no reason'),
    _image('green_tint', 'green tint', 'green', 'no reason'),
    _image('upside_down', 'the image is upside down and mirrored', 'suddenly become upside down',
           'no reason', CELLS, TURNED, FRAME_S),
    _image('mirrored', 'the image is mirrored', 'suddenly become mirrored', 'silent', CELLS,
           TURNED, FRAME_S),
    _image('channels_swapped', 'red and blue are swapped', 'suddenly become swapped', 'silent',
           CELLS, TURNED, FRAME_S),
    _image('lost_rows', 'every tenth row is black', 'unlike the calibration|reports', 'no reason',
           'anomaly scores', 'test/system/test_driving.py::'
           'test_ood_images_raise_warn_then_error_and_nominal_ones_clear_it', level=WARN),
)
STAMP_ROWS = (
    _stamp('stamp_stands_still', 'the stamps stand still', 'do not advance', 'pass', CAUSE_S,
           'a_camera_whose_stamps_stand_still_never_gets_an_ok'),
    _stamp('stamp_zero', 'stamps of zero', 'behind the clock|do not advance', 'pass', CAUSE_S),
    _stamp('stamp_negative', 'negative stamps', 'behind the clock|do not advance', 'pass',
           CAUSE_S),
    _stamp('stamp_5_s_old', 'stamps 5 s old', 'old on arrival|do not advance', 'pass', CAUSE_S),
    _stamp('stamp_5_s_ahead', 'stamps 5 s ahead', 'ahead of the clock', 'pass'),
    _stamp('stamp_1_h_ahead', 'stamps an hour ahead', 'ahead of the clock', 'pass'),
    _stamp('stamp_in_2038', 'stamps in 2038', 'ahead of the clock', 'pass'),
    _stamp('stamp_half_speed', 'the clock of the camera runs at half speed', 'old on arrival',
           'pass (2.05 s)', 2.5),
    _stamp('stamp_once_1_h_ahead', 'one image an hour ahead', 'ahead of the clock|do not advance',
           'pass', lasts=False),
    FaultRow('nanosec_1_5e9', 'a stamp with 1.5e9 ns', 'check of the stamp', 'after the second',
             FRAME_S, 'test/nodes/test_messages.py::'
             'test_a_stamp_with_a_whole_second_of_ns_is_rejected', 'pass', ERROR),
)
MESSAGE_ROWS = (
    _message('encoding_unknown', 'an unknown encoding', 'encoding'),
    _message('encoding_1_mb', 'an encoding of 1 MB', 'encoding', 'memory'),
    _message('encoding_depth', 'a depth image in place of a camera image', 'encoding'),
    _message('data_short', 'half of the data', 'bytes of data'),
    _message('data_empty', 'no data', 'bytes of data'),
    _message('size_zero', 'a size of 0x0 px', '0x0 px'),
    _message('size_huge', 'a size of 20000x20000 px', 'step|bytes of data'),
    _message('size_2_32', 'a size of 2^32 - 1 px', 'step|bytes of data|px'),
    _message('step_zero', 'rows of 0 bytes', 'step'),
    _message('step_huge', 'rows of 4e9 bytes', 'step|bytes of data'),
    _message('size_other', 'another size without a new camera_info', 'image size|camera_info',
             'silent'),
    _message('every_second_bad', 'every second image is malformed', 'encoding'),
    _message('every_tenth_bad', 'every tenth image is malformed', 'encoding', lasts=False,
             bound_s=1.3),  # a busy node may drop the first one
    _info('info_nan', 'camera_info with a focal length of NaN', 'reports', 'pass'),
    _info('info_negative', 'camera_info with a negative focal length', 'reports', 'pass'),
    _info('info_tiny', 'camera_info with a focal length of 4e-6 px', 'field of view', 'silent'),
    _info('info_tenth', 'camera_info with a tenth of the focal length', 'field of view', 'silent'),
    _info('info_huge', 'camera_info with 10000 times the focal length', 'field of view', 'silent'),
    _info('info_other_size', 'camera_info of another size', 'camera_info is for', 'pass'),
    _info('info_uncalibrated', 'camera_info without a calibration', 'scale of depth is unknown',
          'not measured', WARN),
    _compressed('jpeg_random', 'random bytes in place of a JPEG', 'pass'),
    _compressed('jpeg_empty', 'an empty JPEG', 'pass'),
    _compressed('jpeg_cut', 'half of a JPEG', 'pass'),
    _compressed('jpeg_lost_5', 'the last 5 % of a JPEG are missing, its end marker is there',
                'silent'),
    _compressed('jpeg_lost_15', 'the last 15 % of a JPEG are missing, its end marker is there',
                'silent'),
    _compressed('jpeg_lost_middle', '600 bytes are missing in the middle of a JPEG', 'no reason'),
    _compressed('jpeg_bomb', 'a small JPEG that claims 30000x30000 px', 'memory (5.6 GB)', BOMB),
    _compressed('png_bomb', 'a small PNG of 12000x12000 px', 'memory (1.0 GB)', BOMB),
)
