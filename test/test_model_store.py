# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Model folders, complete and damaged: each defect gives one message with a remedy."""
import hashlib
import json
import math
import os

from bdl_perception import model_store
from bdl_perception.alarm.arming import rejection_reasons
from bdl_perception.model_store import (
    load_calibration,
    load_model_files,
    ModelError,
    read_spec,
    SHIPPED_MODELS_FOLDER,
    terms_of_weights,
)
import onnx
import pytest
from tiny_model import make_tiny_model


@pytest.fixture
def folder(tmp_path):
    return make_tiny_model(tmp_path / 'tiny')


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    monkeypatch.setattr(model_store, 'SHIPPED_MODELS_FOLDER', tmp_path / 'models')
    for name in ('street', 'alley'):
        make_tiny_model(tmp_path / 'models' / name, name=name)
    return tmp_path / 'models'


def edit(folder, **changes):
    path = folder / 'model.json'
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


def test_a_complete_folder_gives_the_hashed_bytes(folder):
    files = load_model_files(folder)
    assert files.spec.name == 'tiny' and files.folder == folder
    for graph in ('perceive', 'sample'):
        data = getattr(files, graph)
        assert data == (folder / f'{graph}.onnx').read_bytes()
        assert hashlib.sha256(data).hexdigest() == getattr(files.spec, f'{graph}_sha256')


def test_a_path_may_be_text_and_start_with_a_tilde(folder, monkeypatch):
    monkeypatch.setenv('HOME', str(folder.parent))
    assert load_model_files(str(folder)).folder == folder
    assert load_model_files('~/tiny').folder == folder


def test_a_bare_word_is_a_shipped_model(
        shipped, tmp_path, monkeypatch):
    make_tiny_model(tmp_path / 'here' / 'street', name='an impostor')
    monkeypatch.chdir(tmp_path / 'here')
    assert load_model_files('street').spec.name == 'street'
    assert load_model_files('./street').spec.name == 'an impostor'


@pytest.mark.parametrize('name', ['motorway', ''])
def test_an_unknown_name_lists_the_shipped_models(shipped, name):
    with pytest.raises(ModelError, match="shipped, only .*'alley', 'street'"):
        load_model_files(name)


def test_a_dot_is_the_working_folder(shipped, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert load_model_files('.').spec.name == 'tiny'


@pytest.mark.parametrize('path', ['nowhere/at/all', 'tiny/model.json', 'tiny/perceive.onnx'])
def test_a_path_that_is_no_folder_is_an_error(folder, path):
    with pytest.raises(ModelError, match='no folder; give the folder'):
        load_model_files(folder.parent / path)


def test_a_folder_without_a_model_names_bdl_export(tmp_path):
    with pytest.raises(ModelError, match='no model.json.*bdl export'):
        load_model_files(tmp_path)


@pytest.mark.parametrize('graph', ['perceive.onnx', 'sample.onnx'])
def test_a_missing_graph_is_named(folder, graph):
    (folder / graph).unlink()
    with pytest.raises(ModelError, match=f'{graph} cannot be read.*No such file'):
        load_model_files(folder)


@pytest.mark.parametrize('graph', ['perceive.onnx', 'sample.onnx'])
def test_a_graph_with_one_changed_bit_is_an_error(folder, graph):
    data = bytearray((folder / graph).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / graph).write_bytes(data)
    with pytest.raises(ModelError, match=f'{graph} has sha256 .* model.json has'):
        load_model_files(folder)


@pytest.mark.parametrize('graph', ['perceive', 'sample'])
def test_weights_in_a_second_file_are_an_error(folder, graph):
    path = folder / f'{graph}.onnx'
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, size_threshold=0)
    edit(folder, **{f'{graph}_sha256': hashlib.sha256(path.read_bytes()).hexdigest()})
    with pytest.raises(ModelError, match=f'{graph}.onnx keeps weights in a second file'):
        load_model_files(folder)


def test_a_graph_that_is_a_pipe_is_an_error(folder):
    (folder / 'sample.onnx').unlink()
    os.mkfifo(folder / 'sample.onnx')
    with pytest.raises(ModelError, match='sample.onnx cannot be read .*no regular file'):
        load_model_files(folder)


def test_swapped_graph_files_are_an_error(folder):
    (folder / 'perceive.onnx').write_bytes((folder / 'sample.onnx').read_bytes())
    with pytest.raises(ModelError, match='perceive.onnx has sha256'):
        load_model_files(folder)


@pytest.mark.parametrize('text', [b'', b'{', b'{"name": ', b'\xff\xfe\x00', b'[1, 2]', b'null'])
def test_a_corrupt_model_json_is_named(folder, text):
    (folder / 'model.json').write_bytes(text)
    with pytest.raises(ModelError, match='model.json .*export the model again'):
        load_model_files(folder)


@pytest.mark.parametrize('changes', [
    {'height': None}, {'colour': 'red'}, {'format': 99}, {'height': 'tall'}, {'width': -4},
    {'dropout_channels': 3}, {'dropout_channels': []}, {'dropout_probability': 1},
    {'width': True}, {'height': 24.5}, {'perceive_sha256': 5}, {'sample_sha256': ['a']},
    {'max_depth_m': math.inf}, {'canonical_focal_px': 10**400}, {'class_names': 'road'},
    {'dropout_channels': [8.5]}, {'name': {}}, {'name': 'a\n[FATAL] b'}, {'name': 'a' * 101},
    {'class_names': ['a\x1b[31m']}, {'terms': 'free'}, {'terms': [1]}, {'terms': ['a\nb']},
    {'terms': ['a' * 201]}, {'terms': ['a'] * 21}])
def test_an_impossible_model_json_is_an_error_with_its_cause(folder, changes):
    edit(folder, **changes)
    with pytest.raises(ModelError, match='describes no model') as caught:
        load_model_files(folder)
    assert caught.value.__cause__ is not None


def test_terms_are_optional_and_given_in_one_line(folder):
    edit(folder, terms=None)
    assert read_spec(folder).terms == () and read_spec(folder).terms_line == 'not recorded'
    edit(folder, terms=['A: free', 'B: research use'])
    assert load_model_files(folder).spec.terms_line == 'A: free; B: research use'


def test_terms_beside_weights_are_those_of_these_weights(folder):
    weights = folder / 'weights.pt'
    edit(folder, terms=['A: free'], weights_sha256=hashlib.sha256(b'mine').hexdigest())
    assert terms_of_weights(weights, b'mine') == ('A: free',)
    assert terms_of_weights(weights, b'other') == ()
    assert terms_of_weights(folder.parent / 'weights.pt', b'mine') == ()


def test_every_shipped_model_states_its_terms():
    for name in model_store.shipped_models():
        assert 'rendered by this package: Apache-2.0' in read_spec(name).terms


def test_every_shipped_model_is_complete():
    for name in model_store.shipped_models():
        assert load_model_files(name).spec.name == name


def test_a_calibration_without_an_end_is_one_error(tmp_path):
    fifo, device = tmp_path / 'fifo.json', tmp_path / 'device.json'
    os.mkfifo(fifo)
    device.symlink_to('/dev/zero')
    for path in (fifo, device, tmp_path / 'missing.json'):
        with pytest.raises(ValueError, match=f'{path} cannot be read .*make it with'):
            load_calibration(path)


@pytest.mark.parametrize('size', [100, 101])
def test_the_size_of_a_calibration_is_limited(tmp_path, monkeypatch, size):
    monkeypatch.setattr(model_store, 'MAX_CALIBRATION_BYTES', 100)
    (tmp_path / 'large.json').write_bytes(b' ' * size)
    reason = 'is not JSON' if size == 100 else 'more than 100 bytes'
    with pytest.raises(ValueError, match=reason):
        load_calibration(tmp_path / 'large.json')


def test_a_further_calibration_of_a_shipped_model_has_its_own_name() -> None:
    real = load_calibration('street:real')
    assert real == load_calibration(SHIPPED_MODELS_FOLDER / 'street' / 'calibration_real.json')
    assert real.provenance.identity == load_calibration('street').provenance.identity
    assert rejection_reasons(real, real.provenance.identity) == ()
    with pytest.raises(ValueError, match='calibration_night.json cannot be read'):
        load_calibration('street:night')
    with pytest.raises(ModelError, match='no model named'):
        load_calibration('other:real')
