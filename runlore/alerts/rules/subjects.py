"""What alerts about models are about: a spec, or one version of it."""

import re

VERSION = " version [0-9]+$"
"""How the subject of one version ends; for PostgreSQL as well. No name of a spec holds a space."""


def of_version(spec: str, version: str) -> str:
    return f"{spec} version {version}"


def spec_of(subject: str) -> str:
    """
    >>> spec_of("failure-risk version 7"), spec_of("failure-risk"), spec_of("risk version 7 b")
    ('failure-risk', 'failure-risk', 'risk version 7 b')
    """
    return re.sub(VERSION, "", subject)
