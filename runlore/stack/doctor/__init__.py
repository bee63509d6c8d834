"""Diagnose the installation. Checks change nothing, and each names a remedy."""

from runlore.settings import Settings
from runlore.stack.doctor import machine, services
from runlore.stack.doctor.finding import DoctorFinding, DoctorVerdict
from runlore.stack.status import look

__all__ = ["DoctorFinding", "DoctorVerdict", "examine"]


def examine(settings: Settings) -> list[DoctorFinding]:
    """Run every check."""
    status = look(settings)
    return [
        *machine.python(),
        *machine.packages(),
        *machine.bytecode(),
        *machine.home(settings.home),
        *machine.disks(settings),
        *machine.zones(),
        *machine.telemetry(),
        *services.leftovers(settings.home),
        *services.free_ports(settings),
        *services.health(status),
        *services.database(settings),
        *services.champions(settings, status),
        *services.states(status),
        *services.schedules(settings, status),
        *services.alerts(settings, status),
    ]
