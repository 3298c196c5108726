# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from bdl_perception.alarm.alert_types import AlertLevel, AlertState
from bdl_perception.drives.recorded_scores import recorded_scores
from bdl_perception.drives.topic_recording import TopicRecorder
from bdl_perception.nodes import diagnostics
from bdl_perception.nodes.authenticity import draw_random, Origin
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import Identity, MAX_STATUS_FAULTS, PerceptionStatus
from bdl_perception.topics import DIAGNOSTICS_TYPE
from diagnostic_msgs.msg import KeyValue
from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

NAMES = st.sampled_from(['softmax', 'energy', 'feature', 'epistemic_depth'])
COUNTS = st.integers(0, 2**40)
TEXTS = st.text(st.characters(exclude_categories=['C', 'Z'], include_characters=' '), max_size=30)
IDENTITY = Identity('street', 'a' * 64, 'b' * 64, 16, 7, 192, 320, 'fp16', '', 'stretch')


def serialized_copy(message):
    return deserialize_message(serialize_message(message), type(message))


@given(st.dictionaries(NAMES, st.floats()), st.integers(0, 2**60), COUNTS, TEXTS)
def test_scores_survive_the_round_trip_exactly(values, stamp_ns, cycle, frame_id):
    sent = Scores(stamp_ns, frame_id, values, cycle)
    back = diagnostics.scores_from_message(serialized_copy(diagnostics.scores_message(sent)))
    assert (back.stamp_ns, back.frame_id, back.cycle) == (stamp_ns, frame_id, cycle)
    assert {name: repr(value) for name, value in back.values.items()} == {
        name: repr(value) for name, value in values.items()}


def test_numpy_numbers_are_sent_as_plain_numbers():
    sent = Scores(1, 'f', {'energy': np.float64(-2.5)})
    message = serialized_copy(diagnostics.scores_message(sent))
    assert [pair.value for pair in message.status[0].values] == ['-2.5', '0']


@given(st.sampled_from(['unconfigured', 'inactive', 'active']), st.lists(TEXTS, max_size=3),
       COUNTS, COUNTS, COUNTS, st.sampled_from([None, IDENTITY]), st.lists(TEXTS, max_size=2))
def test_a_status_survives_the_round_trip(state, faults, frames_in, frames_out, dropped, identity,
                                          warnings):
    sent = PerceptionStatus(state, tuple(faults), frames_in, frames_out, dropped, identity,
                            warnings=tuple(warnings))
    message = serialized_copy(diagnostics.status_message(sent, 5, 'onnxruntime'))
    assert diagnostics.status_from_message(message) == sent
    assert diagnostics.status_from_message(diagnostics.status_message(
        replace(sent, status_hz=.3), 5, '')).status_hz == .3
    expected = (AlertLevel.ERROR if faults else AlertLevel.OK
                if state == 'active' and not warnings else AlertLevel.WARN)
    assert message.status[0].level == bytes([expected])


@pytest.mark.parametrize('number', [1, 10**18 - 1])
@pytest.mark.parametrize('count', [0, 1, 4])
def test_the_origin_survives_the_round_trip_and_is_no_score(number, count):
    sent = Origin(draw_random(), number, tuple(draw_random() for _ in range(count)))
    scores = diagnostics.scores_message(Scores(1, 'f', {'energy': 1.}), sent)
    status = diagnostics.status_message(PerceptionStatus('active'), 5, 'x', sent)
    for message in (scores, status):
        assert diagnostics.origin_from_message(serialized_copy(message)) == sent
    assert diagnostics.scores_from_message(scores).values == {'energy': 1.}
    assert diagnostics.status_from_message(status) == PerceptionStatus('active')


def test_a_recording_of_the_messages_is_read_like_the_messages(tmp_path):
    origin = Origin(draw_random(), 3, (draw_random(),))
    scores = Scores(1_700_000_000_123_456_789, 'front', {'energy': -2.5, 'feature': 1 / 3}, 7)
    status = PerceptionStatus('active', ('blank; black', 'x'), 5, 4, 1, IDENTITY, ('scale',), 5.)
    with TopicRecorder(tmp_path / 'run') as recorder:
        for time_ns, (topic, message) in enumerate([
                ('scores', diagnostics.scores_message(scores, origin)),
                ('status', diagnostics.status_message(status, 5, 'onnxruntime', origin))]):
            recorder.write_serialized(topic, DIAGNOSTICS_TYPE, time_ns, serialize_message(message))
    assert list(recorded_scores(tmp_path / 'run')) == [scores, status]


@pytest.mark.parametrize(('session', 'number', 'reason'), [
    (None, '1', 'has no session; run sender and receiver in one version'),
    ('a' * 32, None, 'has no sequence_number; run sender'),
    ('a' * 31, '1', r"the session 'a+' .*, must be 32 hex"), ('G' * 32, '1', 'must be 32 hex'),
    ('a' * 32, '-1', "number '-1', must be 32 hex.* and a whole number"),
    ('a' * 32, '1.5', 'a whole number'), ('a' * 32, '9' * 5000, 'a whole number'),
    ('a' * 32, '\u0663', 'a whole number'), ('x\n[FATAL]', '1', r"session 'x\\n\[FATAL\]'")])
def test_a_missing_or_malformed_origin_is_one_reason(session, number, reason):
    message = diagnostics.scores_message(Scores(1, 'f'))
    message.status[0].values += [
        KeyValue(key=key, value=value) for key, value in (
            ('session', session), ('sequence_number', number), ('challenges', ''))
        if value is not None]
    with pytest.raises(ValueError, match=reason) as caught:
        diagnostics.origin_from_message(message)
    assert len(str(caught.value)) < 250


def test_challenges_are_few_and_malformed_ones_are_left_out():
    drawn = [draw_random() for _ in range(18)]
    texts = (drawn[0], 'x' * 1000, *drawn[1:])
    message = diagnostics.scores_message(Scores(1, 'f'), Origin(draw_random(), 1, texts))
    assert diagnostics.origin_from_message(message).challenges == tuple(drawn[:15])


@pytest.mark.parametrize('rate', [0., -5., float('nan')])
def test_a_rate_that_is_no_rate_is_rejected(rate):
    message = diagnostics.status_message(PerceptionStatus('active', status_hz=rate), 0, 'x')
    with pytest.raises(ValueError, match='status_hz is .*, must be above 0'):
        diagnostics.status_from_message(message)


@pytest.mark.parametrize('missing', ['state', 'frames_in', 'seed', 'perceive_sha256', 'fit_mode'])
def test_a_missing_key_of_a_status_is_named(missing):
    message = diagnostics.status_message(PerceptionStatus('active', identity=IDENTITY), 0, 'x')
    message.status[0].values = [
        pair for pair in message.status[0].values if pair.key != missing]
    with pytest.raises(ValueError, match=missing):
        diagnostics.status_from_message(message)


@pytest.mark.parametrize('read', [
    diagnostics.scores_from_message, diagnostics.status_from_message,
    diagnostics.level_from_message])
def test_an_array_without_a_status_is_rejected(read):
    message = diagnostics.scores_message(Scores(1, 'f'))
    message.status = []
    with pytest.raises(ValueError, match='status.*this one has (0|none)'):
        read(message)


@pytest.mark.parametrize('level', AlertLevel)
def test_an_alert_has_its_level_reasons_and_numbers(level):
    state = AlertState(level, ('fog', 'wait'), {'energy': 2.5}, {'energy': 2.0}, .01, 3.5, 7.0, 99,
                       1.5, 8.0, {'energy': .5}, 3)
    message = serialized_copy(diagnostics.alert_message({'front': state}, 10**9))
    status, = message.status
    assert diagnostics.level_from_message(message) == level
    assert (status.name, status.hardware_id) == ('bdl_perception: front: uncertainty', 'front')
    assert status.message == 'fog; wait'
    assert {pair.key: pair.value for pair in status.values} == {
        'frame_stamp_ns': '99', 'p_value': '0.01', 'cusum': '3.5', 'cusum_limit': '7.0',
        'score_energy': '2.5', 'threshold_energy': '2.0',
        'slow': '1.5', 'slow_limit': '8.0', 'low_threshold_energy': '0.5', 'late_frames': '3'}
    assert message.header.stamp.sec == 1


@pytest.mark.parametrize(('frame_id', 'sent'), [
    ('', ''), ('front/optical', 'front/optical'), ('a\nb', 'a b'),
    ('x' * 300, 'x' * 253 + '...')])
def test_an_alert_has_the_frame_of_the_camera_as_a_short_line(frame_id, sent):
    states = {'front': AlertState(AlertLevel.OK, ())}
    assert diagnostics.alert_message(states, 0, frame_id).header.frame_id == sent


@pytest.mark.parametrize(('node', 'prefix'), [
    ('/alert_node', 'alert_node'), ('/left/alert_node', 'left/alert_node')])
def test_diagnostics_have_the_full_name_of_the_node_and_else_equal_the_alert(node, prefix):
    states = {'front': AlertState(AlertLevel.WARN, ('haze',), {'energy': 2.5}),
              'rear': AlertState(AlertLevel.OK, ())}
    alert = diagnostics.alert_message(states, 10**9)
    found = serialized_copy(diagnostics.diagnostics_message(alert, node))
    assert [status.name for status in found.status] == [
        f'{prefix}: {camera}: uncertainty' for camera in ('all cameras', 'front', 'rear')]
    for status, expected in zip(found.status, alert.status, strict=True):
        status.name = expected.name
    assert found == alert


def test_missing_numbers_of_an_alert_are_left_out():
    message = diagnostics.alert_message({'c': AlertState(AlertLevel.STALE, ('none',))}, 0)
    assert {pair.key for pair in message.status[0].values} == {'cusum', 'late_frames'}


def test_an_invalid_level_is_rejected():
    message = diagnostics.alert_message({'c': AlertState(AlertLevel.OK, ())}, 0)
    message.status[0].level = b'\x07'
    with pytest.raises(ValueError, match='7 is not a valid AlertLevel'):
        diagnostics.level_from_message(message)


def test_with_several_cameras_the_first_status_combines_all():
    states = {'front': AlertState(AlertLevel.WARN, ('haze',)),
              'left': AlertState(AlertLevel.OK, ()),
              'rear': AlertState(AlertLevel.ERROR, ('mud', 'dark'))}
    message = serialized_copy(diagnostics.alert_message(states, 0))
    assert [(status.hardware_id, status.level[0]) for status in message.status] == [
        ('all cameras', AlertLevel.ERROR), ('front', AlertLevel.WARN), ('left', AlertLevel.OK),
        ('rear', AlertLevel.ERROR)]
    assert message.status[0].message == 'rear: mud; rear: dark; front: haze'
    assert diagnostics.level_from_message(message) == AlertLevel.ERROR


@pytest.mark.parametrize('worst', range(4))
def test_the_level_of_an_alert_is_that_of_the_worst_status(worst):
    message = diagnostics.alert_message(
        {str(index): AlertState(AlertLevel.OK, ()) for index in range(3)}, 0)
    message.status[worst].level = bytes([AlertLevel.STALE])
    assert diagnostics.level_from_message(message) == AlertLevel.STALE


def message_of(pairs):
    """Make the message of scores with these keys and values."""
    message = diagnostics.scores_message(Scores(1, 'f'))
    message.status[0].values = [KeyValue(key=key, value=value) for key, value in pairs]
    return message


@pytest.mark.parametrize(('pairs', 'reason'), [
    ([('cycle', '-1')], 'cycle -1, must be 0 or more'),
    ([('cycle', '0'), ('energy', '1'), ('energy', '2')], "key 'energy' twice"),
    ([('cycle', '0'), ('cycle', '1')], "key 'cycle' twice"),
    ([('cycle', '0'), ('k' * 65, '1')], "named 'kkk"),
    ([('cycle', '0'), ('x\n[FATAL]', '1')], r"named 'x\\n\[FATAL\]'"),
    ([('cycle', '0'), *((f'n{i}', '1') for i in range(257))], '257 scores, at most 256')])
def test_scores_beyond_the_bounds_are_one_reason(pairs, reason):
    with pytest.raises(ValueError, match=reason):
        diagnostics.scores_from_message(message_of(pairs))


def test_scores_at_the_bounds_are_read():
    pairs = [('cycle', '0'), ('k' * 64, '1'), *((f'n{i}', '1') for i in range(255))]
    assert len(diagnostics.scores_from_message(message_of(pairs)).values) == 256


@pytest.mark.parametrize('count', [MAX_STATUS_FAULTS, MAX_STATUS_FAULTS + 1])
def test_the_faults_of_a_status_are_limited(count):
    faults = tuple(f'fault {index}' for index in range(count))
    message = diagnostics.status_message(PerceptionStatus('active', faults), 0, 'x')
    if count == MAX_STATUS_FAULTS:
        assert diagnostics.status_from_message(message).faults == faults
    else:
        with pytest.raises(ValueError, match='17 faults .*at most 16'):
            diagnostics.status_from_message(message)


def test_texts_of_a_status_are_short_lines():
    sent = PerceptionStatus('off\n[FATAL]', ('x\n\x1b[31m\u202e', 'e' * 10_000))
    back = diagnostics.status_from_message(diagnostics.status_message(sent, 0, 'x'))
    assert (back.state, back.faults) == ('off [FATAL]', ('x  [31m ', 'e' * 497 + '...'))


def test_a_reason_in_an_alert_is_a_short_line():
    state = AlertState(AlertLevel.STALE, ('a\nb', 'e' * 10_000))
    text = diagnostics.alert_message({'c': state}, 0).status[0].message
    assert text == 'a b; ' + 'e' * 497 + '...'


def test_a_message_that_is_too_large_is_not_deserialized():
    small = serialize_message(message_of([('cycle', '0'), ('energy', '1')]))
    assert diagnostics.deserialize_diagnostics(small).status[0].values[1].key == 'energy'
    large = serialize_message(message_of([('k' * diagnostics.MAX_MESSAGE_BYTES, '1')]))
    with pytest.raises(ValueError, match='bytes, at most 65536 are read'):
        diagnostics.deserialize_diagnostics(large)


@pytest.mark.parametrize('data', [b'', b'\0\1\0\0' + b'\xff' * 200])
def test_a_damaged_message_is_rejected(data):
    with pytest.raises(ValueError, match='cannot be deserialized'):
        diagnostics.deserialize_diagnostics(data)
