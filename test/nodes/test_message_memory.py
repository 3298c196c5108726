# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""Settings of Fast DDS and malloc; a profile of the user is never replaced."""
import os
from pathlib import Path
from xml.etree import ElementTree

from bdl_perception.demo.processes import FAST_DDS_PROFILE
from bdl_perception.nodes import message_memory
from bdl_perception.nodes.message_memory import (
    PROFILE,
    PROFILE_VARIABLES,
    QOS_VARIABLE,
    return_message_memory,
)
import pytest

NAMESPACE = '{http://www.eprosima.com}'


VARIABLES = (*PROFILE_VARIABLES, QOS_VARIABLE)


def chosen(monkeypatch, given):
    """Call return_message_memory() with these variables; returns those that are set then."""
    for name in VARIABLES:
        monkeypatch.setenv(name, given.get(name, ''))  # restores it after the test
        if name not in given:
            monkeypatch.delenv(name)
    return_message_memory()
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def test_without_a_profile_ours_is_used(monkeypatch):
    assert chosen(monkeypatch, {}) == {PROFILE_VARIABLES[0]: str(PROFILE), QOS_VARIABLE: '1'}
    assert PROFILE.is_file()


@pytest.mark.parametrize('variable', PROFILE_VARIABLES)
def test_a_profile_of_the_user_is_not_changed(monkeypatch, variable):
    given = {variable: '/home/user/fastdds.xml'}
    assert chosen(monkeypatch, given) == given


def test_the_profile_of_the_launch_file_is_used_for_queues_too(monkeypatch):
    given = {PROFILE_VARIABLES[0]: str(FAST_DDS_PROFILE)}
    assert chosen(monkeypatch, given) == {**given, QOS_VARIABLE: '1'}


def test_a_choice_of_the_user_for_queues_is_not_changed(monkeypatch):
    assert chosen(monkeypatch, {QOS_VARIABLE: '0'})[QOS_VARIABLE] == '0'


@pytest.mark.parametrize('profile', [PROFILE, FAST_DDS_PROFILE])
def test_each_profile_returns_the_memory_of_readers_and_writers(profile: Path):
    root = ElementTree.parse(profile).getroot()
    for kind in ('data_reader', 'data_writer'):
        [one] = root.findall(f'{NAMESPACE}{kind}')
        assert one.get('is_default_profile') == 'true'
        assert one.findtext(f'{NAMESPACE}historyMemoryPolicy') == 'DYNAMIC'


def test_malloc_gets_its_limits(monkeypatch):
    calls = []

    class Library:

        @staticmethod
        def mallopt(parameter, value):
            calls.append((parameter, value))

    monkeypatch.setattr(message_memory.ctypes, 'CDLL', lambda name: Library)
    chosen(monkeypatch, {})
    assert calls == [(-3, 2**20), (-1, 4 * 2**20)]  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD
