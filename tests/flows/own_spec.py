"""A spec such as somebody makes of a ready one."""

from dataclasses import replace

from runlore.specs.catalog.failure_risk import SPEC

NIGHTLY = replace(SPEC, name="nightly-risk")
