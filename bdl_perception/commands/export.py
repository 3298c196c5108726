# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl export`: turn a checkpoint into the folder that the node runs."""
import argparse
from pathlib import Path
from typing import NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.commands.train_data import open_split
from bdl_perception.commands.train_data import open_validation
from bdl_perception.commands.train_data import source

if TYPE_CHECKING:
    from bdl_perception.network.feature_statistics import FeatureStatistics
    from bdl_perception.network.model import Network
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.datasets import Dataset
    from torch import Tensor

PARITY_PICTURES = 3  # real frames on which ONNX Runtime must agree with torch, beside noise
SCALINGS = 3  # more than one where sigma meets its bounds
INTERVAL_FRAMES = 400  # of the validation drives, on which sigma is scaled
LEAST_FRAMES = 2  # of feature_statistics
BATCH = 8  # frames whose features are taken together


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what an export can be told."""
    parser.add_argument('checkpoint', type=Path,
                        help='RUN/checkpoint.pt or RUN/best.pt of `bdl train`, or weights.pt of '
                             'a model folder, whose sigma is kept')
    parser.add_argument('model', type=Path, metavar='MODEL_DIR', help='folder to write')
    parser.add_argument('--data', type=source, action='append', required=True,
                        metavar='[KIND=]DIR',
                        help='what it was trained on, as for `bdl train`: what is familiar')
    parser.add_argument('--name', help='of the model (default: name of its folder)')
    parser.add_argument('--chunk', type=int, default=4,
                        help='stochastic passes in one run (default: %(default)s)')
    parser.add_argument('--stride', type=int, default=4,
                        help='take every n-th frame (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Fit the feature statistics, export, compare, write."""
    from bdl_perception.network.export import export_model
    from bdl_perception.training.datasets.mixed import Mixed
    for name in ('chunk', 'stride'):
        if getattr(arguments, name) < 1:
            raise ValueError(f'{name} is {getattr(arguments, name)}, must be 1 or more')
    network, config, scaled = open_trained(arguments.checkpoint)
    data = Mixed([open_split(kind, root, 'train', config) for kind, root in arguments.data])
    indices = range(0, len(data), arguments.stride)
    if len(indices) < LEAST_FRAMES:
        raise ValueError(f'--stride {arguments.stride} takes {len(indices)} of the {len(data)} '
                         f'frames of --data, need at least {LEAST_FRAMES} to see how features '
                         f'lie; give a smaller --stride or more --data')
    if scaled:
        print(f'sigma is kept as it is in {arguments.checkpoint}')
    else:
        hold_intervals(network, open_held_out(arguments.data, config))
    spec = export_model(
        arguments.model, network, fit_statistics(network, data, indices),
        name=arguments.name or arguments.model.resolve().name, chunk=arguments.chunk,
        pictures=parity_pictures(network, data, indices))
    size = sum(path.stat().st_size for path in arguments.model.iterdir())
    print(f'{arguments.model}: {spec.name}, {size / 1e6:.1f} MB, '
          f'perceive {spec.perceive_sha256[:12]}, sample {spec.sample_sha256[:12]}')
    return 0


class Trained(NamedTuple):
    """A network to be exported."""

    network: 'Network'
    config: 'TrainConfig'
    scaled: bool  # sigma holds its intervals already


def open_trained(path: Path) -> Trained:
    """Read a checkpoint, or weights.pt of a model folder."""
    from bdl_perception.network.weights import is_weights
    from bdl_perception.network.weights import weights_from_bytes
    from bdl_perception.training.checkpoint import read_checkpoint
    from bdl_perception.training.checkpoint import read_stored
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.truth import untaught
    data = read_stored(path)
    if is_weights(data):
        network = weights_from_bytes(data, str(path)).network
        return Trained(network, TrainConfig(network=network.config), True)
    checkpoint = read_checkpoint(path)
    if not checkpoint.config.aleatoric:
        raise ValueError(f'{path} was trained without aleatoric: its variances mean nothing, so '
                         f'there is nothing to export')
    if tasks := untaught(checkpoint.progress.history):
        raise ValueError(f'{path} was never taught {" and ".join(tasks)}: no data of its run had '
                         f'truth of it, so the model would answer by chance; train again with a '
                         f'set that has it, such as drives of `bdl render`, mixed in')
    return Trained(checkpoint.build_network(), checkpoint.config, False)


def open_held_out(sources: Sequence[tuple[str, Path]], config: 'TrainConfig') -> list['Dataset']:
    """Open what sigma is scaled on: the validation splits that have depth."""
    from bdl_perception.training.truth import tasks_of
    opened = [open_validation(kind, root, config) for kind, root in sources]
    return [one for one in opened if one is not None and 'depth' in tasks_of(one)]


def hold_intervals(network: 'Network', held_out: Sequence['Dataset']) -> None:
    """Scale sigma so that the 90 % interval of depth holds on frames that were not taught."""
    from bdl_perception.training.batches import plain_batches
    from bdl_perception.training.batches import spread_indices
    from bdl_perception.training.datasets.mixed import Mixed
    from bdl_perception.training.interval_scale import fit_sigma_factor
    from bdl_perception.training.interval_scale import scale_sigma
    if not held_out:
        print('sigma was not scaled: no --data has validation frames with depth, so nobody knows '
              'whether its 90 % interval holds; `bdl render validation` makes some')
        return
    data = Mixed(held_out)
    indices = spread_indices(len(data), INTERVAL_FRAMES)
    total = 1.0
    for _ in range(SCALINGS):
        factor = fit_sigma_factor(network, plain_batches(data, BATCH, indices, network.config))
        scale_sigma(network, factor)
        total *= factor
        if abs(factor - 1) < 0.005:
            break
    print(f'sigma times {total:.3f}, so that 90 % of depths lie in the 90 % interval on '
          f'{len(indices)} validation frames')


def fit_statistics(network: 'Network', data: 'Dataset',
                   indices: Sequence[int]) -> 'FeatureStatistics':
    """Look at these samples once and remember how their features lie."""
    from bdl_perception.network.cells import common_classes
    from bdl_perception.network.feature_statistics import feature_statistics
    from bdl_perception.network.feature_statistics import look
    from bdl_perception.perception.classes import CLASS_NAMES
    from bdl_perception.training.batches import plain_batches
    from tqdm import tqdm
    batches = plain_batches(data, BATCH, indices, network.config)
    shown = tqdm(batches, 'feature statistics', -(-len(indices) // BATCH), disable=None)
    looked = look(network, ((batch.rgb, batch.classes) for batch in shown))
    common = len(common_classes(looked.cells, len(CLASS_NAMES)))
    print(f'{common} of {len(CLASS_NAMES)} classes have cells enough to be compared with'
          + ('' if common else ', so all cells are compared with as one class; take more frames '
             'with a smaller --stride, or give more --data with classes'))
    return feature_statistics(looked, len(CLASS_NAMES))


def parity_pictures(network: 'Network', data: 'Dataset',
                    indices: Sequence[int]) -> list['Tensor']:
    """Choose some of these samples and add one of noise, (H, W, 3) uint8."""
    from bdl_perception.training.augment import fitted
    from bdl_perception.training.batches import spread_indices
    import torch
    shape = (network.config.height, network.config.width, 3)
    frames = [torch.from_numpy(fitted(data[indices[chosen]], *shape[:2]).rgb)
              for chosen in spread_indices(len(indices), PARITY_PICTURES)]
    generator = torch.Generator().manual_seed(0)
    return [*frames, torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)]
