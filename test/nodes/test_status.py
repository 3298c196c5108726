# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.nodes.status import (
    FaultLog,
    MAX_FAULT_KINDS,
    MAX_FAULTS,
    MIN_REPEAT_S,
    StatusTracker,
)
from bdl_perception.perception.status import Identity, PerceptionStatus, printable_line


def test_it_starts_unconfigured_and_counts_frames():
    tracker = StatusTracker()
    assert tracker.take_snapshot() == PerceptionStatus('unconfigured')
    tracker.add_counts(frames_in=2, frames_dropped=1)
    tracker.add_counts(frames_in=1, frames_out=2)
    assert tracker.take_snapshot() == PerceptionStatus('unconfigured', (), 3, 2, 1)


def test_a_transient_fault_is_in_one_snapshot_a_persistent_one_in_all():
    tracker = StatusTracker()
    tracker.set_state('unconfigured', 'configure failed: no model')
    assert tracker.add_fault('bad frame')
    assert not tracker.add_fault('bad frame'), 'the next snapshot already has it'
    assert tracker.take_snapshot().faults == ('configure failed: no model', 'bad frame')
    assert tracker.take_snapshot().faults == ('configure failed: no model',)
    tracker.set_state('inactive', None)
    assert tracker.take_snapshot() == PerceptionStatus('inactive')
    assert tracker.add_fault('bad frame')


def test_the_number_of_transient_faults_is_limited():
    tracker = StatusTracker()
    added = [tracker.add_fault(f'fault {index}') for index in range(3 * MAX_FAULTS)]
    assert added == [True] * MAX_FAULTS + [False] * 2 * MAX_FAULTS
    assert len(tracker.take_snapshot().faults) == MAX_FAULTS


def test_the_identity_is_set_while_a_model_is_loaded():
    tracker, identity = StatusTracker(), Identity('m', 'a', 'b', 2, 0, 1, 1)
    tracker.set_identity(identity)
    assert tracker.take_snapshot().identity == identity
    tracker.set_identity(None)
    assert tracker.take_snapshot().identity is None


def test_repeated_faults_of_one_kind_are_logged_rarely():
    now, logged = [0.0], []
    log = FaultLog(logged.append, lambda: now[0])
    for now[0] in (0.0, 1.0, MIN_REPEAT_S - .1, MIN_REPEAT_S, MIN_REPEAT_S + 1):
        log.report(f'image has {int(now[0])} bytes')
        log.report('no model')
    assert logged == ['image has 0 bytes', 'no model',
                      f'image has {MIN_REPEAT_S:.0f} bytes', 'no model']


def test_ids_of_sessions_make_no_new_kind_of_fault():
    logged = []
    log = FaultLog(logged.append, lambda: 0.)
    for index in range(100):
        log.report(f'session {index * 0x9e3779b1 % 2**32:08x} ended, hash {index:032x}')
    log.report('the facade of 17 ended')
    log.report('the facade of 18 ended')
    log.report('the defaced of 18 ended')  # letters alone are a word
    assert len(logged) == 3


def test_kinds_of_faults_in_the_log_are_limited():
    now, logged = [0.0], []
    log = FaultLog(logged.append, lambda: now[0])
    for index in range(1000):
        log.report('unknown encoding ' + 'e' * index)
    assert len(logged) == MAX_FAULT_KINDS
    now[0] = MIN_REPEAT_S
    log.report('a\nb')
    assert logged[-1] == 'a b'


def test_texts_from_outside_are_short_lines():
    tracker = StatusTracker()
    tracker.set_state('inactive', 'x\ny')
    tracker.add_fault('e' * 10**6)
    assert tracker.take_snapshot().faults == ('x y', 'e' * 497 + '...')


def test_a_printable_line_is_cut_at_its_length():
    assert [printable_line('a' * count, 5) for count in (0, 5, 6)] == ['', 'aaaaa', 'aa...']
    assert printable_line('a\tb\r\n\x7f\ud800\u2028é') == 'a b     é'


def test_warnings_last_until_they_are_set_again_or_the_state_changes():
    tracker = StatusTracker()
    tracker.set_state('active', None)
    tracker.set_warnings(('no scale',))
    assert [tracker.take_snapshot().warnings for _ in range(2)] == [('no scale',)] * 2
    tracker.set_warnings(())
    assert tracker.take_snapshot().warnings == ()
    tracker.set_warnings(('no scale',))
    tracker.set_state('inactive', None)
    assert tracker.take_snapshot().warnings == ()
