# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Which drives no limit of an alarm may be fitted to, and how that is known."""
import json
from pathlib import Path

from bdl_perception.drives.bag_writer import write_recording
from bdl_perception.drives.description import check_nominal, read_description, read_drive_segments
from bdl_perception.perception.types import PinholeCamera
from bdl_perception.world.conditions import HELD_OUT_CONDITIONS
from drive_files import camera_drive, LENS, write_bag, write_pictures, write_rendered
import pytest

SUN = {'name': 'sun', 'start_s': 0, 'end_s': 1}


def stretch(condition: str) -> dict[str, object]:
    return {'name': condition, 'start_s': 1, 'end_s': 2}


def rendered(folder: Path, *conditions: str, split: str = 'validation') -> Path:
    return write_rendered(folder, split=split, conditions=[SUN, *map(stretch, conditions)])


def recorded(folder: Path, *conditions: str, split: str = 'validation') -> Path:
    about = {'split': split, 'conditions': [SUN, *map(stretch, conditions)]}
    write_recording(folder, PinholeCamera(64, 48, **LENS), [], json.dumps(about))
    return folder


@pytest.mark.parametrize('make', [rendered, recorded])
@pytest.mark.parametrize('condition', HELD_OUT_CONDITIONS)
def test_no_limit_is_fitted_to_a_condition_that_is_held_out(
        make: object, condition: str, tmp_path: Path) -> None:
    good, bad = make(tmp_path / 'a'), make(tmp_path / 'b', condition)  # type: ignore[operator]
    with pytest.raises(ValueError, match=rf'^{bad} \({condition}\): conditions that are held out '
                                         rf'(.|\n)*leave them out.*bdl render validation'):
        check_nominal([good, bad])
    check_nominal([good])


@pytest.mark.parametrize('make', [rendered, recorded])
def test_no_limit_is_fitted_to_what_the_network_was_taught_on(
        make: object, tmp_path: Path) -> None:
    path = make(tmp_path / 'a', split='train')  # type: ignore[operator]
    with pytest.raises(ValueError, match=f'^{path}: the network was taught on drives of the split '
                                         f'train'):
        check_nominal([path])


def test_a_file_of_a_rendered_bag_and_a_topic_of_it_are_that_drive(tmp_path: Path) -> None:
    bag = recorded(tmp_path / 'run', 'night')
    for path in (bag / 'run.mcap', Path(f'{bag}:/camera/image'),
                 Path(f'{bag}/run.mcap:/camera/image')):
        assert [one.name for one in read_drive_segments(path)] == ['sun', 'night']


def test_of_many_drives_a_few_are_named_and_the_others_counted(tmp_path: Path) -> None:
    drives = [rendered(tmp_path / name, 'night', 'dense_fog', split='train') for name in 'abcde']
    with pytest.raises(ValueError) as raised:
        check_nominal(drives)
    held_out, taught, _ = str(raised.value).splitlines()
    assert held_out.count('(night, dense_fog)') == 3 and 'and 2 more: conditions' in held_out
    assert f'{drives[2]} and 2 more: the network was taught' in taught


def test_drives_of_others_say_nothing_and_pass(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / 'bag', camera_drive(1))
    broken = tmp_path / 'broken'
    broken.mkdir()
    (broken / 'metadata.yaml').write_text('rosbag2: [')
    strangers = [write_pictures(tmp_path / 'night', ['1.png']), bag, broken / 'run.mcap']
    check_nominal(strangers)
    assert [read_description(path) for path in strangers] == [{}, {}, {}]


@pytest.mark.parametrize('text', ['{"split": ', '5'])
def test_a_description_that_is_no_json_is_named(tmp_path: Path, text: str) -> None:
    path = rendered(tmp_path / 'a') / 'drive.json'
    path.write_text(text)
    with pytest.raises(ValueError, match=f'{path} is no description of a drive.*remove '
                                         f'{path.parent}, then'):
        read_description(path.parent)
