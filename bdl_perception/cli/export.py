# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl export`: export a checkpoint as a model folder."""
import argparse
from pathlib import Path
from typing import NamedTuple, Sequence, TYPE_CHECKING

from bdl_perception.cli.arguments import parse_count, parsed_by
from bdl_perception.cli.train import parse_source, terms_of_training
from bdl_perception.files import check_output_folder

if TYPE_CHECKING:
    from bdl_perception.datasets.base import Dataset
    from bdl_perception.network.feature_statistics import FeatureStatistics
    from bdl_perception.network.model import Network
    from bdl_perception.training.config import TrainConfig
    from torch import Tensor


PARITY_FRAMES = 3  # real frames on which ONNX Runtime is compared with torch, beside noise
MAX_SCALING_ROUNDS = 3  # several where sigma reaches its bounds
INTERVAL_FRAMES = 400  # validation frames on which sigma is scaled
MIN_FRAMES = 2  # of feature_statistics
BATCH_SIZE = 8  # frames
MODEL_FILES = ('perceive.onnx', 'sample.onnx', 'weights.pt', 'calibration.*')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the checkpoint, the model folder and the data."""
    parser.add_argument('checkpoint', type=Path, metavar='CHECKPOINT',
                        help='RUN/checkpoint.pt or RUN/best.pt of `bdl train`, or weights.pt of '
                             'a model folder, whose sigma is not scaled again')
    parser.add_argument('model', type=Path, metavar='MODEL_DIR', help='folder to write')
    parser.add_argument('--data', type=parse_source, action='append', required=True,
                        metavar='[KIND=]DIR',
                        help='training data, as for `bdl train`: the in-distribution frames')
    parser.add_argument('--size', type=parsed_by(parse_size), metavar='WIDTHxHEIGHT',
                        help='export the same network at another input size in px, such as '
                             '640x384; --data needs frames of at least this size, for the feature '
                             'statistics and sigma (default: the size that it was trained at)')
    parser.add_argument('--name', help='of the model (default: name of its folder)')
    parser.add_argument('--chunk', type=parsed_by(parse_count), default=4,
                        help='Monte Carlo passes in one run of the sample graph '
                             '(default: %(default)s)')
    parser.add_argument('--stride', type=parsed_by(parse_count), default=4,
                        help='take every n-th frame (default: %(default)s)')


def run(arguments: argparse.Namespace) -> int:
    """Fit the feature statistics, export the graphs and compare them with torch."""
    from bdl_perception.datasets import terms_of_kinds
    from bdl_perception.datasets.wrappers import ConcatDataset
    from bdl_perception.network.export import export_model
    from bdl_perception.training.data import open_split
    for name in ('chunk', 'stride'):
        if getattr(arguments, name) < 1:
            raise ValueError(f'{name} is {getattr(arguments, name)}, must be 1 or more')
    check_output_folder(arguments.model, MODEL_FILES, marker='model.json')
    network, config, scaled = at_size(load_trained_network(arguments.checkpoint), arguments)
    data = ConcatDataset([open_split(kind, root, 'train', config)
                          for kind, root in arguments.data])
    indices = range(0, len(data), arguments.stride)
    if len(indices) < MIN_FRAMES:
        raise ValueError(f'--stride {arguments.stride} takes {len(indices)} of the {len(data)} '
                         f'frames of --data, need at least {MIN_FRAMES} for feature statistics; '
                         f'give a smaller --stride or more --data')
    if scaled:
        print(f'sigma of {arguments.checkpoint} is not scaled again')
    else:
        calibrate_sigma(network, open_depth_validation(arguments.data, config))
    spec = export_model(
        arguments.model, network, fit_feature_statistics(network, data, indices),
        name=arguments.name or arguments.model.resolve().name, chunk=arguments.chunk,
        frames=parity_frames(network, data, indices),
        terms=list(dict.fromkeys((*terms_of_training(arguments.checkpoint),
                                  *terms_of_kinds(kind for kind, _ in arguments.data)))))
    size = sum(path.stat().st_size for path in arguments.model.iterdir())
    print(f'{arguments.model}: {spec.name}, {size / 1e6:.1f} MB, '
          f'perceive {spec.perceive_sha256[:12]}, sample {spec.sample_sha256[:12]}')
    print(f'terms of its training data: {spec.terms_line}')
    return 0


class TrainedNetwork(NamedTuple):
    """A network to be exported."""

    network: 'Network'
    config: 'TrainConfig'
    sigma_scaled: bool  # its intervals are calibrated already


class Size(NamedTuple):
    """The input size of a network, px."""

    width: int
    height: int

    def __str__(self) -> str:
        """Write it as on the command line."""
        return f'{self.width}x{self.height}'


def parse_size(text: str) -> Size:
    """Read WIDTHxHEIGHT; ValueError for any other text."""
    width, _, height = text.partition('x')
    if not (width.isdecimal() and height.isdecimal()):
        raise ValueError(f'{text!r} must be WIDTHxHEIGHT in px, such as 640x384')
    return Size(int(width), int(height))


def at_size(trained: TrainedNetwork, arguments: argparse.Namespace) -> TrainedNetwork:
    """
    Change the input size as --size says; sigma must then be scaled again.

    ValueError for a size that the network cannot have, and for data with smaller frames.
    """
    from dataclasses import replace

    from bdl_perception.network.export import network_at_size
    config = trained.network.config
    size = arguments.size or Size(config.width, config.height)
    if size == (config.width, config.height):
        return trained
    network = network_at_size(trained.network, *size)
    check_frame_sizes(arguments.data, size)
    print(f'{arguments.checkpoint} was trained at {config.width}x{config.height} px; at {size} '
          f'its accuracy differs, and an alarm needs a calibration of its own')
    return TrainedNetwork(network, replace(trained.config, network=network.config), False)


def check_frame_sizes(sources: Sequence[tuple[str, Path]], size: Size) -> None:
    """Raise ValueError for data with frames that would have to be enlarged."""
    from bdl_perception.datasets import open_dataset
    from bdl_perception.datasets.base import DatasetError
    for kind, root, split in ((*source, split) for source in sources
                              for split in ('train', 'validation')):
        try:
            height, width = open_dataset(kind, root, split)[0].classes.shape
        except DatasetError:
            if split == 'train':
                raise
            continue  # sigma is not scaled then, which is reported
        if width < size.width or height < size.height:
            raise ValueError(
                f'{kind}={root} has frames of {width}x{height} px, below --size {size}: enlarged '
                f'frames have less detail than real ones, and the feature statistics would call '
                f'those anomalous; give larger frames, such as of `bdl render --width '
                f'{size.width} --height {size.height}`')


def load_trained_network(path: Path) -> TrainedNetwork:
    """Read a checkpoint, or weights.pt of a model folder."""
    from bdl_perception.network.weights import is_weights, weights_from_bytes
    from bdl_perception.training.checkpoint import read_checkpoint, read_weights_file
    from bdl_perception.training.config import TrainConfig
    from bdl_perception.training.validation import untrained_tasks
    data = read_weights_file(path)
    if is_weights(data):
        network = weights_from_bytes(data, str(path)).network
        return TrainedNetwork(network, TrainConfig(network=network.config), True)
    checkpoint = read_checkpoint(path)
    if not checkpoint.config.aleatoric:
        raise ValueError(f'{path} was trained without aleatoric, so it has no variances to '
                         f'export; train with aleatoric')
    if tasks := untrained_tasks(checkpoint.progress.history):
        raise ValueError(f'{path} was not trained on {" and ".join(tasks)}: its data had no '
                         f'ground truth, or tasks was {checkpoint.config.tasks!r}; train both '
                         f'with a data set that has it, such as drives of `bdl render`')
    return TrainedNetwork(checkpoint.build_network(), checkpoint.config, False)


def open_depth_validation(sources: Sequence[tuple[str, Path]],
                          config: 'TrainConfig') -> list['Dataset']:
    """Open the validation splits with depth, on which sigma is scaled."""
    from bdl_perception.training.data import open_validation_split
    from bdl_perception.training.validation import labelled_tasks
    opened = [open_validation_split(kind, root, config) for kind, root in sources]
    return [one for one in opened if one is not None and 'depth' in labelled_tasks(one)]


def calibrate_sigma(network: 'Network', validation_sets: Sequence['Dataset']) -> None:
    """Scale sigma so that 90 % of validation depths lie in the 90 % interval."""
    from bdl_perception.datasets.wrappers import ConcatDataset
    from bdl_perception.network.export import scale_sigma
    from bdl_perception.training.batches import evenly_spaced, ordered_batches
    from bdl_perception.training.validation import measure_sigma_factor
    if not validation_sets:
        print('sigma was not scaled: no --data has validation frames with depth, so the coverage '
              'of its 90 % interval is unknown; `bdl render validation` makes some')
        return
    data = ConcatDataset(validation_sets)
    indices = evenly_spaced(len(data), INTERVAL_FRAMES)
    total = 1.0
    for _ in range(MAX_SCALING_ROUNDS):
        batches = ordered_batches(data, BATCH_SIZE, indices, network.config)
        factor = measure_sigma_factor(network, batches)
        scale_sigma(network, factor)
        total *= factor
        if abs(factor - 1) < 0.005:
            break
    print(f'sigma times {total:.3f}, so that 90 % of depths lie in the 90 % interval on '
          f'{len(indices)} validation frames')


def fit_feature_statistics(network: 'Network', data: 'Dataset',
                           indices: Sequence[int]) -> 'FeatureStatistics':
    """Fit the distribution of the features of these samples."""
    from bdl_perception.network.class_distance import frequent_classes
    from bdl_perception.network.feature_statistics import collect_features, fit_feature_statistics
    from bdl_perception.perception.data_types import CLASS_NAMES
    from bdl_perception.training.batches import ordered_batches
    from tqdm import tqdm
    batches = ordered_batches(data, BATCH_SIZE, indices, network.config)
    shown = tqdm(batches, 'feature statistics', -(-len(indices) // BATCH_SIZE), disable=None)
    features = collect_features(network, ((batch.rgb, batch.classes) for batch in shown))
    frequent = len(frequent_classes(features.cells, len(CLASS_NAMES)))
    print(f'{frequent} of {len(CLASS_NAMES)} classes have enough cells for statistics of their own'
          + ('' if frequent else ', so all cells form one class; give a smaller --stride, or more '
             '--data with classes'))
    return fit_feature_statistics(features, len(CLASS_NAMES))


def parity_frames(network: 'Network', data: 'Dataset',
                  indices: Sequence[int]) -> list['Tensor']:
    """Choose some of these samples and add noise, each (H, W, 3) uint8."""
    from bdl_perception.training.augment import fit_to_size
    from bdl_perception.training.batches import evenly_spaced
    import torch
    shape = (network.config.height, network.config.width, 3)
    frames = [torch.from_numpy(fit_to_size(data[indices[chosen]], *shape[:2]).rgb)
              for chosen in evenly_spaced(len(indices), PARITY_FRAMES)]
    generator = torch.Generator().manual_seed(0)
    return [*frames, torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)]
