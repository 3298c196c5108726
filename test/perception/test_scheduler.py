# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The schedule, played against arrivals on a clock of its own: no frame and no sample starves."""
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
    """Also when the pause after a chunk is so long that the next one is owed already."""
    done = play(**load, pause_s=pause_s)
    for first, second in pairwise(done):
        if first.step is Step.SAMPLE and second.waiting_since_s is not None:
            assert second.step is Step.PERCEIVE


@given(loads)
def test_no_cycle_waits_for_ever_however_fast_the_frames_come(load):
    """A chunk is at most one pass later than it is owed."""
    last_s = None
    for did in play(**load):
        if did.left:
            assert did.start_s <= last_s + load['refresh_s'] / load['chunks'] \
                + load['perceive_s'] + EPSILON_S
        if did.step is Step.SAMPLE or not did.left:
            last_s = did.end_s


@given(loads)
def test_nothing_is_run_that_is_not_there(load):
    for did in play(**load):
        assert did.step is not Step.PERCEIVE or did.waiting_since_s is not None
        assert did.step is not Step.SAMPLE or did.left


@given(loads)
def test_after_the_last_frame_every_sample_is_run_and_then_there_is_peace(load):
    done = play(**load)
    frames = [did for did in done if did.step is Step.PERCEIVE]
    started = sum(did.left == 0 for did in frames)
    assert started >= 1
    assert sum(did.step is Step.SAMPLE for did in done) == started * load['chunks']


def test_a_camera_with_room_never_waits_and_gets_a_chunk_in_each_gap():
    """30 Hz, 12 ms a pass, 11 ms a chunk: 12 + 11 < 33.3, a second chunk would not fit."""
    done = play([index / 30 for index in range(60)], 1 / 30, .2, 4, .012, .011, after_s=0)
    delays = [did.start_s - did.waiting_since_s for did in done if did.step is Step.PERCEIVE]
    assert max(delays) < EPSILON_S + .011  # the very first chunk: nobody knew how long it takes
    assert sum(delay > EPSILON_S for delay in delays) <= 1
    chunks = sum(did.step is Step.SAMPLE for did in done)
    assert chunks / 4 >= 2 * 5, 'five cycles a second for two seconds'


def test_where_no_chunk_fits_one_is_still_run_in_time_for_the_refresh():
    """25 ms a pass and 15 ms a chunk do not fit into 33 ms, but 5 cycles a second are owed."""
    done = play([index / 30 for index in range(300)], 1 / 30, .2, 4, .025, .015, after_s=0)
    ends = [did.end_s for did in done if did.step is Step.SAMPLE and did.left == 1]
    assert len(ends) > 20
    assert max(b - a for a, b in pairwise(ends)) < .2 + 4 * .025 + 2 / 30


def test_a_camera_that_stopped_leaves_the_time_to_the_samples():
    done = play([0.0], 1 / 30, 8., 4, .01, .01)
    assert [did.step for did in done] == [Step.PERCEIVE] + 4 * [Step.SAMPLE]
    assert done[-1].end_s < 3 / 30, 'it need not wait until a chunk is owed'


def test_a_slower_chunk_is_believed_at_once_and_a_quicker_one_slowly():
    schedule = Scheduler(TimeBudget(.1, 10., 4))
    schedule.record_frame(0., .02, True)
    schedule.record_chunk(.02, .07)  # 50 ms
    assert schedule.next_step(.07, False, 3).step is Step.WAIT  # .07 + .05 > .1
    schedule.record_chunk(.02, .03)  # one quick chunk: 46 ms are expected now
    assert schedule.next_step(.053, False, 2) == Decision(Step.SAMPLE)
    assert schedule.next_step(.055, False, 2).step is Step.WAIT


@pytest.mark.parametrize(('values', 'name'), [
    ((0., .2, 4), 'frame_s'), ((.03, math.nan, 4), 'refresh_s'), ((.03, .2, 0), 'chunks')])
def test_a_budget_that_nothing_can_keep_is_refused_by_name(values, name):
    with pytest.raises(ValueError, match=name):
        TimeBudget(*values)
