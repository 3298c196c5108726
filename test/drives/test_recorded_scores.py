# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

from bdl_perception.drives import DriveError
from bdl_perception.drives.recorded_scores import recorded_scores
from bdl_perception.perception.data_types import Scores
from bdl_perception.perception.status import PerceptionStatus
from drive_files import camera_drive, write_bag
import pytest
from score_recordings import (
    active,
    diagnostics,
    score_messages,
    status_record,
    write_scores,
)

SCORES = Scores(1_700_000_000_123_456_789, 'front', {'energy': -2.5, 'feature': 1 / 3}, 4)
CONTENTS: list[Scores | PerceptionStatus] = [active(), SCORES, PerceptionStatus('inactive')]


def expected() -> list[Any]:
    return [PerceptionStatus('active', (), 1, 1, 0, active().identity), SCORES,
            PerceptionStatus('inactive', (), 1, 1, 0)]


def test_scores_and_status_are_read_exactly_in_their_order(tmp_path: Path) -> None:
    folder = write_scores(tmp_path / 'run', CONTENTS)
    [file] = folder.glob('*.mcap')
    for source in (folder, file, f'{file}:/scores'):
        assert list(recorded_scores(source)) == expected()


def test_images_beside_the_scores_are_not_read(tmp_path: Path) -> None:
    messages = [*score_messages(CONTENTS), *camera_drive(2)]
    assert list(recorded_scores(write_bag(tmp_path / 'run', messages))) == expected()


def test_one_of_two_cameras_is_chosen_by_its_topic(tmp_path: Path) -> None:
    messages = [*score_messages(CONTENTS, '/front'), *score_messages([active()], '/rear'),
                ('/rear/scores', 9, score_messages([SCORES])[0][2])]
    folder = write_bag(tmp_path / 'run', messages)
    assert list(recorded_scores(f'{folder}:/front/scores')) == expected()
    with pytest.raises(DriveError, match=r'run has the scores of several .*: /front/scores, '
                                         r'/rear/scores; choose one, such as .*run:/front/scores'):
        list(recorded_scores(folder))


def test_a_restart_of_perception_node_is_read_on(tmp_path: Path) -> None:
    messages = [*score_messages([active(), SCORES], session='a' * 32),
                *[(topic, 10 + time, one) for topic, time, one in score_messages(
                    [active(), SCORES], session='b' * 32)]]
    assert len(list(recorded_scores(write_bag(tmp_path / 'run', messages)))) == 4


def test_two_perception_nodes_on_one_topic_are_an_error(tmp_path: Path) -> None:
    messages = [('/status', time, status_record(time, active(), session * 32))
                for time, session in enumerate('aba')]
    messages += score_messages([SCORES])
    with pytest.raises(DriveError, match='run, topic /scores: two perception_nodes published'):
        list(recorded_scores(write_bag(tmp_path / 'run', messages)))


def test_a_recording_without_sessions_is_read(tmp_path: Path) -> None:
    messages = [('/status', 0, diagnostics(0, [
        ('state', 'active'), ('frames_in', 1), ('frames_out', 1), ('frames_dropped', 0)])),
        ('/scores', 1, diagnostics(5, [('energy', .5), ('cycle', 0)]))]
    assert list(recorded_scores(write_bag(tmp_path / 'run', messages)))[1] == Scores(
        5, 'front', {'energy': .5}, 0)


@pytest.mark.parametrize(('messages', 'reason'), [
    (camera_drive(2), r'run has no message of a topic scores; record it with `ros2 bag record'),
    (score_messages([SCORES]), r'run has no message of /status, which tells the model'),
    (score_messages([active()]), 'run has no message of a topic scores'),
    ([*score_messages([active()]), ('/scores', 5, diagnostics(1, [('energy', 1.)]))],
     r'run, topic /scores: the message has no cycle'),
    ([*score_messages([active()]), ('/scores', 5, diagnostics(1, [('cycle', 0), ('Energy', 1)]))],
     "run, topic /scores: a score is named 'Energy'"),
    ([('/status', 0, diagnostics(0, [])), *score_messages([SCORES])],
     'run, topic /status: the message has no ')])
def test_an_error_names_the_recording_and_what_is_wrong(
        tmp_path: Path, messages: list[tuple[str, int, Any]], reason: str) -> None:
    with pytest.raises(DriveError, match=reason):
        list(recorded_scores(write_bag(tmp_path / 'run', messages)))


def test_what_is_no_recording_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='nothing does not exist; give a recording'):
        list(recorded_scores(tmp_path / 'nothing'))
    (tmp_path / 'a.mp4').write_bytes(b'x')
    with pytest.raises(DriveError, match=r'a.mp4 is no recording; give a rosbag2 folder'):
        list(recorded_scores(tmp_path / 'a.mp4'))
    (tmp_path / 'a.mcap').write_bytes(b'x')
    with pytest.raises(DriveError, match=r'a.mcap cannot be read as a bag'):
        list(recorded_scores(tmp_path / 'a.mcap'))
