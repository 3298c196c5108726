# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Rejected timings of an earlier build, with a fake of the build settings."""
from bdl_perception.backends.tensorrt.api import ErrorLog
from bdl_perception.backends.tensorrt.build import use_timing_cache
from bdl_perception.model_store import ModelError
from fake_gpu import FakeTensorRt
import pytest


class Settings:
    """Rejects the given caches and records the ones in use."""

    def __init__(self, log, unreadable=(), unfit=()):
        self.log = log
        self.unreadable = unreadable
        self.unfit = unfit
        self.used = []

    def create_timing_cache(self, data):
        return None if data in self.unreadable else data

    def set_timing_cache(self, cache, ignore_mismatch):
        assert not ignore_mismatch
        if cache in self.unfit:
            self.log.logger.log('error', 'made on another device')
            return False
        self.used.append(cache)
        return True


@pytest.fixture
def log():
    return ErrorLog(FakeTensorRt())


@pytest.mark.parametrize('rejection, reason', [
    ({'unfit': (b'old',)}, 'made on another device'), ({'unreadable': (b'old',)}, 'no reason')])
def test_rejected_timings_are_replaced_and_logged(log, caplog, rejection, reason):
    settings = Settings(log, **rejection)
    use_timing_cache(log, settings, b'old')
    assert settings.used == [b''] and log.errors == []
    message, = caplog.messages
    assert 'rejects the timings of earlier builds' in message and reason in message


def test_accepted_timings_are_used_and_nothing_is_logged(log, caplog):
    settings = Settings(log)
    use_timing_cache(log, settings, b'old')
    assert settings.used == [b'old'] and caplog.messages == []


def test_a_library_that_rejects_an_empty_cache_is_an_error(log):
    with pytest.raises(ModelError, match='starting a timing cache failed'):
        use_timing_cache(log, Settings(log, unreadable=(b'',)), b'')
