# Copyright 2026 The bdl_perception developers
# SPDX-License-Identifier: Apache-2.0
"""
Read config/sros2/policy.xml, and check its structure by the format of sros2 (version 0.2.0).

Source: https://design.ros2.org/articles/ros2_access_control_policies.html. The rules are written
here, so that the tests need no installation of sros2.
"""
from typing import NamedTuple
from xml.etree import ElementTree

from source_tree import ROOT

PATH = ROOT / 'config' / 'sros2' / 'policy.xml'
QUALIFIERS = ('ALLOW', 'DENY')
RIGHTS = {'topics': ('publish', 'subscribe'), 'services': ('reply', 'request'),
          'actions': ('call', 'execute')}
ITEMS = {'topics': 'topic', 'services': 'service', 'actions': 'action'}
CHILDREN = {'policy': ('enclaves',), 'enclaves': ('enclave',), 'enclave': ('profiles',),
            'profiles': ('profile', 'metadata'), 'profile': tuple(RIGHTS),
            **{group: (item,) for group, item in ITEMS.items()}}
REQUIRED = {'policy': {'version'}, 'enclave': {'path'}, 'profile': {'ns', 'node'}}
OPTIONAL = {'profiles': {'type'}, **{group: set(rights) for group, rights in RIGHTS.items()}}


class Enclave(NamedTuple):
    """What a process may do, with full names."""

    publish: set[str]
    subscribe: set[str]
    reply: set[str]
    request: set[str]


def structure_faults(element: ElementTree.Element) -> list[str]:
    """List what the format does not allow in this element and below it."""
    tag, required = element.tag, REQUIRED.get(element.tag, set())
    faults = [f'{tag} has no {name}' for name in sorted(required - set(element.attrib))]
    faults += [f'{tag} must not have {name}' for name in element.attrib
               if name not in required | OPTIONAL.get(tag, set())]
    faults += [f'{name} is {value}' for name, value in element.attrib.items()
               if tag in RIGHTS and value not in QUALIFIERS]
    faults += [f'{tag} contains {child.tag}' for child in element
               if child.tag not in CHILDREN.get(tag, ())]
    if tag in CHILDREN and tag != 'profile' and not len(element):
        faults.append(f'{tag} is empty')
    if tag in ITEMS.values() and not (element.text or '').strip():
        faults.append(f'{tag} has no name')
    if tag in ('policy', 'enclaves') and len(element.findall('enclaves')) > 1:
        faults.append('policy has several enclaves elements')
    return faults + [fault for child in element for fault in structure_faults(child)]


def document_faults(root: ElementTree.Element) -> list[str]:
    """List what the format does not allow in a policy."""
    head = [] if root.tag == 'policy' else [f'the root is {root.tag}']
    if root.get('version') != '0.2.0':
        head.append(f'version is {root.get("version")}')
    return head + structure_faults(root)


def load() -> dict[str, Enclave]:
    """Load the policy: path of the enclave -> what it may do."""
    return {element.attrib['path']: _enclave(element)
            for element in ElementTree.parse(PATH).getroot().iter('enclave')}


def _enclave(element: ElementTree.Element) -> Enclave:
    found = Enclave(set(), set(), set(), set())
    for profile in element.iter('profile'):
        for group in profile:
            for right in RIGHTS[group.tag]:
                if group.get(right) == 'ALLOW':
                    getattr(found, right).update(
                        full_name(item.text or '', profile.attrib) for item in group)
    return found


def full_name(name: str, profile: dict[str, str]) -> str:
    """Resolve a name as a node of this namespace does."""
    namespace = profile['ns'].rstrip('/')
    if name.startswith('~/'):
        return f'{namespace}/{profile["node"]}{name[1:]}'
    return name if name.startswith('/') else f'{namespace}/{name}'
