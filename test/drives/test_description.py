# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The conditions of a drive, and the drives that no alarm may be calibrated on."""
import json
from pathlib import Path

from bdl_perception.drives import DriveError
from bdl_perception.drives.bag_writer import write_recording
from bdl_perception.drives.description import (
    check_nominal,
    HELD_OUT_CONDITIONS,
    read_description,
    read_drive_segments,
    Segment,
)
from bdl_perception.perception.data_types import PinholeCamera
from drive_files import camera_drive, LENS, write_bag, write_images, write_rendered
import pytest

SUN = {'name': 'sun', 'start_s': 0, 'end_s': 1}


def segment(condition: str) -> dict[str, object]:
    return {'name': condition, 'start_s': 1, 'end_s': 2}


def rendered(folder: Path, *conditions: str, split: str = 'validation') -> Path:
    return write_rendered(folder, split=split, conditions=[SUN, *map(segment, conditions)])


def recorded(folder: Path, *conditions: str, split: str = 'validation') -> Path:
    about = {'split': split, 'conditions': [SUN, *map(segment, conditions)]}
    write_recording(folder, PinholeCamera(64, 48, **LENS), [], json.dumps(about))
    return folder


@pytest.mark.parametrize('make', [rendered, recorded])
@pytest.mark.parametrize('condition', HELD_OUT_CONDITIONS)
def test_a_held_out_condition_is_not_nominal(
        make: object, condition: str, tmp_path: Path) -> None:
    good, bad = make(tmp_path / 'a'), make(tmp_path / 'b', condition)  # type: ignore[operator]
    with pytest.raises(ValueError, match=rf'^{bad} \({condition}\): these conditions are held '
                                         rf'out(.|\n)*leave them out.*bdl render validation'):
        check_nominal([good, bad])
    check_nominal([good])


@pytest.mark.parametrize('make', [rendered, recorded])
def test_a_training_drive_is_not_nominal(make: object, tmp_path: Path) -> None:
    path = make(tmp_path / 'a', split='train')  # type: ignore[operator]
    with pytest.raises(ValueError, match=f'^{path}: the network was trained on drives of the '
                                         f'split train'):
        check_nominal([path])


def test_a_file_or_a_topic_of_a_rendered_bag_is_that_drive(tmp_path: Path) -> None:
    bag = recorded(tmp_path / 'run', 'night')
    for path in (bag / 'run.mcap', Path(f'{bag}:/camera/image'),
                 Path(f'{bag}/run.mcap:/camera/image')):
        assert [one.name for one in read_drive_segments(path)] == ['sun', 'night']


def test_of_many_drives_a_few_are_named(tmp_path: Path) -> None:
    drives = [rendered(tmp_path / name, 'night', 'dense_fog', split='train') for name in 'abcde']
    with pytest.raises(ValueError) as raised:
        check_nominal(drives)
    held_out, trained, _ = str(raised.value).splitlines()
    assert held_out.count('(night, dense_fog)') == 3 and 'and 2 more: these conditions' in held_out
    assert f'{drives[2]} and 2 more: the network was trained' in trained


def test_drives_without_a_description_pass(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', camera_drive(1))
    broken = tmp_path / 'broken'
    broken.mkdir()
    (broken / 'metadata.yaml').write_text('rosbag2: [')
    others = [write_images(tmp_path / 'night', ['1.png']), bag, broken / 'run.mcap']
    check_nominal(others)
    assert [read_description(path) for path in others] == [{}, {}, {}]


def test_metadata_that_is_nested_deep_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'metadata.yaml').write_text('a: ' + '[' * 20_000)
    with pytest.raises(DriveError, match='metadata.yaml is not of a bag'):
        read_description(tmp_path)


@pytest.mark.parametrize('text', ['{"split": ', '5'])
def test_a_description_that_is_not_json_is_named(tmp_path: Path, text: str) -> None:
    path = rendered(tmp_path / 'a') / 'drive.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'{path} is not a drive description.*remove '
                                         f'{path.parent}, then'):
        read_description(path.parent)


@pytest.mark.parametrize('make', [rendered, recorded])
def test_drive_json_states_what_is_held_out(make: object, tmp_path: Path) -> None:
    conditions = [{**SUN, 'held_out': False, 'fade_s': .5},
                  {'name': 'snow', 'start_s': 1, 'end_s': 2, 'held_out': True, 'fade_s': 9.},
                  {'name': 'night', 'start_s': 2, 'end_s': 3, 'held_out': False, 'fade_s': .25}]
    if make is rendered:
        path = write_rendered(tmp_path / 'a', conditions=conditions)
    else:
        path = tmp_path / 'a'
        write_recording(path, PinholeCamera(64, 48, **LENS), [],
                        json.dumps({'conditions': conditions}))
    assert read_drive_segments(path) == (
        Segment('sun', 0, 1), Segment('snow', 1, 2, True, 9.), Segment('night', 2, 3, False, .25))


def test_a_drive_of_0_1_0_uses_the_table_of_conditions(tmp_path: Path) -> None:
    path = rendered(tmp_path / 'a', 'night', 'haze')
    assert read_drive_segments(path) == (
        Segment('sun', 0, 1), Segment('night', 1, 2, True, .5), Segment('haze', 1, 2, False, .5))


def test_conditions_with_wrong_times_are_named(tmp_path: Path) -> None:
    path = write_rendered(tmp_path / 'a', conditions=[{'name': 'sun', 'start_s': 2, 'end_s': 1}])
    with pytest.raises(DriveError, match=f'{path} has invalid conditions.*render again'):
        read_drive_segments(path)
