# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""From a trained network to a model folder: two checked ONNX graphs, their network, model.json."""
from dataclasses import dataclass
from dataclasses import replace
import hashlib
import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any, Sequence
import warnings

from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.graphs import MAP_NAMES
from bdl_perception.network.graphs import MOMENT_NAMES
from bdl_perception.network.graphs import Perceive
from bdl_perception.network.graphs import Sample
from bdl_perception.network.graphs import SAMPLE_EVERY
from bdl_perception.network.model import Network
from bdl_perception.network.parity import compare
from bdl_perception.network.weights import Weights
from bdl_perception.network.weights import weights_to_bytes
from bdl_perception.perception.classes import CLASS_NAMES
from bdl_perception.perception.model_spec import ModelSpec
from bdl_perception.perception.model_spec import spec_to_dict
import onnx
import torch
from torch import nn
from torch import Tensor

SAMPLE_STRIDE = 2 * SAMPLE_EVERY  # in pixels of the picture; the decoder ends at half its size
OPSET = 17  # read by ONNX Runtime since 1.12 and by every TensorRT that is still supported


@dataclass(frozen=True)
class Graphs:
    """Both graphs as bytes; never two of them from different networks."""

    perceive: bytes
    sample: bytes


def export_model(folder: Path, network: Network, statistics: FeatureStatistics, *, name: str,
                 chunk: int, pictures: Sequence[Tensor]) -> ModelSpec:
    """
    Write perceive.onnx, sample.onnx, weights.pt and model.json, or nothing.

    chunk: stochastic passes in one run of the sample graph. pictures: (H, W, 3) uint8, on which
    ONNX Runtime must agree with torch first (RuntimeError). An older folder is replaced.
    """
    network.eval()
    graphs = export_graphs(network, statistics, chunk)
    compare(graphs.perceive, graphs.sample, network, statistics, chunk, pictures)
    weights = weights_to_bytes(Weights(network, statistics))
    spec = replace(describe(network, graphs, name, chunk),
                   weights_sha256=hashlib.sha256(weights).hexdigest())
    replace_folder(folder, {
        'perceive.onnx': graphs.perceive, 'sample.onnx': graphs.sample, 'weights.pt': weights,
        'model.json': (json.dumps(spec_to_dict(spec), indent=2) + '\n').encode()})
    return spec


@torch.no_grad()
def export_graphs(network: Network, statistics: FeatureStatistics, chunk: int) -> Graphs:
    """Trace both modules with their static shapes and check what comes out."""
    config = network.config
    if config.dropout not in ('deep', 'decoder'):
        raise ValueError(f'the network has dropout {config.dropout!r}: the sample graph needs it '
                         f'in the decoder, and only there')
    rgb = torch.zeros(1, config.height, config.width, 3, dtype=torch.uint8)
    perceive = Perceive(network, statistics).eval()
    features = perceive(rgb)[len(MAP_NAMES):]
    kept = [f'features_{level}' for level in range(len(features))]
    masks = [f'mask_{level}' for level in range(len(config.mask_channels))]
    return Graphs(
        _trace(perceive, (rgb,), ['rgb'], [*MAP_NAMES, *kept]),
        _trace(Sample(network).eval(), (*features, *network.draw_masks(chunk)),
               [*kept, *masks], list(MOMENT_NAMES)))


def describe(network: Network, graphs: Graphs, name: str, chunk: int) -> ModelSpec:
    """Say what must be known to feed the graphs."""
    config = network.config
    return ModelSpec(
        name=name, height=config.height, width=config.width,
        sample_height=config.height // SAMPLE_STRIDE, sample_width=config.width // SAMPLE_STRIDE,
        canonical_focal_px=config.canonical_focal_px, max_depth_m=config.max_depth_m,
        class_names=CLASS_NAMES, dropout_probability=config.dropout_probability,
        dropout_channels=config.mask_channels, chunk=chunk,
        perceive_sha256=hashlib.sha256(graphs.perceive).hexdigest(),
        sample_sha256=hashlib.sha256(graphs.sample).hexdigest())


def replace_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a temporary sibling, then rename: a kill leaves no half model."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists() and not (folder.is_dir() and (folder / 'model.json').exists()):
        raise ValueError(f'{folder} exists and is no model folder; choose another')
    sibling = Path(tempfile.mkdtemp(prefix=f'.{folder.name}.', dir=folder.parent))
    try:
        sibling.chmod(0o755)  # mkdtemp keeps others out; a model is for all
        for name, data in files.items():
            (sibling / name).write_bytes(data)
        if folder.exists():
            old = sibling / 'old'
            os.rename(folder, old)
            shutil.rmtree(old)
        os.rename(sibling, folder)
    except BaseException:
        shutil.rmtree(sibling, ignore_errors=True)
        raise


def _trace(module: nn.Module, inputs: tuple[Any, ...], names: list[str],
           outputs: list[str]) -> bytes:
    """
    Export by tracing; returns the file's bytes.

    torch calls this exporter legacy; its successor writes shapes and casts that TensorRT's parser
    has not been tried on. Nothing here branches on data, so tracing loses nothing.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        path = Path(folder) / 'graph.onnx'
        torch.onnx.export(module, inputs, path, input_names=names, output_names=outputs,
                          opset_version=OPSET, dynamo=False)
        data = path.read_bytes()
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    return data
