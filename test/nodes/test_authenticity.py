# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Mixed sources are found, and no message is accepted twice, whatever is replayed."""
from threading import Event, Thread

from bdl_perception.nodes import authenticity
from bdl_perception.nodes.authenticity import (
    draw_random,
    IncomingSessions,
    Origin,
    OutgoingSequence,
    OutgoingSession,
    SequenceNumbers,
)
from hypothesis import given
from hypothesis import strategies as st
import pytest

TOPICS = ('scores', 'status')
TAKEOVER_S, HOLD_S = .5, 2.
CHALLENGE, OTHER = 'c' * 32, 'd' * 32


@pytest.mark.parametrize('numbers, mixed', [
    ([1, 2, 5, 6], False), ([90, 91, 1, 2, 3], False), ([None, None], False),
    ([90, 1, 2, 1, 2, 1, 2], False), ([90, 1, 91, 2, 92, 3, 93, 4], True),
    ([4, 4, 5, 5, 6, 6, 7, 7], True)])
def test_each_restart_is_one_step_back_and_two_publishers_make_many(numbers, mixed):
    watch = SequenceNumbers()
    for index, number in enumerate(numbers):
        watch.add(index / 10, {'publication_sequence_number': number})
    assert watch.are_mixed(len(numbers) / 10) == mixed
    assert not watch.are_mixed(60)


def sessions():
    incoming = IncomingSessions(TAKEOVER_S, HOLD_S)
    incoming.challenge = CHALLENGE
    return incoming


def sent(session, number):
    """Make the origin of a message that repeats the challenge."""
    return Origin(session, number, (CHALLENGE,))


def test_sessions_and_challenges_differ_and_have_128_bits():
    drawn = {draw_random() for _ in range(100)} | {OutgoingSession().identifier}
    drawn |= {sessions().challenge, IncomingSessions(1., 1.).challenge}
    assert len(drawn) == 103
    assert {len(bytes.fromhex(session)) for session in drawn} == {16}


def test_threads_publish_in_the_order_of_the_numbers():
    session, published, began = OutgoingSession(), [], Event()
    sequence = OutgoingSequence(session)

    def publish_slowly(origin):
        began.set()
        other.join(.2)  # it cannot end before
        published.append(origin)

    other = Thread(target=lambda: began.wait() and sequence.publish(published.append))
    other.start()
    sequence.publish(publish_slowly)
    other.join()
    assert published == [Origin(session.identifier, number) for number in (1, 2)]


def test_sixteen_alert_nodes_that_repeat_their_challenges_are_all_served():
    """Each repeats its own once in a second, in turn; perception_node answers between them."""
    session, receivers = OutgoingSession(), [sessions() for _ in range(16)]
    for receiver in receivers:
        receiver.challenge = draw_random()
        session.add_challenge(receiver.challenge)
    sequence = OutgoingSequence(session)
    for second in range(3):
        for index, receiver in enumerate(receivers):
            session.add_challenge(receiver.challenge)
            now_s = second + index / 16
            sequence.publish(lambda origin, now_s=now_s: [
                one.check(now_s, 'status', origin) for one in receivers])
    assert [one.rejection(3.) for one in receivers] == [''] * 16


def test_the_newest_challenges_are_repeated_and_other_texts_are_not(monkeypatch):
    monkeypatch.setattr(authenticity, 'MAX_CHALLENGES', 4)
    session, published = OutgoingSession(), []
    drawn = [draw_random() for _ in range(5)]
    for text in (*drawn, drawn[2], 'no challenge', drawn[4] + '0', ''):
        session.add_challenge(text)
    OutgoingSequence(session).publish(published.append)
    assert published[0].challenges == (drawn[1], drawn[3], drawn[4], drawn[2])


@pytest.mark.parametrize('challenges', [(), (OTHER,), (CHALLENGE[:-1],)])
def test_a_recording_from_before_the_start_of_the_receiver_is_never_accepted(challenges):
    incoming = sessions()
    for number in range(1, 30):
        for topic in TOPICS:
            assert 'without the challenge of this alert_node' in incoming.check(
                float(number), topic, Origin('a', number, challenges))
    assert not incoming.check(30., 'status', Origin('b', 1, (OTHER, CHALLENGE)))


def test_every_message_of_a_session_repeats_the_challenge():
    incoming = sessions()
    assert not incoming.check(0., 'status', sent('a', 100))
    assert 'without the challenge' in incoming.check(0., 'scores', Origin('a', 50, (OTHER,)))


def test_the_first_answer_of_a_node_clears_the_reason():
    incoming = sessions()
    assert incoming.check(0., 'status', Origin('a', 1))
    assert not incoming.check(.1, 'status', sent('a', 2))
    assert incoming.rejection(.1) == ''
    reason = incoming.check(.2, 'status', Origin('a', 3))
    assert not incoming.check(.3, 'status', sent('a', 4))
    assert incoming.rejection(.3) == reason


def test_gaps_are_accepted_and_repetitions_are_not():
    incoming = sessions()
    assert [incoming.check(0., 'scores', sent('a', number))[:15] for number in (
        3, 4, 9, 9, 4, 10)] == ['', '', '', 'replayed scores', 'replayed scores', '']


def test_each_topic_has_its_own_numbers():
    incoming = sessions()
    assert not incoming.check(0., 'scores', sent('a', 7))
    assert not incoming.check(0., 'status', sent('a', 1))


def test_the_reason_names_topic_number_and_session():
    incoming = sessions()
    incoming.check(0., 'scores', sent('ab12' * 8, 40))
    assert incoming.check(0., 'scores', sent('ab12' * 8, 17)) == (
        'replayed scores: sequence number 17 of session ab12ab12 was already received (the last '
        'is 40): stop the replay')


def test_a_restart_is_accepted_after_silence_and_its_predecessor_never_again():
    incoming = sessions()
    assert not incoming.check(0., 'status', sent('a', 5))
    assert not incoming.check(TAKEOVER_S + .1, 'status', sent('b', 1))
    for at_s in (.7, 10., 1e6):
        assert incoming.check(at_s, 'scores', sent('a', 10**9)) == (
            'replayed scores: session a ended when another one began: stop the replay, or '
            'restart perception_node')
    assert not incoming.check(1e6, 'status', sent('b', 2))


def test_a_second_session_waits_until_the_first_one_is_silent():
    incoming = sessions()
    assert not incoming.check(0., 'status', sent('a', 1))
    assert not incoming.check(.4, 'scores', sent('a', 1))
    assert 'beside those of the active session a' in incoming.check(.9, 'status', sent('b', 1))
    assert not incoming.check(.9, 'status', sent('a', 2))  # it was not ended by that
    assert not incoming.check(1.5, 'status', sent('b', 2))


def test_a_replay_of_a_session_does_not_keep_it_alive():
    incoming = sessions()
    assert not incoming.check(0., 'status', sent('a', 1))
    for step in range(6):
        assert incoming.check(step / 10, 'status', sent('a', 1))
    assert not incoming.check(.6, 'status', sent('b', 1))


def test_the_reason_of_a_rejection_holds():
    incoming = sessions()
    assert incoming.rejection(0.) == ''
    incoming.check(0., 'status', sent('a', 1))
    reason = incoming.check(1., 'status', sent('a', 1))
    assert not incoming.check(1.1, 'status', sent('a', 2))
    assert reason and (incoming.rejection(1.), incoming.rejection(2.9)) == (reason, reason)
    assert incoming.rejection(3.) == ''


def test_the_memory_is_bounded_and_no_session_returns(monkeypatch):
    monkeypatch.setattr(authenticity, 'MAX_ENDED_SESSIONS', 3)
    incoming, known, heard = sessions(), CHALLENGE, []
    for index in range(20):  # restarts; each node learns the challenge after some time
        now_s, name = float(index), f'{index}'
        incoming.check(now_s, 'status', Origin(name, 1, (known,)))
        known = incoming.challenge
        assert not incoming.check(now_s, 'status', Origin(name, 2, (known,)))
        for old, repeated in enumerate(heard):  # recordings of all runs before it
            assert incoming.check(now_s, 'status', Origin(f'{old}', 99, repeated))
        heard.append((CHALLENGE, known))
        assert len(incoming._ended) < 3
    assert known != CHALLENGE
    assert not incoming.check(20., 'status', Origin('20', 1, (known,)))


ORIGINS = st.builds(sent, st.sampled_from('abc'), st.integers(1, 6))
EVENTS = st.lists(st.tuples(st.floats(0., 1.), st.sampled_from(TOPICS), ORIGINS), max_size=60)


@given(EVENTS)
def test_in_any_interleaving_no_message_is_accepted_twice_and_no_session_returns(events):
    incoming, now_s, accepted = sessions(), 0., []
    for step_s, topic, origin in events:
        now_s += step_s
        if not incoming.check(now_s, topic, origin):
            accepted.append((topic, origin))
    assert len(set(accepted)) == len(accepted)
    runs = [session for index, session in enumerate(one.session for _, one in accepted)
            if index == 0 or session != accepted[index - 1][1].session]
    assert len(set(runs)) == len(runs)  # each session is one block
    for topic in TOPICS:
        for session in 'abc':
            numbers = [one.number for name, one in accepted
                       if (name, one.session) == (topic, session)]
            assert numbers == sorted(numbers)


@given(EVENTS, st.lists(st.integers(1, 4), min_size=1, max_size=30))
def test_a_live_session_is_accepted_whatever_is_replayed_beside_it(events, gaps):
    """The recorder repeats all that the live node sent until then, and messages of others."""
    incoming, number, heard = sessions(), 0, []
    for index, gap in enumerate(gaps):
        now_s = index * TAKEOVER_S / 2
        number += gap  # some are lost
        assert not incoming.check(now_s, 'status', sent('live', number))
        heard.append(sent('live', number))
        for _, topic, origin in events:
            assert incoming.check(now_s, topic, origin)
        for origin in heard:
            assert incoming.check(now_s, 'status', origin)


@given(EVENTS)
def test_a_restart_recovers_during_a_replay(events):
    """A new session of a restarted node is accepted, although old messages are repeated."""
    incoming, now_s = sessions(), 0.
    for step_s, topic, origin in events:
        now_s += step_s
        incoming.check(now_s, topic, origin)
    now_s += TAKEOVER_S + .01
    for number in range(1, 10):
        assert not incoming.check(now_s, 'status', sent('new', number))
        assert not incoming.check(now_s, 'scores', sent('new', number))
        for _, topic, origin in events:
            assert incoming.check(now_s, topic, origin)
        now_s += .1
