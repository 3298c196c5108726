# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Dependencies point one way, and each heavy library is known to one layer."""
from pathlib import Path

import pytest
from source_tree import CODE, files, imports, layer_of

MAY_IMPORT: dict[str, set[str]] = {  # layer -> other layers
    'version': set(),
    'files': set(),
    'topics': set(),
    'models': set(),
    'parameter_spec': set(),
    'perception': set(),
    'alarm': {'perception', 'parameter_spec'},
    'parameters': {'alarm', 'perception', 'parameter_spec'},  # of the alarm's policies
    'parameter_files': {'parameters', 'parameter_spec'},
    'model_store': {'alarm', 'perception', 'files'},
    'metrics': {'perception'},
    'drives': {'topics', 'perception'},
    'datasets': {'drives', 'perception'},
    'network': {'perception'},
    'backends': {'model_store', 'perception'},
    'world': {'drives', 'perception', 'version'},
    'evaluation': {'metrics', 'datasets', 'drives', 'alarm', 'perception'},
    'report': {'evaluation', 'metrics', 'alarm', 'perception'},
    'workflows': {'topics', 'evaluation', 'metrics', 'datasets', 'drives', 'backends',
                  'model_store', 'alarm', 'perception', 'files', 'version'},
    'training': {'network', 'datasets', 'metrics', 'perception', 'files'},
    'experiments': {'training', 'network', 'datasets', 'drives', 'world', 'metrics',
                    'perception', 'files'},
    'demo': {'topics', 'evaluation', 'drives', 'alarm', 'perception'},
    'nodes': {'topics', 'parameter_spec', 'parameters', 'parameter_files', 'model_store',
              'demo', 'drives', 'backends', 'alarm', 'perception', 'version'},
    'bench': {'topics', 'parameters', 'model_store', 'demo', 'drives', 'backends', 'alarm',
              'perception', 'network', 'training', 'nodes', 'files'},
    'faults': {'topics', 'parameters', 'model_store', 'demo', 'drives', 'backends', 'alarm',
               'perception', 'nodes', 'files', 'version'},
}
EVERYTHING = 'cli'  # lazily
TORCH_BACKEND = CODE / 'backends' / 'torch_backend.py'
ROS = {'rclpy', 'cv_bridge', 'launch', 'launch_ros', 'ament_index_python'}
KNOW_ROS = {'nodes', 'bench', 'faults'}  # the last two: a camera and a listener
ROS_SUFFIXES = ('_msgs', '_interfaces', '_srvs')
ONLY_IN = {  # library -> layers that may know it
    'torch': {'network', 'training', 'experiments', 'bench'},
    'onnx': {'network', 'backends'},  # backends: float16 graphs for TensorRT
    'onnxscript': {'network'},
    'onnxruntime': {'backends', 'network'},  # network: the parity check of an export
    'tensorrt': {'backends'},
    'cuda': {'backends'},
    'moderngl': {'world'},
    'h5py': {'datasets'},
    'rosbags': {'drives', 'nodes'},
    'matplotlib': {'bench', 'demo', 'faults', 'report', 'experiments', 'training'},
    'sklearn': {'metrics'},
    'scipy': {'metrics', 'evaluation', 'experiments'},
    'jinja2': {'report'},
    'psutil': {'bench', 'faults'},
    'ray': {'workflows'},
}


def is_ros(module: str) -> bool:
    return module in ROS or module.endswith(ROS_SUFFIXES)


def test_every_layer_has_a_rule() -> None:
    layers = {layer_of(file) for file in files()} - {'__init__', EVERYTHING}
    assert layers <= set(MAY_IMPORT)


@pytest.mark.parametrize('layer', sorted(MAY_IMPORT))
def test_a_layer_imports_only_what_lies_below_it(layer: str) -> None:
    found = [found for file in files() if layer_of(file) == layer for found in imports(file)]
    allowed = MAY_IMPORT[layer] | {layer, ''}
    wrong = [str(one) for one in found
             if one.layer not in allowed
             and not (one.file == TORCH_BACKEND and one.layer == 'network')]
    assert wrong == []


def test_the_layers_have_no_cycle() -> None:
    visited: set[str] = set()

    def visit(layer: str, above: tuple[str, ...]) -> None:
        assert layer not in above, f'{" -> ".join(above)} -> {layer}'
        for below in MAY_IMPORT[layer]:
            visit(below, (*above, layer))
        visited.add(layer)

    for layer in MAY_IMPORT:
        visit(layer, ())
    assert visited == set(MAY_IMPORT)


def test_only_nodes_and_measurements_import_ros() -> None:
    wrong = [str(found) for file in files() if layer_of(file) not in KNOW_ROS
             for found in imports(file) if is_ros(found.top)]
    assert wrong == []


@pytest.mark.parametrize('library', sorted(ONLY_IN))
def test_a_heavy_library_is_imported_by_its_layers_only(library: str) -> None:
    def allowed(file: Path, lazy: bool) -> bool:
        return (layer_of(file) in ONLY_IN[library] or (layer_of(file) == EVERYTHING and lazy)
                or (library == 'torch' and file == TORCH_BACKEND))
    wrong = [str(found) for file in files() for found in imports(file)
             if found.top.startswith(library) and not allowed(file, found.lazy)
             and not (library == 'onnx' and found.top != 'onnx')]
    assert wrong == []


def test_experiments_import_only_the_conditions_of_the_world() -> None:
    wrong = [str(found) for file in files('experiments') for found in imports(file)
             if found.layer == 'world'
             and not found.module.startswith('bdl_perception.world.conditions.')]
    assert wrong == []


def test_commands_import_the_heavy_layers_only_when_they_run() -> None:
    heavy = {'network', 'training', 'experiments', 'world', 'backends', 'nodes', 'bench',
             'faults'}
    wrong = [str(found) for file in files(EVERYTHING) for found in imports(file)
             if not found.lazy and (found.layer in heavy or is_ros(found.top))]
    assert wrong == []
