# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""A replay gives what the nodes would say, whether it was interrupted or not."""
from dataclasses import dataclass
import json

from bdl_perception.backends import open_backend
from bdl_perception.drives import DriveError
from bdl_perception.evaluation.inference import score_drive
from bdl_perception.model_store import ModelOptions
from bdl_perception.perception.data_types import CameraFrame, PinholeCamera
from bdl_perception.perception.perceiver import Perceiver
from bdl_perception.workflows import replay_drive
from bdl_perception.workflows.frame_analysis import RECORDING_START_NS, recording_time_ns
from bdl_perception.workflows.replay_drive import ReplayConfig
from bdl_perception.workflows.replay_session import open_session, read_setup
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
import numpy as np
import pytest
from tiny_model import make_tiny_model

OPTIONS = ModelOptions(backend='onnxruntime', threads=1, samples=4)
FRAMES = 23
CAMERA = PinholeCamera(80, 48, 60., 60., 39.5, 23.5)


@dataclass(frozen=True)
class MadeDrive:
    """Frames of noise, brighter in the middle; it breaks off with an error if `broken`."""

    frames: int = FRAMES
    broken: bool = False
    stamps_ns: tuple[int, ...] = tuple(range(0, FRAMES * 100_000_000, 100_000_000))
    frozen: bool = False
    name: str = 'made'
    rate_hz: float = 10.

    def __len__(self):
        return self.frames

    def __iter__(self):
        rng = np.random.default_rng(3)
        for index in range(self.frames):
            rng = np.random.default_rng(3) if self.frozen else rng
            bright = 8 <= index < 14 and not self.frozen
            noise = rng.integers(0, 200, (48, 80, 3)) * (1. if bright else .4)
            yield CameraFrame((noise + 20).astype(np.uint8), self.stamps_ns[index], 'optical',
                              CAMERA)
        if self.broken:
            raise DriveError('cut off')


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return make_tiny_model(tmp_path_factory.mktemp('models') / 'tiny')


@pytest.fixture(scope='module')
def backend(model):
    backend = open_backend(model, OPTIONS)
    yield backend
    backend.close()


@pytest.fixture
def opened(model, backend, tmp_path, monkeypatch):
    """Open a session in a folder; the recording is only a file that exists."""
    monkeypatch.setattr(replay_drive, 'PART_FRAMES', 5)
    (tmp_path / 'drive.mp4').touch()

    def open_one(folder, moments=12, **settings):
        setup = read_setup(str(tmp_path / 'drive.mp4'), str(model), None, OPTIONS,
                           ReplayConfig(moments, **settings))
        return open_session(setup, backend, tmp_path / folder)
    return open_one


def run(session, drive=MadeDrive(), stop_after=None):
    """Replay; Ctrl-C comes after stop_after new frames."""
    observed = []
    result = session.replay.run(drive, lambda: observed.count(False) == stop_after,
                                observed.append)
    return result, observed


def messages(folder):
    with next(folder.glob('*.mcap')).open('rb') as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        return [(channel.topic, message.log_time, message.data)
                for _, channel, message in reader.iter_messages(log_time_order=False)]


def assert_same(one, other):
    np.testing.assert_array_equal(one.timeline.stamps_ns, other.timeline.stamps_ns)
    np.testing.assert_array_equal(one.timeline.levels, other.timeline.levels)
    assert one.timeline.scores().keys() == other.timeline.scores().keys()
    for name, values in one.timeline.scores().items():
        np.testing.assert_array_equal(values, other.timeline.scores()[name])
    assert one.moments == other.moments
    assert {index: one.states[index].reasons for index in one.moments} == {
        index: other.states[index].reasons for index in other.moments}


def test_the_scores_are_those_of_an_evaluation(opened, backend):
    result, _ = run(opened('a'))
    expected = list(score_drive(Perceiver(backend, 4, 0), MadeDrive(), .1))
    assert result.complete and len(expected) == FRAMES == len(result.timeline)
    for index, one in enumerate(expected):
        for name, value in one.values.items():
            assert result.timeline.scores()[name][index] == value


@pytest.mark.parametrize('stop_after', [1, 5, 12])
def test_an_interrupted_replay_continues_as_if_nothing_had_happened(opened, tmp_path, stop_after):
    whole = opened('whole')
    expected, _ = run(whole)
    partial, _ = run(opened('parts'), stop_after=stop_after)
    assert not partial.complete and len(partial.timeline) == stop_after
    session = opened('parts')
    result, observed = run(session)
    assert observed == [True] * stop_after + [False] * (FRAMES - stop_after)
    assert_same(result, expected)
    whole.store.join_recordings(tmp_path / 'one')
    session.store.join_recordings(tmp_path / 'two')
    assert messages(tmp_path / 'one') == messages(tmp_path / 'two')


def test_a_fault_that_takes_many_frames_is_found_across_an_interruption(opened):
    frozen = MadeDrive(frozen=True)
    expected, _ = run(opened('whole'), frozen)
    run(opened('parts'), frozen, stop_after=3)
    result, _ = run(opened('parts'), frozen)
    assert_same(result, expected)
    reasons = {index: ' '.join(one.reasons) for index, one in result.states.items()}
    assert 'perception_node reports' in reasons[FRAMES - 1]
    assert 'perception_node reports' not in reasons[0]


def test_the_network_sees_the_last_known_frames_again_for_its_checks(opened, monkeypatch):
    run(opened('a'), stop_after=9)
    session, again = opened('a'), []
    monkeypatch.setattr(session.analyser, 'warm_up', lambda frame: again.append(frame.stamp_ns))
    run(session)
    assert again == [index * 100_000_000 for index in range(5, 9)]


def test_a_killed_replay_continues_after_its_last_complete_part(opened):
    expected, _ = run(opened('whole'))
    session = opened('killed')
    with pytest.raises(ZeroDivisionError):
        session.replay.run(MadeDrive(), lambda: False,
                           lambda known: 1 / (len(session.store.parts()) < 2))
    assert len(session.store.parts()) == 2
    result, observed = run(opened('killed'))
    assert observed.count(True) == 10
    assert_same(result, expected)


def test_a_replay_of_other_settings_is_not_continued(opened):
    run(opened('a'), stop_after=3)
    with pytest.raises(ValueError, match='unfinished replay of another drive or with other'):
        opened('a', maps_hz=3.)


def test_another_recording_in_the_same_file_is_found(opened):
    run(opened('a'), stop_after=3)
    other = MadeDrive(stamps_ns=tuple(range(7, FRAMES * 100_000_000, 100_000_000)))
    with pytest.raises(ValueError, match='frame 0 has another stamp'):
        run(opened('a'), other)


def test_a_recording_that_breaks_off_gives_what_was_read(opened):
    result, _ = run(opened('a'), MadeDrive(7, broken=True))
    assert (len(result.timeline), result.complete, result.error) == (7, False, 'cut off')


def test_a_recording_that_cannot_be_read_at_all_is_an_error(opened):
    with pytest.raises(DriveError, match='cut off'):
        run(opened('a'), MadeDrive(0, broken=True))


def test_frames_whose_stamp_does_not_increase_are_left_out(opened):
    stamps_ns = (0, 100, 100, 50, 200)
    result, _ = run(opened('a'), MadeDrive(5, stamps_ns=stamps_ns))
    assert (list(result.timeline.stamps_ns), result.repeated) == ([0, 100, 200], 2)


def test_the_images_on_disk_are_limited(opened):
    session = opened('a', moments=1)
    result, _ = run(session)
    stored = session.store.stored_stamps()
    assert len(stored) <= replay_drive.STORED_MOMENTS + 1 < FRAMES
    assert {int(result.timeline.stamps_ns[index]) for index in result.moments} <= stored


@pytest.mark.parametrize(('maps_hz', 'maps'), [(0., FRAMES), (1., 3), (5., 12)])
def test_every_topic_is_recorded_as_often_as_asked(opened, tmp_path, maps_hz, maps):
    session = opened('a', maps_hz=maps_hz)
    run(session)
    session.store.join_recordings(tmp_path / 'bag')
    found = messages(tmp_path / 'bag')
    counts = {topic: sum(1 for one in found if one[0] == topic) for topic, _, _ in found}
    assert counts == {
        **dict.fromkeys(('/depth/image', '/depth/aleatoric_std', '/depth/epistemic_std',
                         '/depth/camera_info', '/segmentation/camera_info',
                         '/segmentation/classes', '/segmentation/entropy', '/segmentation/energy',
                         '/segmentation/overlay', '/segmentation/mutual_information'), maps),
        **dict.fromkeys(('/image/compressed', '/camera_info', '/status', '/alert',
                         '/diagnostics'), FRAMES), '/scores': 2 * FRAMES}
    times_ns = sorted({time_ns for _, time_ns, _ in found})
    assert times_ns[0] == RECORDING_START_NS and len(times_ns) == FRAMES


def test_a_real_stamp_stays_and_one_from_zero_begins_in_2020():
    assert recording_time_ns(1_700_000_000_123_456_789) == 1_700_000_000_123_456_789
    assert recording_time_ns(5) == RECORDING_START_NS + 5


def test_a_model_without_calibration_is_replayed_and_says_so(opened):
    session = opened('a')
    result, _ = run(session, MadeDrive(3))
    assert session.unarmed_reason().startswith('no calibration was loaded')
    assert not result.timeline.has_thresholds
    assert set(result.timeline.levels) == {3}  # STALE


@pytest.mark.parametrize('values', [{'moments': 0}, {'maps_hz': -1.}, {'maps_hz': float('nan')}])
def test_impossible_settings_are_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        ReplayConfig(**values)


def test_the_store_is_made_of_plain_json_lines(opened):
    session = opened('a')
    run(session, stop_after=2)
    [part] = session.store.parts()
    lines = (part / 'frames.jsonl').read_text().splitlines()
    assert [json.loads(line)[0][0] for line in lines] == [0, 100_000_000]
