# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The scheduler on simulated arrivals: bounded delay of frames and of Monte Carlo cycles."""
from itertools import pairwise
import math
from typing import NamedTuple

from bdl_perception.perception.scheduler import Decision, Scheduler, Step, TimeBudget
from hypothesis import given
from hypothesis import strategies as st
import pytest

EPSILON_S = 1e-9


class Done(NamedTuple):
    """One step that was run."""

    step: Step
    start_s: float
    end_s: float
    waiting_since_s: float | None  # when the frame came that waited at the start of the step
    left: int  # samples of the held frame


def play(arrivals_s, frame_s, refresh_s, chunks, perceive_s, chunk_s, after_s=10.0,
         pause_s=0.0):
    """
    Run the loop of the node; a new frame replaces one that waits, as in the mailbox.

    pause_s: after each step, in which the machine does something else.
    """
    schedule = Scheduler(TimeBudget(frame_s, refresh_s, chunks))
    coming, now_s, waiting, left, done = list(arrivals_s), 0.0, None, 0, []
    while now_s < arrivals_s[-1] + after_s:
        while coming and coming[0] <= now_s:
            waiting = coming.pop(0)
        turn = schedule.next_step(now_s, waiting is not None, left)
        if turn.step is Step.WAIT:
            assert turn.wait_s > 0, 'the node would spin'
            until_s = now_s + turn.wait_s
            if not coming and until_s == math.inf:
                return done
            now_s = min([until_s, *coming[:1]])
            continue
        took_s = perceive_s if turn.step is Step.PERCEIVE else chunk_s
        done.append(Done(turn.step, now_s, now_s + took_s, waiting, left))
        if turn.step is Step.PERCEIVE:
            schedule.record_frame(waiting, now_s + took_s, left == 0)
            waiting, left = None, left or chunks
        else:
            schedule.record_chunk(now_s, now_s + took_s)
            left -= 1
        now_s += took_s + pause_s
    return done


cameras = st.one_of(
    st.lists(st.floats(0, 3), min_size=1, max_size=60).map(sorted),
    st.tuples(st.integers(1, 60), st.floats(.005, .2)).map(
        lambda camera: [index * camera[1] for index in range(camera[0])]))
seconds = st.floats(.001, .2)
loads = st.fixed_dictionaries({
    'arrivals_s': cameras, 'frame_s': st.floats(.005, .2), 'refresh_s': st.floats(.01, 1),
    'chunks': st.integers(1, 9), 'perceive_s': seconds, 'chunk_s': seconds})


@given(loads, st.one_of(st.just(0.), st.floats(.001, .3)))
def test_a_frame_waits_for_one_chunk_at_most(load, pause_s):
    """Also when the pause after a chunk is so long that the next one is overdue."""
    done = play(**load, pause_s=pause_s)
    for first, second in pairwise(done):
        if first.step is Step.SAMPLE and second.waiting_since_s is not None:
            assert second.step is Step.PERCEIVE


@given(loads)
def test_every_chunk_meets_its_deadline_within_one_pass(load):
    """A chunk starts at most one pass after its deadline."""
    last_s = None
    for did in play(**load):
        if did.left:
            assert did.start_s <= last_s + load['refresh_s'] / load['chunks'] \
                + load['perceive_s'] + EPSILON_S
        if did.step is Step.SAMPLE or not did.left:
            last_s = did.end_s


@given(loads)
def test_no_step_runs_without_input(load):
    for did in play(**load):
        assert did.step is not Step.PERCEIVE or did.waiting_since_s is not None
        assert did.step is not Step.SAMPLE or did.left


@given(loads)
def test_all_samples_run_after_the_last_frame(load):
    done = play(**load)
    frames = [did for did in done if did.step is Step.PERCEIVE]
    started = sum(did.left == 0 for did in frames)
    assert started >= 1
    assert sum(did.step is Step.SAMPLE for did in done) == started * load['chunks']


def test_a_chunk_runs_in_each_gap_that_fits_it():
    """30 Hz, 12 ms a pass, 11 ms a chunk: 12 + 11 < 33.3, a second chunk would not fit."""
    done = play([index / 30 for index in range(60)], 1 / 30, .2, 4, .012, .011, after_s=0)
    delays = [did.start_s - did.waiting_since_s for did in done if did.step is Step.PERCEIVE]
    assert max(delays) < EPSILON_S + .011  # the first chunk, whose duration is unknown
    assert sum(delay > EPSILON_S for delay in delays) <= 1
    chunks = sum(did.step is Step.SAMPLE for did in done)
    assert chunks / 4 >= 2 * 5, 'five cycles a second for two seconds'


def test_the_refresh_time_is_met_when_no_chunk_fits():
    """25 ms a pass and 15 ms a chunk do not fit into 33 ms, but 5 cycles a second are owed."""
    done = play([index / 30 for index in range(300)], 1 / 30, .2, 4, .025, .015, after_s=0)
    ends = [did.end_s for did in done if did.step is Step.SAMPLE and did.left == 1]
    assert len(ends) > 20
    assert max(b - a for a, b in pairwise(ends)) < .2 + 4 * .025 + 2 / 30


def test_samples_run_at_once_when_the_camera_stops():
    done = play([0.0], 1 / 30, 8., 4, .01, .01)
    assert [did.step for did in done] == [Step.PERCEIVE] + 4 * [Step.SAMPLE]
    assert done[-1].end_s < 3 / 30, 'it need not wait until a chunk is owed'


def test_the_expected_duration_rises_at_once_and_falls_slowly():
    schedule = Scheduler(TimeBudget(.1, 10., 4))
    schedule.record_frame(0., .02, True)
    schedule.record_chunk(.02, .07)  # 50 ms
    assert schedule.next_step(.07, False, 3).step is Step.WAIT  # .07 + .05 > .1
    schedule.record_chunk(.02, .03)  # one quick chunk: 46 ms are expected now
    assert schedule.next_step(.053, False, 2) == Decision(Step.SAMPLE)
    assert schedule.next_step(.055, False, 2).step is Step.WAIT


@pytest.mark.parametrize(('values', 'name'), [
    ((0., .2, 4), 'frame_s'), ((.03, math.nan, 4), 'refresh_s'), ((.03, .2, 0), 'chunks')])
def test_an_impossible_time_budget_is_an_error(values, name):
    with pytest.raises(ValueError, match=name):
        TimeBudget(*values)
