# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""What a thing must do to run the network: three calls and a name."""
from dataclasses import asdict, dataclass
from typing import Any, Mapping, NamedTuple, Protocol, Sequence

from bdl_perception.perception.types import Bytes, Features, Floats, Moments

PRECISIONS = ('fp32', 'fp16')  # of a graph's arithmetic
PROVIDERS = ('cpu', 'cuda', 'tensorrt')  # devices of ONNX Runtime
FORMAT = 1  # of model.json
OPTIONAL_KEYS = {'format', 'weights_sha256'}


@dataclass(frozen=True)
class ModelSpec:
    """The contents of model.json, which lies beside the two graphs."""

    name: str
    height: int  # px, of the network's input
    width: int  # px
    sample_height: int  # px, of the Monte Carlo moments
    sample_width: int  # px
    canonical_focal_px: float  # depth is predicted as a camera of this fx at input size sees it
    max_depth_m: float  # beyond this the network was never taught; published as +Inf
    class_names: tuple[str, ...]
    dropout_probability: float
    dropout_channels: tuple[int, ...]  # C_k of each dropout layer, in mask order
    chunk: int  # S, stochastic passes in one run of the sample graph
    perceive_sha256: str
    sample_sha256: str
    weights_sha256: str = ''  # of weights.pt, the network itself; '': the folder has none
    format: int = FORMAT  # noqa: A003  # as the file says

    def __post_init__(self) -> None:
        """Refuse a description that no graph can have."""
        if self.format != FORMAT:
            raise ValueError(f'model format is {self.format}, this version reads {FORMAT}; '
                             f'export the model again')
        sizes = ('height', 'width', 'sample_height', 'sample_width', 'chunk')
        for name in sizes + ('canonical_focal_px', 'max_depth_m'):
            if not getattr(self, name) > 0:
                raise ValueError(f'model {name} is {getattr(self, name)}, must be positive')
        if not 0 < self.dropout_probability < 1:
            raise ValueError(
                f'dropout_probability is {self.dropout_probability}, must lie between 0 and 1')
        if not self.dropout_channels:
            raise ValueError('the model has no dropout layer, so nothing can be sampled')

    def check_samples(self, samples: int) -> None:
        """Refuse, with a ValueError, a number of samples that no chunks add up to."""
        if samples < 2 or samples % self.chunk:
            raise ValueError(f'samples is {samples}, must be at least 2 and a multiple of '
                             f'{self.chunk}, the chunk of model {self.name}')


def spec_from_dict(values: Mapping[str, Any]) -> ModelSpec:
    """Read what model.json holds; ValueError names what is missing or not known."""
    known = set(ModelSpec.__dataclass_fields__)
    missing, unknown = known - set(values) - OPTIONAL_KEYS, set(values) - known
    if missing or unknown:
        raise ValueError(f'model.json: missing {sorted(missing)}, not known {sorted(unknown)}; '
                         f'export the model again')
    lists = {name: tuple(values[name]) for name in ('class_names', 'dropout_channels')}
    return ModelSpec(**{**values, **lists})


def spec_to_dict(spec: ModelSpec) -> dict[str, Any]:
    """Turn a spec into what model.json holds."""
    return asdict(spec)


class RawPrediction(NamedTuple):
    """The outputs of the perceive graph, batch axis removed, in the canonical camera."""

    depth: Floats  # (H, W) m, as seen by a camera of the canonical focal length
    aleatoric_std: Floats  # (H, W) m, likewise
    classes: Bytes  # (H, W)
    entropy: Floats  # (H, W) nat
    max_probability: Floats  # (h, w)
    energy: Floats  # (h, w)
    log_depth_std: Floats  # (h, w)
    feature_distance: Floats  # ()
    cell_distance: Floats  # (h', w')
    features: Features


class Backend(Protocol):
    """Runs the two graphs of one model; see backends/ for the implementations."""

    name: str
    precision: str  # fp32 or fp16, of the graphs' arithmetic
    spec: ModelSpec

    def perceive(self, rgb: Bytes) -> RawPrediction:
        """Run the single pass on rgb (H, W, 3) uint8 of exactly the model's input size."""

    def sample(self, features: Features, masks: Sequence[Floats]) -> Moments:
        """Run one chunk of S stochastic passes; masks: one (S, C_k) array per dropout layer."""

    def close(self) -> None:
        """Give back what the backend holds; it cannot be used afterwards."""
