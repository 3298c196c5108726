# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
import json

from bdl_perception.datasets.base import DatasetError
from bdl_perception.datasets.rendered import decode_depth, find_drives, WorldDataset
from bdl_perception.perception.data_types import CLASS_NAMES, IGNORE
import numpy as np
import pytest
from tiny_drives import make_tiny_drives


@pytest.fixture
def root(tmp_path):
    return make_tiny_drives(tmp_path, drives=2, frames=3)


def test_every_frame_of_every_drive_of_the_split_is_there(root):
    make_tiny_drives(root, split='test', drives=1, frames=9)
    assert len(WorldDataset(root, 'train', 32, 64)) == 6
    assert len(WorldDataset(root, 'test', 32, 64)) == 9


def test_drives_may_lie_in_a_folder_for_each_split(tmp_path):
    for split, drives in (('train', 2), ('validation', 1)):
        make_tiny_drives(tmp_path / split, split=split, drives=drives, frames=3)
    assert len(WorldDataset(tmp_path, 'train', 32, 64)) == 6
    assert len(WorldDataset(tmp_path, 'validation', 32, 64)) == 3


def test_a_stride_takes_every_nth_frame_of_each_drive(root):
    everything, some = (WorldDataset(root, 'train', 32, 64, stride) for stride in (1, 2))
    assert len(some) == 4
    for index, same in enumerate((0, 2, 3, 5)):
        np.testing.assert_array_equal(some[index].rgb, everything[same].rgb)


def test_a_frame_holds_colour_metres_and_classes(root):
    sample = WorldDataset(root, 'train', 32, 64)[0]
    road, sky = (sample.classes == CLASS_NAMES.index(name) for name in ('road', 'sky'))
    red, blue = sample.rgb[..., 0].astype(float), sample.rgb[..., 2].astype(float)
    assert blue[sky].mean() > red[sky].mean() + 50  # a sky that is blue: rgb, not bgr
    assert np.isposinf(sample.depth[sky]).all()
    assert np.isnan(sample.depth[0, 0]) and sample.classes[0, 0] == IGNORE
    row = 31 - (32 // 2 - 2)
    assert sample.depth[31, 63] == pytest.approx(1.5 * .8 * 64 / row, abs=1 / 256)
    assert road[31].all() and sample.fx == pytest.approx(.8 * 64)


def test_a_smaller_image_has_a_smaller_focal_length(root):
    large, small = WorldDataset(root, 'train', 32, 64)[0], WorldDataset(root, 'train', 16, 32)[0]
    assert small.rgb.shape == (16, 32, 3) and small.fx == pytest.approx(large.fx / 2)
    known = small.depth[np.isfinite(small.depth)]
    assert {*known.tolist()} <= {*large.depth[np.isfinite(large.depth)].tolist()}
    assert {*small.classes.flat} <= {*large.classes.flat}


def test_depth_numbers_are_metres_times_256():
    found = decode_depth(np.array([[0, 1, 256, 65534, 65535]], np.uint16))
    np.testing.assert_array_equal(
        found, np.float32([[np.nan, 1 / 256, 1, 65534 / 256, np.inf]]))


def test_depth_that_the_world_writes_is_read_back():
    pytest.importorskip('moderngl')
    from bdl_perception.world.drive_files import encode_depth
    depth = np.float32([[1.5, 254.25, np.nan, np.inf, 300]])
    np.testing.assert_array_equal(
        decode_depth(encode_depth(depth)), np.float32([[1.5, 254.25, np.nan, np.inf, np.inf]]))


@pytest.mark.parametrize('stored', [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3), np.uint16)])
def test_a_image_that_is_no_depth_is_refused(stored):
    with pytest.raises(DatasetError, match='uint16'):
        decode_depth(stored)


def test_a_drive_that_is_still_being_written_is_left_out(root):
    (root / 'train_0001').rename(root / '.train_0001.partial')
    assert len(find_drives(root)) == 1


def test_a_missing_folder_names_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match='is not a folder.*bdl render'):
        WorldDataset(tmp_path / 'nothing', 'train', 32, 64)


def test_an_empty_folder_names_the_remedy(tmp_path):
    with pytest.raises(DatasetError, match='has no drive.*bdl render'):
        WorldDataset(tmp_path, 'train', 32, 64)


@pytest.mark.parametrize('place', ['', 'train_0000', 'train/train_0000'])
@pytest.mark.parametrize('file', ['metadata.yaml', 'train_0000_0.mcap'])
def test_a_folder_of_recordings_names_the_remedy(tmp_path, place, file):
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / file).touch()
    with pytest.raises(DatasetError, match='only recordings.*bdl render` without --format mcap'):
        WorldDataset(tmp_path, 'train', 32, 64)


def test_a_missing_split_names_the_known_ones(root):
    with pytest.raises(DatasetError, match="'test', only of train"):
        WorldDataset(root, 'test', 32, 64)


@pytest.mark.parametrize('text', ['{', '[]', '{"format": 1}', '{"format": 1, "split": "train", '
                                  '"frames": "many", "camera": {"fx": 1}}'])
def test_a_broken_description_is_named(root, text):
    path = root / 'train_0000' / 'drive.json'
    path.write_text(text)
    with pytest.raises(DatasetError, match='drive.json .*remove .*train_0000, then render again'):
        find_drives(root)


def test_another_format_is_refused(root):
    path = root / 'train_0000' / 'drive.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'format': 2}))
    with pytest.raises(DatasetError, match='has format 2, this version reads 1'):
        find_drives(root)


@pytest.mark.parametrize('fx', [-3., 0., float('nan')])
def test_a_lens_that_cannot_be_is_reported_with_its_file(root, fx):
    path = root / 'train_0000' / 'drive.json'
    path.write_text(json.dumps({**json.loads(path.read_text()), 'camera': {'fx': fx}}))
    with pytest.raises(DatasetError, match=f'^{path}: fx is {fx} px, must be positive'):
        find_drives(root)


@pytest.mark.filterwarnings('ignore::UserWarning')
@pytest.mark.parametrize('part', ['rgb/000001.jpg', 'depth/000001.png', 'classes/000001.png'])
@pytest.mark.parametrize('content', [None, b'', b'no image'])
def test_a_missing_or_broken_image_is_named(root, part, content, capfd):
    path = root / 'train_0000' / part
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    data = WorldDataset(root, 'train', 32, 64)
    assert data[0].rgb.shape == (32, 64, 3)
    with pytest.raises(DatasetError, match='00001.*missing or not an image; remove .*train_0000'):
        data[1]
    capfd.readouterr()  # OpenCV's own complaint


def test_a_stride_below_one_is_refused(root):
    with pytest.raises(ValueError, match='stride is 0'):
        WorldDataset(root, 'train', 32, 64, 0)
