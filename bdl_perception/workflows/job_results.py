# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""The result of a job as JSON, and a cache of finished results on disk."""
import hashlib
import json
from pathlib import Path
import re
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.files import write_atomic

Work = Callable[[Any], Any]  # a job that can be pickled -> JSON values
UNSAFE_CHARACTERS = re.compile(r'[^A-Za-z0-9_.-]+')
MAX_NAME_LENGTH = 80  # characters of a name; a file name must stay below 255 bytes


class JobResult(NamedTuple):
    """The value of one job, or the error when it failed."""

    name: str
    value: Any = None
    error: str = ''


def run_job(work: Work, job: object) -> tuple[str, str]:
    """Run the work; returns (value as JSON, ''), or ('', error)."""
    try:
        return json.dumps(work(job)), ''
    except Exception as error:  # noqa: BLE001  # the other jobs go on
        return '', f'{type(error).__name__}: {error}'


def parse_job_result(name: str, text: str, error: str) -> JobResult:
    """Read what run_job returned."""
    return JobResult(name, None, error) if error else JobResult(name, json.loads(text))


class ResultCache:
    """
    A folder with one JSON file for each finished value, valid for one fingerprint.

    fingerprint: what all values depend on (hashes of the model, samples, seed, options).
    item_fingerprints: by name, what one value depends on in addition (size and age of its files).
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any],
                 item_fingerprints: Mapping[str, Any] | None = None) -> None:
        """Make the folder; TypeError when the fingerprint is not JSON."""
        self._folder, self._fingerprint = folder, dict(fingerprint)
        self._item_fingerprints = item_fingerprints or {}
        canonical_json(self._fingerprint)
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> str | None:
        """Give the JSON of a value, or None when it is missing, outdated or damaged."""
        path = self.path(name)
        try:
            stored = json.loads(path.read_text(encoding='utf-8'))
            if stored['name'] != name or stored['fingerprint'] != self._digest(name):
                _warn(f'{path} is of another model, options or drive; {name} runs again')
                return None
            if stored['value_sha256'] != _sha256(stored['value']):
                raise ValueError('its checksum is wrong')
            return canonical_json(stored['value'])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _warn(f'{path} is damaged ({type(error).__name__}: {error}); {name} runs again')
            return None

    def put(self, name: str, value: Any) -> None:
        """Write a value atomically."""
        text = canonical_json({'name': name, 'fingerprint': self._digest(name),
                               'value_sha256': _sha256(value), 'value': value})
        write_atomic(self.path(name), text.encode())

    def path(self, name: str) -> Path:
        """Give the file of a value: its name, or the safe characters of it and its hash."""
        readable = UNSAFE_CHARACTERS.sub('_', name).lstrip('.')[-MAX_NAME_LENGTH:]
        if readable != name or name != name.lower():  # a file system may ignore case
            readable = f'{readable}~{hashlib.sha256(name.encode()).hexdigest()[:16]}'
        return self._folder / f'{readable}.json'

    def _digest(self, name: str) -> str:
        return _sha256({'of': self._fingerprint, 'mark': self._item_fingerprints.get(name)})


def canonical_json(value: Any) -> str:
    """Write JSON that is equal for equal values."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'))


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _warn(text: str) -> None:
    from tqdm import tqdm
    tqdm.write(f'warning: {text}')
