# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""One job: what came of it, as text that any process can hand to any other."""
import hashlib
import json
from pathlib import Path
import re
from typing import Any, Callable, Mapping, NamedTuple

from bdl_perception.files import write_atomic

Work = Callable[[Any], Any]  # a picklable job in, JSON out


class JobResult(NamedTuple):
    """What came of one job; an error that is not empty means that there is no value."""

    name: str
    value: Any = None
    error: str = ''


def run_job(work: Work, job: object) -> tuple[str, str]:
    """Do the work; gives its value as JSON, or '' and what went wrong."""
    try:
        return json.dumps(work(job)), ''
    except Exception as error:  # noqa: BLE001  # whatever it is, others must go on
        return '', f'{type(error).__name__}: {error}'


def parse_job_result(name: str, text: str, error: str) -> JobResult:
    """Read what attempt() gave."""
    return JobResult(name, None, error) if error else JobResult(name, json.loads(text))


UNSAFE_CHARACTERS = re.compile(r'[^A-Za-z0-9_.-]+')
MAX_NAME_LENGTH = 80  # characters of a name; a file name must stay below 255 bytes


class ResultCache:
    """
    A folder with one JSON file for each finished value, bound to what it came from.

    The fingerprint is what all values depend on (hashes of the model, samples, seed, options);
    marks say by name what one depends on beside it (the size and age of its files).
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any],
                 item_fingerprints: Mapping[str, Any] | None = None) -> None:
        """Make the folder; TypeError when the fingerprint is not JSON."""
        self._folder, self._fingerprint, self._marks = folder, dict(fingerprint), item_fingerprints or {}
        canonical_json(self._fingerprint)
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> str | None:
        """Give the JSON of a value, or None when it has to be worked out (again)."""
        path = self.path(name)
        try:
            said = json.loads(path.read_text(encoding='utf-8'))
            if said['name'] != name or said['fingerprint'] != self._digest(name):
                _warn(f'{path} came of another model, options or drive; {name} is done again')
                return None
            if said['value_sha256'] != _sha256(said['value']):
                raise ValueError('its value is not the one that was written')
            return canonical_json(said['value'])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            _warn(f'{path} is damaged ({type(error).__name__}: {error}); {name} is done again')
            return None

    def put(self, name: str, value: Any) -> None:
        """Write so that a kill leaves the whole file or none."""
        text = canonical_json({'name': name, 'fingerprint': self._digest(name),
                          'value_sha256': _sha256(value), 'value': value})
        write_atomic(self.path(name), text.encode())

    def path(self, name: str) -> Path:
        """Name the file of a value: its own name, or what is readable of it and its hash."""
        readable = UNSAFE_CHARACTERS.sub('_', name).lstrip('.')[-MAX_NAME_LENGTH:]
        if readable != name or name != name.lower():  # case may not count on a disk
            readable = f'{readable}~{hashlib.sha256(name.encode()).hexdigest()[:16]}'
        return self._folder / f'{readable}.json'

    def _digest(self, name: str) -> str:
        return _sha256({'of': self._fingerprint, 'mark': self._marks.get(name)})


def canonical_json(value: Any) -> str:
    """Write JSON that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(',', ':'))


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _warn(text: str) -> None:
    from tqdm import tqdm
    tqdm.write(f'warning: {text}')
