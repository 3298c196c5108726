# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from bdl_perception.alarm.status import Identity
from bdl_perception.alarm.status import PerceptionStatus
from bdl_perception.nodes.fault_log import FaultLog
from bdl_perception.nodes.fault_log import REPEAT_S
from bdl_perception.nodes.status_board import MOST_FAULTS
from bdl_perception.nodes.status_board import StatusBoard


def test_it_begins_unconfigured_and_counts():
    board = StatusBoard()
    assert board.read() == PerceptionStatus('unconfigured')
    board.count(frames_in=2, frames_dropped=1)
    board.count(frames_in=1, frames_out=2)
    assert board.read() == PerceptionStatus('unconfigured', (), 3, 2, 1)


def test_a_passing_fault_is_read_once_and_a_standing_one_until_a_transition_works():
    board = StatusBoard()
    board.transition('unconfigured', 'configure failed: no model')
    assert board.fault('bad frame')
    assert not board.fault('bad frame'), 'it waits to be read already'
    assert board.read().faults == ('configure failed: no model', 'bad frame')
    assert board.read().faults == ('configure failed: no model',)
    board.transition('inactive', None)
    assert board.read() == PerceptionStatus('inactive')
    assert board.fault('bad frame')


def test_a_flood_of_faults_is_cut():
    board = StatusBoard()
    told = [board.fault(f'fault {index}') for index in range(3 * MOST_FAULTS)]
    assert told == [True] * MOST_FAULTS + [False] * 2 * MOST_FAULTS
    assert len(board.read().faults) == MOST_FAULTS


def test_the_identity_is_said_while_a_model_is_loaded():
    board, identity = StatusBoard(), Identity('m', 'a', 'b', 2, 0, 1, 1)
    board.identify(identity)
    assert board.read().identity == identity
    board.identify(None)
    assert board.read().identity is None


def test_a_kind_of_fault_is_logged_now_and_then_however_often_it_happens():
    now, said = [0.0], []
    log = FaultLog(said.append, lambda: now[0])
    for now[0] in (0.0, 1.0, REPEAT_S - .1, REPEAT_S, REPEAT_S + 1):
        log.tell(f'image has {int(now[0])} bytes')
        log.tell('no model')
    assert said == ['image has 0 bytes', 'no model', f'image has {REPEAT_S:.0f} bytes', 'no model']
