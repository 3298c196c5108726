# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""`bdl evaluate`: measure a model on rendered drives and CamVid; the tables of its card."""
import argparse
import json
from pathlib import Path
from typing import Any, Iterable, Mapping, TYPE_CHECKING

from bdl_perception.commands.sampling import add_sampling_arguments
from bdl_perception.commands.sampling import open_model
from bdl_perception.commands.sources import camvid_length
from bdl_perception.commands.sources import read_camvid
from bdl_perception.commands.sources import read_rendered
from bdl_perception.commands.sources import rendered_drives
from bdl_perception.version import software_version

if TYPE_CHECKING:
    from bdl_perception.evaluation.measure import Meter
    from bdl_perception.evaluation.view import Labelled
    from bdl_perception.perception.backend import Backend

CAMVID_SPLITS = {'validation': 'val', 'test': 'test'}  # what is chosen on never meets test
JSON, MARKDOWN = 'evaluation.json', 'evaluation.md'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what an evaluation can be told."""
    parser.add_argument('--model', required=True, help='name of a shipped model, or model folder')
    parser.add_argument('--data', type=Path, required=True, metavar='DIR',
                        help='the OUT of `bdl render`: DIR/SPLIT is nominal, each '
                             'DIR/SPLIT_CONDITION that is there is held out')
    parser.add_argument('--split', choices=CAMVID_SPLITS, default='test',
                        help='(default: %(default)s)')
    parser.add_argument('--camvid', type=Path, metavar='DIR',
                        help='CamVid as SegNet has it; its val with --split validation, else test')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help=f'folder for {JSON} and {MARKDOWN}')
    parser.add_argument('--stride', type=int, default=1,
                        help='take every n-th frame of a drive (default: %(default)s)')
    add_sampling_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure every set, then write both files."""
    from bdl_perception.evaluation.measure import Meter
    from bdl_perception.evaluation.tables import markdown
    from bdl_perception.evaluation.tables import plain
    import onnx  # noqa: F401  # if it is missing, better now than after the last drive
    if arguments.stride < 1:
        raise ValueError(f'stride is {arguments.stride}, must be 1 or more')
    drives = find_sets(arguments.data, arguments.split)
    if arguments.camvid:
        camvid_length(arguments.camvid, CAMVID_SPLITS[arguments.split])  # fails now, not at last
    backend = open_model(arguments)
    try:
        meter = Meter(backend, arguments.samples, arguments.seed)
        arguments.out.mkdir(parents=True, exist_ok=True)  # fails now, not at last
        sets = _measure_all(meter, drives, arguments)
        first = next(read_rendered(drives[arguments.split]))
        milliseconds = meter.time(first.frame)
    finally:
        backend.close()
    made = plain({**_identity(backend, arguments), 'ms': milliseconds._asdict(), 'sets': sets})
    (arguments.out / JSON).write_text(json.dumps(made, indent=1) + '\n', encoding='utf-8')
    (arguments.out / MARKDOWN).write_text(markdown(made), encoding='utf-8')
    print(markdown(made), f'written to {arguments.out}', sep='\n')
    return 0


def find_sets(data: Path, split: str) -> dict[str, list[Path]]:
    """Find the drives of the nominal split, first, and of every held-out condition of it."""
    nominal = rendered_drives(data / split)
    if not nominal:
        raise ValueError(f'{data / split} holds no drive; make some with `bdl render {split} '
                         f'--out {data}`')
    held_out = {path.name: rendered_drives(path) for path in sorted(data.glob(f'{split}_*'))
                if not (path / 'drive.json').exists()}
    return {split: nominal, **{name: found for name, found in held_out.items() if found}}


def _measure_all(meter: 'Meter', drives: Mapping[str, list[Path]],
                 arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the nominal drives, then all others beside them."""
    from bdl_perception.evaluation.tables import result_of
    nominal = None
    made = {}
    for name, folders in drives.items():
        frames = _shown(name, read_rendered(folders, arguments.stride))
        measured = meter.measure(frames)
        made[name] = result_of(measured, len(folders), nominal)
        nominal = nominal or measured
    if arguments.camvid:
        split = CAMVID_SPLITS[arguments.split]
        frames = _shown(f'camvid {split}', read_camvid(arguments.camvid, split))
        measured = meter.measure(frames, 'stretch')
        made[f'camvid_{split}'] = result_of(measured, 0, nominal)
    return made


def _shown(title: str, frames: Iterable['Labelled']) -> Iterable['Labelled']:
    from tqdm import tqdm
    return tqdm(frames, title, unit='frame', disable=None)


def _identity(backend: 'Backend', arguments: argparse.Namespace) -> dict[str, Any]:
    """Say which model this is of, how large it is, and how it was run."""
    from bdl_perception.backends.model_files import load_model_files
    from bdl_perception.network.graph_size import count_parameters
    files = load_model_files(arguments.model)
    return {
        'model': backend.spec.name, 'software_version': software_version(),
        'perceive_sha256': files.spec.perceive_sha256, 'sample_sha256': files.spec.sample_sha256,
        'parameters': {'perceive': count_parameters(files.perceive),
                       'sample': count_parameters(files.sample)},
        'split': arguments.split, 'stride': arguments.stride, 'samples': arguments.samples,
        'seed': arguments.seed, 'backend': backend.name, 'threads': arguments.threads}
