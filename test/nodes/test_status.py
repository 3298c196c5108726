# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.nodes.status import FaultLog, MAX_FAULTS, MIN_REPEAT_S, StatusTracker
from bdl_perception.perception.status import Identity, PerceptionStatus


def test_it_begins_unconfigured_and_counts():
    board = StatusTracker()
    assert board.take_snapshot() == PerceptionStatus('unconfigured')
    board.add_counts(frames_in=2, frames_dropped=1)
    board.add_counts(frames_in=1, frames_out=2)
    assert board.take_snapshot() == PerceptionStatus('unconfigured', (), 3, 2, 1)


def test_a_passing_fault_is_read_once_and_a_standing_one_until_a_transition_works():
    board = StatusTracker()
    board.set_state('unconfigured', 'configure failed: no model')
    assert board.add_fault('bad frame')
    assert not board.add_fault('bad frame'), 'it waits to be read already'
    assert board.take_snapshot().faults == ('configure failed: no model', 'bad frame')
    assert board.take_snapshot().faults == ('configure failed: no model',)
    board.set_state('inactive', None)
    assert board.take_snapshot() == PerceptionStatus('inactive')
    assert board.add_fault('bad frame')


def test_a_flood_of_faults_is_cut():
    board = StatusTracker()
    told = [board.add_fault(f'fault {index}') for index in range(3 * MAX_FAULTS)]
    assert told == [True] * MAX_FAULTS + [False] * 2 * MAX_FAULTS
    assert len(board.take_snapshot().faults) == MAX_FAULTS


def test_the_identity_is_said_while_a_model_is_loaded():
    board, identity = StatusTracker(), Identity('m', 'a', 'b', 2, 0, 1, 1)
    board.set_identity(identity)
    assert board.take_snapshot().identity == identity
    board.set_identity(None)
    assert board.take_snapshot().identity is None


def test_a_kind_of_fault_is_logged_now_and_then_however_often_it_happens():
    now, said = [0.0], []
    log = FaultLog(said.append, lambda: now[0])
    for now[0] in (0.0, 1.0, MIN_REPEAT_S - .1, MIN_REPEAT_S, MIN_REPEAT_S + 1):
        log.report(f'image has {int(now[0])} bytes')
        log.report('no model')
    assert said == ['image has 0 bytes', 'no model', f'image has {MIN_REPEAT_S:.0f} bytes', 'no model']
