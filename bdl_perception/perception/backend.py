# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
The model specification, the outputs of its two graphs, and the Backend interface.

To add an output of the single pass, change three files: this one (a row of PERCEIVE_OUTPUTS and a
field of RawPrediction), network/graphs.py (its computation) and data_types.py (a field of
Prediction). The graph contract, the parity table and the count of non-finite numbers use the rows.
"""
from dataclasses import asdict, dataclass
from typing import Any, Mapping, NamedTuple, Protocol, Sequence

from bdl_perception.perception.data_types import Bytes, CELL_PX, Features, Floats, Moments
import numpy as np

PRECISIONS = ('fp32', 'fp16')  # of a graph's arithmetic
PROVIDERS = ('cpu', 'cuda', 'tensorrt')  # devices of ONNX Runtime
FIT_MODES = ('crop', 'stretch')  # how a frame is fitted to the network's input
SEED_LIMIT = 2**64  # a seed is one 64-bit word of a Philox key
DEFAULT_MODEL = 'street'  # the shipped model for cameras: of the nodes and commands
DEMO_MODEL = 'street'  # the shipped model for rendered drives: of the bundled one, bench, faults
FORMAT = 1  # of model.json
MAX_NAME_LENGTH = 100  # of a model and of a class
MAX_TERMS = 20  # data sets
MAX_TERMS_LENGTH = 200  # of one data set
OPTIONAL_KEYS = {'format', 'terms', 'weights_sha256'}
DECODER_STRIDE = 2  # px; the decoder predicts at every second row and column of the frame


def check_seed(seed: int) -> None:
    """Raise ValueError for a seed that does not fit the 64-bit word of a Philox key."""
    if not 0 <= seed < SEED_LIMIT:
        raise ValueError(f'seed is {seed}, must be from 0 to 2**64 - 1')


def each_probability(probability: float | Sequence[float], layers: int) -> tuple[float, ...]:
    """Return the dropout probability of each layer; ValueError for a wrong value or number."""
    found = ((probability,) * layers if isinstance(probability, (int, float))
             else tuple(probability))
    if len(found) != layers:
        raise ValueError(f'dropout_probability has {len(found)} values, must be one, or one for '
                         f'each of the {layers} dropout layers')
    for value in found:
        if not 0 < value < 1:
            raise ValueError(f'dropout_probability is {value}, must lie between 0 and 1')
    return found


@dataclass(frozen=True)
class ModelSpec:
    """The contents of model.json, which is stored beside the two graphs."""

    name: str
    height: int  # px, of the network's input
    width: int  # px
    sample_height: int  # px, of the Monte Carlo moments
    sample_width: int  # px
    canonical_focal_px: float  # depth is predicted for a camera with this fx at input size
    max_depth_m: float  # the training range ends here; larger depth is published as +Inf
    class_names: tuple[str, ...]
    dropout_probability: float | tuple[float, ...]  # of all dropout layers, or one for each
    dropout_channels: tuple[int, ...]  # C_k of each dropout layer, in mask order
    chunk: int  # S, stochastic passes in one run of the sample graph
    perceive_sha256: str
    sample_sha256: str
    weights_sha256: str = ''  # of weights.pt, the network itself; '': the folder has none
    terms: tuple[str, ...] = ()  # of the data it was trained on; (): not recorded
    format: int = FORMAT  # noqa: A003  # the key in the file

    def __post_init__(self) -> None:
        """Check the values; ValueError names the wrong one."""
        if self.format != FORMAT:
            raise ValueError(f'model format is {self.format}, this version reads {FORMAT}; '
                             f'export the model again')
        for text in (self.name, *self.class_names):  # they are logged and published
            if not text.isprintable() or len(text) > MAX_NAME_LENGTH:
                raise ValueError(f'model name or class {text!r:.40} must be at most '
                                 f'{MAX_NAME_LENGTH} printable characters')
        if len(self.terms) > MAX_TERMS or not all(
                text.isprintable() and len(text) <= MAX_TERMS_LENGTH for text in self.terms):
            raise ValueError(f'model terms must be at most {MAX_TERMS} texts of at most '
                             f'{MAX_TERMS_LENGTH} printable characters')
        sizes = ('height', 'width', 'sample_height', 'sample_width', 'chunk')
        for name in sizes + ('canonical_focal_px', 'max_depth_m'):
            if not getattr(self, name) > 0:
                raise ValueError(f'model {name} is {getattr(self, name)}, must be positive')
        if not self.dropout_channels:
            raise ValueError('the model has no dropout layer; sampling needs at least one')
        each_probability(self.dropout_probability, len(self.dropout_channels))

    @property
    def terms_line(self) -> str:
        """Terms of the training data in one line, for a log or a table."""
        return '; '.join(self.terms) or 'not recorded'

    @property
    def sizes(self) -> dict[str, int]:
        """Return the lengths of the axes by the names used in Output.shape."""
        return {'H': self.height, 'W': self.width,
                'h': self.height // DECODER_STRIDE, 'w': self.width // DECODER_STRIDE,
                'cells_h': self.height // CELL_PX, 'cells_w': self.width // CELL_PX,
                'sample_h': self.sample_height, 'sample_w': self.sample_width,
                'K': len(self.class_names)}

    def check_samples(self, samples: int) -> None:
        """Check that the samples of a cycle are whole chunks; ValueError if not."""
        if samples < 2 or samples % self.chunk:
            raise ValueError(f'samples is {samples}, must be at least 2 and a multiple of '
                             f'{self.chunk}, the chunk of model {self.name}')


def spec_from_dict(values: Mapping[str, Any]) -> ModelSpec:
    """Read the contents of model.json; ValueError names missing and unknown keys."""
    known = set(ModelSpec.__dataclass_fields__)
    missing, unknown = known - set(values) - OPTIONAL_KEYS, set(values) - known
    if missing or unknown:
        raise ValueError(f'model.json: missing {sorted(missing)}, not known {sorted(unknown)}; '
                         f'export the model again')
    lists = {name: tuple(values[name]) for name in ('class_names', 'dropout_channels', 'terms')
             if name in values}
    if isinstance(values['dropout_probability'], list):
        lists['dropout_probability'] = tuple(values['dropout_probability'])
    return ModelSpec(**{**values, **lists})


def spec_to_dict(spec: ModelSpec) -> dict[str, Any]:
    """Return the contents of model.json."""
    return asdict(spec)


class Output(NamedTuple):
    """One output of a graph, without its batch axis."""

    name: str
    shape: tuple[str, ...]  # names of ModelSpec.sizes
    unit: str = ''
    dtype: str = 'float32'


PERCEIVE_OUTPUTS = (  # of the single pass, in the order of the graph; the features follow
    Output('depth', ('H', 'W'), 'm'),  # for a camera of the canonical focal length
    Output('aleatoric_std', ('H', 'W'), 'm'),  # likewise
    Output('classes', ('H', 'W'), dtype='uint8'),
    Output('entropy', ('H', 'W'), 'nat'),
    Output('max_probability', ('h', 'w')),
    Output('energy', ('h', 'w')),
    Output('log_depth_std', ('h', 'w')),
    Output('feature_distance', ()),
    Output('cell_distance', ('cells_h', 'cells_w')),
)
SAMPLE_OUTPUTS = (  # the moments of one chunk, in the order of the graph
    Output('log_depth_mean', ('sample_h', 'sample_w')),
    Output('log_depth_m2', ('sample_h', 'sample_w')),
    Output('probability_sum', ('K', 'sample_h', 'sample_w')),
    Output('entropy_sum', ('sample_h', 'sample_w'), 'nat'),
)


class RawPrediction(NamedTuple):
    """The outputs of the perceive graph as PERCEIVE_OUTPUTS lists them, and the features."""

    depth: Floats
    aleatoric_std: Floats
    classes: Bytes
    entropy: Floats
    max_probability: Floats
    energy: Floats
    log_depth_std: Floats
    feature_distance: Floats
    cell_distance: Floats
    features: Features


def count_non_finite(values: RawPrediction | Moments, outputs: Sequence[Output]) -> int:
    """Count the NaN and infinite numbers in these outputs; classes are integers and pass."""
    arrays = [np.asarray(getattr(values, output.name)) for output in outputs]
    return sum(array.size - int(np.isfinite(array).sum()) for array in arrays)


class Backend(Protocol):
    """Runs the two graphs of one model; see backends/ for the implementations."""

    name: str
    precision: str  # fp32 or fp16, of the graphs' arithmetic
    spec: ModelSpec

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8 of the model's input size."""

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes; masks: one (S, C_k) array per dropout layer."""

    def close(self) -> None:
        """Release the resources; the backend cannot be used afterwards."""
