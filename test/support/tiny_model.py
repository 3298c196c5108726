# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
A model folder for tests: random one-by-one convolutions that honour the contract of the graphs.

Made in milliseconds, without torch. A brighter image is deeper, a blue one is sky, and the
dropout masks really move the outputs, so that a test can see each of them arrive.
"""
import hashlib
import json
from pathlib import Path

from bdl_perception.perception.backend import ModelSpec, spec_to_dict
from bdl_perception.perception.data_types import CLASS_NAMES, SKY
import numpy as np
from onnx import helper, ModelProto, numpy_helper, TensorProto

CHANNELS = (8, 4)  # C_k: the first three of layer 0 are red, green and blue themselves
MAX_DEPTH_M = 40.  # a nearly white image is deeper
CANONICAL_FOCAL_PER_WIDTH = .8  # of the canonical camera: about 64 degrees across


def make_tiny_model(folder: Path, *, name: str = 'tiny', height: int = 24, width: int = 40,
                    chunk: int = 2, seed: int = 0, nan_on_white: bool = False) -> Path:
    """
    Write perceive.onnx, sample.onnx and model.json into folder, which is made and returned.

    height and width are multiples of 4. With nan_on_white a purely white image gives NaN
    depth, as a broken network would; every other image gives numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = _weights(np.random.default_rng(seed))
    graphs = {'perceive': _perceive(weights, height, width, nan_on_white),
              'sample': _sample(weights, height, width, chunk)}
    hashes = {}
    for graph, model in graphs.items():
        data = model.SerializeToString()
        (folder / f'{graph}.onnx').write_bytes(data)
        hashes[f'{graph}_sha256'] = hashlib.sha256(data).hexdigest()
    spec = ModelSpec(
        name=name, height=height, width=width, sample_height=height // 2,
        sample_width=width // 2, canonical_focal_px=CANONICAL_FOCAL_PER_WIDTH * width,
        max_depth_m=MAX_DEPTH_M, class_names=CLASS_NAMES, dropout_probability=.2,
        dropout_channels=CHANNELS, chunk=chunk, **hashes)
    (folder / 'model.json').write_text(json.dumps(spec_to_dict(spec), indent=2))
    return folder


def _weights(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw positive weights for the depth, so that brighter is always deeper."""
    mix = np.concatenate([np.eye(3), rng.uniform(.05, .5, (CHANNELS[0] - 3, 3))])
    classes = rng.normal(0, 1.5, (len(CLASS_NAMES), sum(CHANNELS)))
    classes -= classes.mean(axis=1, keepdims=True)  # colour decides, not brightness
    classes[SKY] = 0
    classes[SKY, :3] = -9, -9, 15  # blue is sky
    depth = rng.uniform(.2, .4, (1, sum(CHANNELS)))
    arrays = {'mix': mix, 'mix_coarse': rng.uniform(.05, .5, (CHANNELS[1], 3)),
              'to_classes': classes, 'to_depth': depth}
    shaped = {key: value[:, :, None, None] for key, value in arrays.items()}  # (out, in, 1, 1)
    shaped['class_bias'] = -np.eye(len(CLASS_NAMES))[SKY]  # (K,), so that black is no sky
    return {key: value.astype(np.float32) for key, value in shaped.items()}


def _perceive(weights: dict[str, np.ndarray], height: int, width: int,
              nan_on_white: bool) -> ModelProto:
    graph = _Graph(weights)
    rgb = graph.add('Cast', 'rgb', to=TensorProto.FLOAT)
    rgb = graph.add('Transpose', graph.add('Div', rgb, graph.constant(255.)), perm=[0, 3, 1, 2])
    half = graph.add('AveragePool', rgb, kernel_shape=[2, 2], strides=[2, 2])
    graph.add('Conv', half, 'mix', to='features_0')
    quarter = graph.add('AveragePool', half, kernel_shape=[2, 2], strides=[2, 2])
    graph.add('Conv', quarter, 'mix_coarse', to='features_1')
    log_depth, logits = graph.heads('features_0', 'features_1')
    if nan_on_white:  # the square root of minus one where the darkest value is 1, else of zero
        darkest = graph.add('ReduceMin', rgb, axes=[1, 2, 3], keepdims=1)
        trap = graph.add('Sqrt', graph.add('Neg', graph.add('Floor', darkest)))
        log_depth = graph.add('Add', log_depth, trap)
    graph.add('Squeeze', graph.add('Exp', graph.enlarge(log_depth)), graph.axes(1), to='depth')
    graph.add('Mul', 'depth', graph.constant(.1), to='aleatoric_std')
    spread = graph.add('Mul', log_depth, graph.constant(.05))
    graph.add('Squeeze', spread, graph.axes(1), to='log_depth_std')
    large = graph.enlarge(logits)
    best = graph.add('ArgMax', large, axis=1, keepdims=0)
    graph.add('Cast', best, to_type=TensorProto.UINT8, to='classes')
    graph.add('Squeeze', graph.entropy(graph.softmax(large)), graph.axes(1), to='entropy')
    graph.add('ReduceMax', graph.softmax(logits), axes=[1], keepdims=0, to='max_probability')
    graph.add('Neg', graph.add('ReduceLogSumExp', logits, axes=[1], keepdims=0), to='energy')
    grey = graph.add('ReduceMean', rgb, axes=[1, 2, 3], keepdims=0)
    off = graph.add('Abs', graph.add('Sub', grey, graph.constant(.5)))
    graph.add('Mul', off, graph.constant(10.), to='feature_distance')
    cells = graph.add('AveragePool', rgb, kernel_shape=[8, 8], strides=[8, 8])
    grey = graph.add('ReduceMean', cells, axes=[1], keepdims=0)
    off = graph.add('Abs', graph.add('Sub', grey, graph.constant(.5)))
    graph.add('Mul', off, graph.constant(10.), to='cell_distance')
    small, coarse = (height // 2, width // 2), (height // 4, width // 4)
    shapes = dict.fromkeys(('max_probability', 'energy', 'log_depth_std'), (1, *small))
    shapes |= dict.fromkeys(('depth', 'aleatoric_std', 'classes', 'entropy'), (1, height, width))
    shapes |= {'feature_distance': (1,), 'cell_distance': (1, height // 8, width // 8)}
    shapes |= {'features_0': (1, CHANNELS[0], *small),
               'features_1': (1, CHANNELS[1], *coarse)}
    return graph.build({'rgb': (1, height, width, 3)}, shapes)


def _sample(weights: dict[str, np.ndarray], height: int, width: int, chunk: int) -> ModelProto:
    graph = _Graph(weights)
    log_depth, logits = graph.heads(graph.add('Mul', 'features_0', 'mask_0'),
                                    graph.add('Mul', 'features_1', 'mask_1'))
    log_depth = graph.add('Squeeze', log_depth, graph.axes(1))  # (S, h, w)
    graph.add('ReduceMean', log_depth, axes=[0], keepdims=0, to='log_depth_mean')
    deviation = graph.add('Sub', log_depth, 'log_depth_mean')
    graph.add('ReduceSumSquare', deviation, axes=[0], keepdims=0, to='log_depth_m2')
    probability = graph.softmax(logits)
    graph.add('ReduceSum', probability, graph.axes(0), keepdims=0, to='probability_sum')
    entropy = graph.add('Squeeze', graph.entropy(probability), graph.axes(1))
    graph.add('ReduceSum', entropy, graph.axes(0), keepdims=0, to='entropy_sum')
    small, coarse = (height // 2, width // 2), (height // 4, width // 4)
    inputs = {'features_0': (1, CHANNELS[0], *small), 'features_1': (1, CHANNELS[1], *coarse)}
    inputs |= {f'mask_{k}': (chunk, channels, 1, 1) for k, channels in enumerate(CHANNELS)}
    outputs = dict.fromkeys(('log_depth_mean', 'log_depth_m2', 'entropy_sum'), small)
    return graph.build(inputs, {**outputs, 'probability_sum': (len(CLASS_NAMES), *small)})


class _Graph:
    """Collects the nodes of one graph; tensors are known by their names."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        self._nodes: list[object] = []
        self._constants = {key: numpy_helper.from_array(value, key)
                           for key, value in weights.items()}

    def add(self, kind: str, *inputs: str, to: str | int | None = None,
            to_type: int | None = None, **attributes: object) -> str:
        """Add one node; `to` names its output (or, of a Cast, its type)."""
        if isinstance(to, int):
            to, to_type = None, to
        if to_type is not None:
            attributes['to'] = to_type
        output = to or f't{len(self._nodes)}'
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: float) -> str:
        """Name a float32 scalar."""
        return self._keep(f'constant_{value}', np.array(value, np.float32))

    def axes(self, *axes: int) -> str:
        """Name a list of axes."""
        return self._keep(f'axes_{axes}', np.array(axes, np.int64))

    def _keep(self, key: str, value: np.ndarray) -> str:
        self._constants[key] = numpy_helper.from_array(value, key)
        return key

    def enlarge(self, tensor: str, mode: str = 'linear') -> str:
        """Double height and width."""
        scales = self._keep('scales', np.array([1, 1, 2, 2], np.float32))
        return self.add('Resize', tensor, '', scales, mode=mode)

    def heads(self, fine: str, coarse: str) -> tuple[str, str]:
        """Return log-depth and logits of the features; the depth is from 2 m to about 45 m."""
        stack = self.add('Concat', fine, self.enlarge(coarse), axis=1)
        log_depth = self.add('Conv', stack, 'to_depth')
        log_depth = self.add('Add', log_depth, self.constant(.7))
        return log_depth, self.add('Conv', stack, 'to_classes', 'class_bias')

    def softmax(self, logits: str) -> str:
        """Return class probabilities."""
        return self.add('Softmax', logits, axis=1)

    def entropy(self, probability: str) -> str:
        """Return -sum p log p, nat, with a class axis of length 1."""
        safe = self.add('Max', probability, self.constant(1e-12))
        terms = self.add('Mul', probability, self.add('Log', safe))
        return self.add('Neg', self.add('ReduceSum', terms, self.axes(1), keepdims=1))

    def build(self, inputs: dict[str, tuple[int, ...]],
              outputs: dict[str, tuple[int, ...]]) -> ModelProto:
        """Make the model; rgb and classes are uint8, all else is float32."""
        def describe(tensors: dict[str, tuple[int, ...]]) -> list[object]:
            return [helper.make_tensor_value_info(
                key, TensorProto.UINT8 if key in ('rgb', 'classes') else TensorProto.FLOAT, shape)
                for key, shape in tensors.items()]

        used = {name for node in self._nodes for name in node.input}
        constants = [value for key, value in self._constants.items() if key in used]
        graph = helper.make_graph(self._nodes, 'tiny', describe(inputs), describe(outputs),
                                  constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
