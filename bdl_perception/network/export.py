# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Export of a trained network: two checked ONNX graphs, weights.pt and model.json."""
from dataclasses import dataclass, replace
import hashlib
import json
import math
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any, Mapping, Sequence
import warnings

from bdl_perception.network.decoder import DEPTH_LOG_VARIANCE_CHANNEL
from bdl_perception.network.feature_statistics import FeatureStatistics
from bdl_perception.network.graphs import (
    MAP_NAMES,
    MOMENT_NAMES,
    Perceive,
    Sample,
    SAMPLE_DECODER_STRIDE,
)
from bdl_perception.network.model import Network
from bdl_perception.network.weights import Weights, weights_to_bytes
from bdl_perception.perception.backend import ModelSpec, spec_to_dict
from bdl_perception.perception.data_types import CLASS_NAMES
import numpy as np
from numpy.typing import NDArray
import onnx
import onnxruntime
import torch
from torch import nn, Tensor

OLD_FOLDER = '.old'  # in the new model folder, until it is deleted
OPSET = 17  # read by ONNX Runtime since 1.12 and by every TensorRT that is still supported
SAMPLE_PIXEL_STRIDE = 2 * SAMPLE_DECODER_STRIDE  # px of the input: the decoder ends at half size
TOLERANCE = 1e-4  # of the largest value of an output; float32 sums in another order differ by 1e-6
CLASS_TOLERANCE = 1e-3  # share of pixels whose class may differ: ties between two logits
MIN_SCALE = 1e-3  # of an output: float32 resolves log-depths to 2e-7, of which m2 is made


@dataclass(frozen=True)
class ExportedGraphs:
    """Both graphs of one network, as bytes."""

    perceive: bytes
    sample: bytes


def export_model(folder: Path, network: Network, statistics: FeatureStatistics, *, name: str,
                 chunk: int, frames: Sequence[Tensor], terms: Sequence[str] = ()) -> ModelSpec:
    """
    Write perceive.onnx, sample.onnx, weights.pt and model.json, or nothing.

    chunk: stochastic passes in one run of the sample graph. frames: (H, W, 3) uint8, on which
    ONNX Runtime must agree with torch first (RuntimeError). terms: of the data that the network
    was trained on. An older folder is replaced.
    """
    network.eval()
    graphs = export_graphs(network, statistics, chunk)
    check_parity(graphs, network, statistics, chunk, frames)
    weights = weights_to_bytes(Weights(network, statistics))
    spec = replace(build_model_spec(network, graphs, name, chunk), terms=tuple(terms),
                   weights_sha256=hashlib.sha256(weights).hexdigest())
    replace_folder(folder, {
        'perceive.onnx': graphs.perceive, 'sample.onnx': graphs.sample, 'weights.pt': weights,
        'model.json': (json.dumps(spec_to_dict(spec), indent=2) + '\n').encode()})
    return spec


@torch.no_grad()
def scale_sigma(network: Network, factor: float) -> None:
    """
    Multiply the predicted sigma of log-depth by a factor, up to its bounds: s + 2 log factor.

    Predicted intervals then hold on drives that were not in the training set: a network is
    overconfident after long training and underconfident after short training. One factor, fitted
    on validation drives, corrects the mean of it (Kuleshov et al. 2018 fit a curve).
    """
    if not factor > 0:
        raise ValueError(f'factor of sigma is {factor}, must be positive')
    bias = network.decoder.heads.get_parameter('bias')
    bias[DEPTH_LOG_VARIANCE_CHANNEL] += 2 * math.log(factor)


def network_at_size(network: Network, width: int, height: int) -> Network:
    """
    Copy a network to another input size, px; ValueError unless it is a multiple of its stride.

    The weights fit any size. canonical_focal_px stays, because it is in px too: an object of the
    same size in px has the same depth in the canonical camera at every input size.
    """
    copy = Network(replace(network.config, width=width, height=height))
    copy.load_state_dict(network.state_dict())
    return copy.eval()


@torch.no_grad()
def export_graphs(network: Network, statistics: FeatureStatistics, chunk: int) -> ExportedGraphs:
    """Trace both modules with static shapes and check the graphs."""
    config = network.config
    if config.dropout not in ('deep', 'decoder'):
        raise ValueError(f'the network has dropout {config.dropout!r}: the sample graph needs it '
                         f'in the decoder, and only there')
    rgb = torch.zeros(1, config.height, config.width, 3, dtype=torch.uint8)
    perceive = Perceive(network, statistics).eval()
    features = perceive(rgb)[len(MAP_NAMES):]
    feature_names = [f'features_{level}' for level in range(len(features))]
    mask_names = [f'mask_{level}' for level in range(len(config.mask_channels))]
    return ExportedGraphs(
        _trace(perceive, (rgb,), ['rgb'], [*MAP_NAMES, *feature_names]),
        _trace(Sample(network).eval(), (*features, *network.draw_masks(chunk)),
               [*feature_names, *mask_names], list(MOMENT_NAMES)))


def _trace(module: nn.Module, inputs: tuple[Any, ...], names: list[str],
           outputs: list[str]) -> bytes:
    """
    Export by tracing; returns the bytes of the file.

    torch calls this exporter legacy. Its successor writes shapes and casts that were not tested
    with TensorRT's parser. The modules do not branch on data, so a trace is complete.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        path = Path(folder) / 'graph.onnx'
        torch.onnx.export(module, inputs, path, input_names=names, output_names=outputs,
                          opset_version=OPSET, dynamo=False)
        data = path.read_bytes()
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    return data


@torch.no_grad()
def check_parity(graphs: ExportedGraphs, network: Network, statistics: FeatureStatistics,
                 chunk: int, frames: Sequence[Tensor]) -> float:
    """
    Compare ONNX Runtime with torch on the same frames (H, W, 3) uint8 and the same masks.

    Returns the largest difference as a share of the output's largest value; RuntimeError when an
    output differs by more than the tolerance.
    """
    modules = Perceive(network, statistics).eval(), Sample(network).eval()
    sessions = _open_session(graphs.perceive), _open_session(graphs.sample)
    worst = 0.0
    for frame in frames:
        rgb = frame[None].contiguous()  # (1, H, W, 3)
        expected = modules[0](rgb)
        features, masks = expected[len(MAP_NAMES):], network.draw_masks(chunk)
        feature_inputs = {f'features_{k}': value.numpy() for k, value in enumerate(features)}
        mask_inputs = {f'mask_{k}': value.numpy() for k, value in enumerate(masks)}
        maps = dict(zip([*MAP_NAMES, *feature_inputs], expected, strict=True))
        moments = dict(zip(MOMENT_NAMES, modules[1](*features, *masks), strict=True))
        worst = max(worst, _check_outputs(sessions[0], {'rgb': rgb.numpy()}, maps),
                    _check_outputs(sessions[1], {**feature_inputs, **mask_inputs}, moments))
    return worst


def _open_session(graph: bytes) -> Any:
    return onnxruntime.InferenceSession(graph, providers=['CPUExecutionProvider'])


def _check_outputs(session: Any, inputs: Mapping[str, NDArray[Any]],
                   expected: Mapping[str, Tensor]) -> float:
    """Compare one run with torch's outputs; RuntimeError names an output that differs."""
    found = session.run(list(expected), dict(inputs))
    worst = 0.0
    for (name, tensor), value in zip(expected.items(), found, strict=True):
        wanted = tensor.numpy()
        if name == 'classes':
            share, limit = float((value != wanted).mean()), CLASS_TOLERANCE
        else:
            share, limit = relative_difference(value, wanted), TOLERANCE
            worst = max(worst, share)
        if not share <= limit:
            raise RuntimeError(f'output {name} of the exported graph is off by {share:.2g} of its '
                               f'largest value (limit {limit:g}); nothing was written')
    return worst


def relative_difference(value: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest difference as a share of the largest |expected|; NaN for any NaN."""
    scale = max(float(np.abs(expected).max()), MIN_SCALE)
    return float(np.abs(value - expected).max()) / scale


def build_model_spec(network: Network, graphs: ExportedGraphs, name: str, chunk: int) -> ModelSpec:
    """Describe the inputs and outputs of the graphs, and their hashes."""
    config = network.config
    probability = (network.dropout_probabilities if config.concrete
                   else config.dropout_probability)
    return ModelSpec(
        name=name, height=config.height, width=config.width,
        sample_height=config.height // SAMPLE_PIXEL_STRIDE,
        sample_width=config.width // SAMPLE_PIXEL_STRIDE,
        canonical_focal_px=config.canonical_focal_px, max_depth_m=config.max_depth_m,
        class_names=CLASS_NAMES, dropout_probability=probability,
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
        sibling.chmod(0o755)  # mkdtemp makes it private; other users read models
        for name, data in files.items():
            (sibling / name).write_bytes(data)
        if folder.exists():
            os.rename(folder, sibling / OLD_FOLDER)
        os.rename(sibling, folder)
    except BaseException:
        shutil.rmtree(sibling, ignore_errors=True)
        raise
    shutil.rmtree(folder / OLD_FOLDER, ignore_errors=True)
