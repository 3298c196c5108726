# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Timings of an earlier build that the library refuses, by a fake of its settings."""
from bdl_perception.backends.tensorrt.api import ErrorLog
from bdl_perception.backends.tensorrt.build import use_timing_cache
from bdl_perception.model_store import ModelError
from fake_gpu import FakeTensorRt
import pytest


class Settings:
    """Refuses what it is told to, and keeps what it was given."""

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
def test_timings_that_do_not_fit_are_left_out_and_the_log_says_so(log, caplog, rejection, reason):
    settings = Settings(log, **rejection)
    use_timing_cache(log, settings, b'old')
    assert settings.used == [b''] and log.errors == []
    message, = caplog.messages
    assert 'rejects the timings of earlier builds' in message and reason in message


def test_timings_that_fit_are_used_without_a_word(log, caplog):
    settings = Settings(log)
    use_timing_cache(log, settings, b'old')
    assert settings.used == [b'old'] and caplog.messages == []


def test_a_library_that_refuses_even_none_is_told(log):
    with pytest.raises(ModelError, match='starting a timing cache failed'):
        use_timing_cache(log, Settings(log, unreadable=(b'',)), b'')
