# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl parity`: compare a backend with the reference on the same frames and masks."""
import argparse
from importlib.util import find_spec
import json
from pathlib import Path
from typing import Any, Iterator, TYPE_CHECKING

from bdl_perception.cli.arguments import (
    add_model_argument,
    add_sampling_arguments,
    model_options,
    parse_count,
    parsed_by,
)
from bdl_perception.drives import BUNDLED_VIDEO
from bdl_perception.workflows.labelled_frames import (
    read_evenly_spaced,
    source_fit_mode,
    SOURCE_HELP,
)

if TYPE_CHECKING:
    from bdl_perception.evaluation.backend_parity import BackendComparison, ErrorBounds
    from bdl_perception.model_store import ModelFiles
    from bdl_perception.perception.backend import Backend, ModelSpec
    from bdl_perception.perception.data_types import Bytes


REFERENCES = ('auto', 'torch', 'onnxruntime')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the reference and the frames."""
    add_model_argument(parser)
    parser.add_argument('--checkpoint', type=Path, metavar='PATH',
                        help='run torch on the network of this checkpoint, for a model folder '
                             'without weights.pt (default: see --reference)')
    parser.add_argument('--reference', choices=REFERENCES, default='auto',
                        help='torch: the network of the model folder; onnxruntime: the graphs on '
                             'the CPU without optimisation; auto: torch, if it is installed and '
                             'the folder has weights.pt (default: %(default)s)')
    parser.add_argument('--data', default=str(BUNDLED_VIDEO), metavar='SOURCE',
                        help=f'{SOURCE_HELP} (default: the bundled drive)')
    parser.add_argument('--frames', type=parsed_by(parse_count), default=8, metavar='N',
                        help='number of frames, evenly spaced (default: %(default)s)')
    parser.add_argument('--json', action='store_true', help='print JSON (default: a table)')
    add_sampling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare and print the table; 1 when an output is out of bounds."""
    from bdl_perception.backends import choose_backend, open_backend
    from bdl_perception.evaluation.backend_parity import BOUNDS, compare_backends
    from bdl_perception.model_store import load_model_files
    name, reason = choose_backend(arguments.backend)
    files = load_model_files(arguments.model)
    images = read_input_images(arguments.data, arguments.frames, files.spec)
    reference = _open_reference(files, arguments.reference, arguments.checkpoint,
                                arguments.threads)
    if not arguments.json:
        print(f'model {files.spec.name}: {name} ({reason}) against '
              f'{_describe_reference(reference)}')
    backend = open_backend(arguments.model, model_options(arguments))
    try:
        result = compare_backends(backend, reference, images, arguments.samples, arguments.seed)
    finally:
        backend.close()
        reference.close()
    bounds = BOUNDS[backend.precision]  # not the requested one, which only TensorRT supports
    described = {
        'model': files.spec.name, 'backend': name, 'reason': reason,
        'reference': _describe_reference(reference), 'data': arguments.data,
        'samples': arguments.samples, 'precision': backend.precision}
    print(_json(described, result, bounds) if arguments.json
          else _table(described, result, bounds))
    return 1 if result.exceeded_outputs(bounds) else 0


def _table(described: dict[str, Any], result: 'BackendComparison', bounds: 'ErrorBounds') -> str:
    from bdl_perception.evaluation.backend_parity import comparison_table
    exceeded = result.exceeded_outputs(bounds)
    return '\n'.join((
        f'{result.frames} frames of {described["data"]}, {described["samples"]} samples, '
        f'in {described["precision"]}', comparison_table(result, bounds),
        f'out of bounds: {", ".join(exceeded)}' if exceeded else 'within bounds'))


def _json(described: dict[str, Any], result: 'BackendComparison', bounds: 'ErrorBounds') -> str:
    from bdl_perception.report.markdown import to_json_values
    outputs = {name: {'mean_error_share': output.mean_error_share,
                      'max_error_share': output.max_error_share, 'max_error': output.max_error}
               for name, output in result.outputs.items()}
    return json.dumps(to_json_values({
        **described, 'frames': result.frames, 'outputs': outputs,
        'class_flips': result.class_flips, 'bounds': bounds._asdict(),
        'out_of_bounds': result.exceeded_outputs(bounds)}), indent=1)


def _open_reference(files: 'ModelFiles', name: str, checkpoint: Path | None,
                    threads: int) -> 'Backend':
    from bdl_perception.backends import open_backend
    from bdl_perception.model_store import has_weights, ModelOptions
    if checkpoint is not None:
        return _open_checkpoint_backend(files, checkpoint)
    has_torch = has_weights(files) and find_spec('torch') is not None
    if name == 'torch' or (name == 'auto' and has_torch):
        return open_backend(files.folder, ModelOptions('torch', threads))
    from bdl_perception.backends.onnxruntime_backend import NO_OPTIMISATION, OnnxRuntimeBackend
    return OnnxRuntimeBackend(files, threads, tuning=NO_OPTIMISATION)


def _open_checkpoint_backend(files: 'ModelFiles', checkpoint: Path) -> 'Backend':
    from bdl_perception.backends.torch_backend import TorchBackend
    from bdl_perception.network.weights import load_graph_constants
    from bdl_perception.training.checkpoint import read_checkpoint
    network = read_checkpoint(checkpoint).build_network()
    return TorchBackend(files.spec, network, load_graph_constants(network, files.perceive))


def _describe_reference(reference: 'Backend') -> str:
    if reference.name == 'torch':
        return 'torch'
    return 'ONNX Runtime on the CPU with its optimisations off'


def read_input_images(source: str, count: int, spec: 'ModelSpec') -> Iterator['Bytes']:
    """Read evenly spaced frames of a source as (H, W, 3) uint8 RGB at the size of the model."""
    from bdl_perception.perception.image_geometry import fit_image
    for labelled in read_evenly_spaced(source, count):
        rgb = labelled.frame.rgb
        fit = fit_image(rgb.shape[1], rgb.shape[0], spec.width, spec.height,
                        source_fit_mode(source))
        yield fit.apply(rgb)
