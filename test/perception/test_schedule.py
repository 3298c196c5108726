# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The schedule, played against arrivals: no frame and no sample starves."""
from itertools import pairwise

from bdl_perception.perception.schedule import Schedule
from bdl_perception.perception.schedule import Step
from hypothesis import given
from hypothesis import strategies as st

arrivals = st.one_of(st.lists(st.booleans(), min_size=1, max_size=80),
                     st.integers(1, 80).map(lambda n: [True] * n))


def play(frame_arrives, chunks_per_cycle):
    """Run the loop of the node; a new frame replaces one that waits, as in the mailbox."""
    schedule, waits, left, steps = Schedule(), False, 0, []
    for arrives in frame_arrives:
        waits = waits or arrives
        step = schedule.next_step(waits, left)
        steps.append((step, waits, left))
        if step is Step.PERCEIVE:
            waits, left = False, left or chunks_per_cycle
        elif step is Step.SAMPLE:
            left -= 1
    return steps


@given(arrivals, st.integers(1, 9))
def test_a_frame_waits_for_one_chunk_at_most(frame_arrives, chunks):
    steps = play(frame_arrives, chunks)
    for (first, waits, _), (second, _, _) in pairwise(steps):
        if waits and first is not Step.PERCEIVE:
            assert second is Step.PERCEIVE


@given(arrivals, st.integers(1, 9))
def test_two_frames_never_follow_each_other_while_samples_are_left(frame_arrives, chunks):
    steps = play(frame_arrives, chunks)
    for (first, _, _), (second, _, left) in pairwise(steps):
        assert not (first is second is Step.PERCEIVE and left)


@given(arrivals, st.integers(1, 9))
def test_nothing_is_run_that_is_not_there_and_no_step_is_wasted(frame_arrives, chunks):
    for step, waits, left in play(frame_arrives, chunks):
        assert step is not Step.PERCEIVE or waits
        assert step is not Step.SAMPLE or left
        assert (step is Step.WAIT) == (not waits and not left)


@given(st.integers(1, 9))
def test_a_flood_of_frames_still_ends_every_cycle(chunks):
    steps = [step for step, _, _ in play([True] * 8 * chunks, chunks)]
    assert steps == [Step.PERCEIVE, Step.SAMPLE] * 4 * chunks


def test_a_lonely_frame_gets_all_its_samples_and_then_there_is_peace():
    steps = [step for step, _, _ in play([True] + [False] * 4, 3)]
    assert steps == [Step.PERCEIVE] + [Step.SAMPLE] * 3 + [Step.WAIT]
