"""Maintenance of every host and device whose failures are recorded."""

from runlore.specs.maintenance_spec import MaintenanceSpec

SPEC = MaintenanceSpec("all-scopes")
