# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl compile` with NVIDIA's real compiler (TensorRT-RTX), for a GPU that is not there."""
import hashlib
from importlib.util import find_spec
import json
from pathlib import Path

from bdl_perception.backends.tensorrt import cuda, engine_cache, engines, library
from bdl_perception.backends.tensorrt.build import BuiltEngine
from bdl_perception.backends.tensorrt.cuda import gpu_unavailable_reason
from bdl_perception.backends.tensorrt.engines import BuildTarget, engine_key, prepare_engines
from bdl_perception.backends.tensorrt.library import load_library, TENSORRT_RTX
from bdl_perception.cli.compile import select_build_target
from bdl_perception.cli.main import main
from bdl_perception.model_store import load_model_files
from bdl_perception.perception.backend import DEFAULT_MODEL
from fake_gpu import FakeGpu
import pytest


@pytest.fixture()
def rtx():
    pytest.importorskip('tensorrt_rtx_bindings', reason='the wheels of TensorRT-RTX are not there')


@pytest.mark.usefixtures('rtx')
def test_both_shipped_graphs_are_built_once_and_then_found(tmp_path, capsys, caplog,
                                                           monkeypatch):
    out = tmp_path / 'engines'
    assert main(['compile', '--gpu', 'sm89', '--out', str(out)]) == 0
    reported = capsys.readouterr()
    assert caplog.text.count('building the') == 2
    lines = reported.out.splitlines()
    assert [line.split()[:5] for line in lines] == [
        [DEFAULT_MODEL, graph, 'fp32', 'for', 'sm89,'] for graph in ('perceive', 'sample')]
    for line in lines:
        path = Path(line.split()[-1])
        data, record = path.read_bytes(), json.loads(path.with_suffix('.json').read_bytes())
        assert f'{len(data) / 1e6:.1f} MB, built in' in line
        assert record['sha256'] == hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(engines, 'build_engine', None)  # would fail
    assert main(['compile', '--gpu', 'sm89', '--out', str(out)]) == 0
    assert capsys.readouterr().out.count(', cached: ') == 2
    assert main(['compile', '--gpu', 'sm89', '--out', str(out), '--json']) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [engine['graph'] for engine in listed] == ['perceive', 'sample']
    for engine in listed:
        assert Path(engine['path']).stat().st_size == engine['bytes']
        assert engine['build_time_s'] is None


@pytest.mark.usefixtures('rtx')
@pytest.mark.parametrize('graph', ['perceive', 'sample'])
def test_an_engine_built_without_a_gpu_has_the_key_of_its_node(graph):
    gpu = FakeGpu()
    node = BuildTarget.for_gpu(load_library(TENSORRT_RTX), gpu, 'fp32')
    spec = load_model_files('street').spec
    target = select_build_target(gpu.compute_capability, 'fp32')
    assert engine_key(spec, graph, target) == engine_key(spec, graph, node)


@pytest.mark.usefixtures('rtx')
def test_engines_that_could_not_be_written_end_with_one(tmp_path, capsys, caplog, monkeypatch):
    def refuse(*arguments, **words):
        raise OSError('No space left on device')

    monkeypatch.setattr(engine_cache.tempfile, 'mkstemp', refuse)
    monkeypatch.setattr(engines, 'prepare_engines', lambda *words: prepare_engines(
        *words, lambda *_: BuiltEngine(b'it', b'')))
    assert main(['compile', '--gpu', 'sm89', '--out', str(tmp_path / 'engines')]) == 1
    reported = capsys.readouterr()
    assert reported.out.count('(not written)') == 2 and 'No space left' in caplog.text


@pytest.mark.usefixtures('rtx')
def test_without_a_gpu_one_must_be_named(tmp_path, capsys):
    if not gpu_unavailable_reason():
        pytest.skip('there is a GPU')
    assert main(['compile', '--out', str(tmp_path / 'engines')]) == 2
    assert 'no GPU can be used' in capsys.readouterr().err


@pytest.mark.usefixtures('rtx')
def test_an_unknown_gpu_is_answered_with_the_known_ones(tmp_path, capsys):
    assert main(['compile', '--gpu', 'sm1', '--out', str(tmp_path / 'engines')]) == 2
    assert 'knows sm75, ' in capsys.readouterr().err


def test_engines_for_the_lean_run_time_are_built_for_the_gpu_of_this_machine(capsys):
    assert main(['compile', '--lean', '--gpu', 'sm89']) == 2
    assert 'leave out --gpu sm89' in capsys.readouterr().err


def test_engines_for_the_lean_run_time_need_the_full_library(capsys):
    if find_spec('tensorrt'):
        pytest.skip('it is installed')
    assert main(['compile', '--lean']) == 2
    assert 'tensorrt is not installed' in capsys.readouterr().err


def test_the_target_of_lean_engines_is_version_compatible(monkeypatch):
    full = library.TensorRtLibrary('tensorrt', '11.4.0', None)
    monkeypatch.setattr(library, 'load_library', lambda name: {'tensorrt': full, '': full}[name])
    monkeypatch.setattr(cuda, 'CudaGpu', FakeGpu)
    assert select_build_target('', 'fp32', lean=True).library_key == ('tensorrt_lean', '11')
    assert select_build_target('', 'fp32').library_key == ('tensorrt', '11.4.0')
    lean = library.TensorRtLibrary('tensorrt_lean', '11.4.0.106', None)
    monkeypatch.setattr(library, 'load_library', lambda name: lean)
    assert select_build_target('', 'fp32').library_key == ('tensorrt_lean', '11')


@pytest.mark.usefixtures('rtx')
def test_a_folder_that_others_can_enter_is_refused(tmp_path, capsys):
    tmp_path.chmod(0o755)
    assert main(['compile', '--gpu', 'sm89', '--out', str(tmp_path)]) == 2
    assert 'can be entered by others' in capsys.readouterr().err


@pytest.mark.parametrize('words', [['compile'], ['parity', '--backend', 'tensorrt', '--samples',
                                                 '4', '--frames', '1']])
def test_a_tensorrt_that_does_not_load_is_one_line_of_error(tmp_path, capsys, monkeypatch, words):
    (tmp_path / 'tensorrt').mkdir()
    (tmp_path / 'tensorrt' / '__init__.py').write_text(
        'raise ImportError("libnvinfer.so.10: cannot open shared object file")')
    monkeypatch.syspath_prepend(tmp_path)
    assert main(words) == 2
    error, = capsys.readouterr().err.splitlines()
    assert 'tensorrt is installed but does not load (libnvinfer.so.10' in error
