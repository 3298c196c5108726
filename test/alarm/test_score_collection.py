# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import math

from bdl_perception.alarm import score_collection
from bdl_perception.alarm.observations import Observation
from bdl_perception.alarm.score_collection import ScoreCollector
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from calibrations import IDENTITY
import numpy as np
import pytest
from score_recordings import active, frame_and_cycle, random_values

STEP_NS = 100_000_000
FAULT = 'the frame is blank'
LATE = 'the stamp is not later than the last one'


def values(index: int) -> dict[str, float]:
    return random_values(np.random.default_rng(index))


def drive(collector: ScoreCollector, first: int, last: int,
          status: PerceptionStatus | None = None) -> None:
    """Add the frames first to last - 1, a step apart, each with its cycle and a heartbeat."""
    collector.update_status(status or active())
    for index in range(first, last):
        for scores in frame_and_cycle(index * STEP_NS, values(index), index + 1):
            collector.update_scores(scores)
        collector.update_status(status or active())


def stamps(collector: ScoreCollector) -> list[list[int]]:
    return [[stamp // STEP_NS for stamp in one.stamps_ns] for one in collector.drives]


def test_observations_come_back_exactly() -> None:
    collector = ScoreCollector(.1)
    drive(collector, 0, 5)
    [found] = collector.drives
    assert found.observations() == tuple(
        Observation(index * STEP_NS, values(index)) for index in range(5))
    assert (collector.observation_count, collector.identity) == (5, IDENTITY)
    assert collector.driven_s == pytest.approx(.4) and not collector.refused


def test_a_region_without_depth_lacks_its_score_and_nothing_else() -> None:
    collector = ScoreCollector(.1)
    row = {name: value for name, value in values(0).items() if name != 'epistemic_depth_corridor'}
    collector.update_status(active())
    for scores in frame_and_cycle(1, row, 1):
        collector.update_scores(scores)
    collector.update_status(active())
    assert collector.drives[0].observations()[0].values == row


def test_one_observation_each_step_is_taken() -> None:
    collector = ScoreCollector(.3)
    drive(collector, 0, 10)
    assert stamps(collector) == [[0, 3, 6, 9]]


def test_a_long_stop_ends_a_drive_and_is_no_driving_time() -> None:
    collector = ScoreCollector(.1)
    drive(collector, 0, 4)
    drive(collector, 600, 604)  # 59.7 s later
    assert stamps(collector) == [[0, 1, 2, 3, 600, 601, 602, 603]]
    drive(collector, 1300, 1303)
    assert stamps(collector)[1:] == [[1300, 1301, 1302]]
    assert collector.driven_s == pytest.approx(.3 + 1 + .3 + 1 + .2)


def test_a_drive_is_cut_into_pieces_of_equal_time() -> None:
    collector = ScoreCollector(.1, piece_s=.7)
    drive(collector, 0, 16)
    assert stamps(collector) == [list(range(7)), list(range(7, 14)), [14, 15]]


def test_a_piece_of_few_frames_takes_longer() -> None:
    collector = ScoreCollector(.1, piece_s=.2)
    drive(collector, 0, 13)
    assert stamps(collector) == [list(range(6)), list(range(6, 12)), [12]]


def test_frames_wait_for_the_next_heartbeat() -> None:
    collector = ScoreCollector(.1)
    collector.update_status(active())
    for scores in frame_and_cycle(0, values(0), 1):
        collector.update_scores(scores)
    assert collector.drives == []
    collector.update_status(active())
    assert stamps(collector) == [[0]]


def test_frames_before_the_first_heartbeat_wait_for_it() -> None:
    for status, expected in ((active(), [[0, 1, 2]]), (active(IDENTITY, FAULT), [[1, 2]])):
        collector = ScoreCollector(.1)
        for scores in frame_and_cycle(0, values(0), 1):
            collector.update_scores(scores)
        collector.update_status(status)
        drive(collector, 1, 3)
        assert stamps(collector) == expected


@pytest.mark.parametrize(('status', 'reason'), [
    (active(IDENTITY, FAULT, 'x'), f'faults, the first: {FAULT}'),
    (active(replace(IDENTITY, seed=1)), 'another model, or other settings of perception_node'),
    (PerceptionStatus('inactive', identity=IDENTITY), 'perception_node is not active'),
    (PerceptionStatus('active'), 'perception_node is not active')])
def test_frames_around_a_faulty_heartbeat_are_refused(
        status: PerceptionStatus, reason: str) -> None:
    collector = ScoreCollector(.1)
    drive(collector, 0, 3)
    drive(collector, 3, 5, status)
    drive(collector, 5, 8)
    assert stamps(collector) == [[0, 1, 2, 5, 6, 7]]
    assert collector.refused == {reason: 2}


def test_a_faulty_frame_whose_cycle_ends_much_later_is_refused() -> None:
    collector = ScoreCollector(.1)
    (frame, cycle), (next_frame, next_cycle) = (
        frame_and_cycle(index * STEP_NS, values(index), index + 1) for index in (0, 1))
    collector.update_status(active())
    collector.update_scores(frame)
    collector.update_status(active(IDENTITY, FAULT))
    collector.update_status(active())
    collector.update_status(active())
    collector.update_scores(cycle)
    collector.update_scores(next_frame)
    collector.update_scores(next_cycle)
    collector.update_status(active())
    assert stamps(collector) == [[1]]


def test_a_frame_that_is_scored_right_after_the_heartbeat_with_its_fault_is_refused() -> None:
    collector = ScoreCollector(.1)
    collector.update_status(active())
    collector.update_status(active(IDENTITY, FAULT))
    for scores in frame_and_cycle(0, values(0), 1):
        collector.update_scores(scores)
    collector.update_status(active())
    drive(collector, 1, 2)
    assert stamps(collector) == [[1]]


@pytest.mark.parametrize('value', [math.nan, math.inf, None])
def test_a_frame_with_a_broken_score_is_refused(value: float | None) -> None:
    collector = ScoreCollector(.1)
    drive(collector, 0, 1)
    row = {**values(1), 'energy': value}
    for scores in frame_and_cycle(STEP_NS, {k: v for k, v in row.items() if v is not None}, 2):
        collector.update_scores(scores)
    drive(collector, 2, 3)
    assert stamps(collector) == [[0, 2]]
    assert collector.refused == {'energy is missing or not finite': 1}


def test_a_stamp_that_goes_back_is_refused() -> None:
    collector = ScoreCollector(.1)
    drive(collector, 5, 11)
    drive(collector, 2, 13)
    assert stamps(collector) == [[*range(5, 13)]]
    assert collector.refused == {LATE: 9}


@pytest.mark.parametrize('ahead', [700, 10**9])
def test_a_stamp_far_ahead_costs_three_frames(ahead: int) -> None:
    collector = ScoreCollector(.1, piece_s=1.)
    for first, last in ((0, 8), (ahead, ahead + 1), (8, 30)):
        drive(collector, first, last)
    assert stamps(collector) == [[*range(8)], [*range(10, 20)], [*range(20, 30)]]
    assert collector.refused == {LATE: 2, 'the stamp is far ahead of the next ones': 1}
    assert collector.driven_s == pytest.approx(2.9)


@pytest.mark.parametrize(('order', 'learned'), [
    ((50, 51, 52, 2, 53, 2, 54, 2, 55), [*range(50, 56)]), ((0, 1, 2, 1000, 1, 1, 1), [0, 1, 2])])
def test_single_late_stamps_cost_no_other_frame(order: tuple[int, ...],
                                                learned: list[int]) -> None:
    collector = ScoreCollector(.1)
    for index in order:
        drive(collector, index, index + 1)
    assert stamps(collector) == [learned]


def test_a_fault_around_a_stamp_far_ahead_refuses_no_later_frame() -> None:
    collector = ScoreCollector(.1)
    drive(collector, 0, 3)
    drive(collector, 10**9, 10**9 + 1, active(IDENTITY, FAULT))
    drive(collector, 4, 8)
    assert stamps(collector)[-1][-3:] == [5, 6, 7]


@pytest.mark.parametrize(('loop', 'learned'), [([4], [[4]]), ([*range(30)], [
    [*range(10)], [*range(10, 20)], [*range(20, 30)]])])
def test_a_recording_in_a_loop_is_learned_once(loop: list[int], learned: list[list[int]]) -> None:
    collector = ScoreCollector(.1, piece_s=1.)
    for _ in range(4):
        for index in loop:
            drive(collector, index, index + 1)
    assert stamps(collector) == learned
    assert collector.driven_s == pytest.approx((len(loop) - 1) * .1)
    assert collector.observation_count + collector.refused.total() == 4 * len(loop)


def test_scores_without_heartbeats_do_not_fill_the_memory(
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_collection, 'MAX_PENDING', 3)
    collector = ScoreCollector(.1)
    collector.update_status(active())
    for index in range(10):
        for scores in frame_and_cycle(index * STEP_NS, values(index), index + 1):
            collector.update_scores(scores)
    collector.update_status(active())
    assert stamps(collector) == [[7, 8, 9]]
    assert collector.refused == {'no status followed': 7}


def test_a_cycle_without_the_scores_of_its_frame_is_no_observation() -> None:
    collector = ScoreCollector(.1)
    drive(collector, 0, 1)
    collector.update_scores(Scores(7, 'front', values(7), 3))
    collector.update_status(active())
    assert stamps(collector) == [[0]] and not collector.refused
