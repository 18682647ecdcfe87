"""Asks a vacuum by python-miio, and prints what it says as JSON.

    python vacuum.py ADDRESS TOKEN
"""
import json
import sys

import miio
from miio.exceptions import DeviceException

# The class had another name in the releases that Debian has.
Vacuum = getattr(miio, "RoborockVacuum", None) or miio.Vacuum
vacuum = Vacuum(sys.argv[1], sys.argv[2])


def told(command):
    """Whether the vacuum obeys, or the code of its error."""
    try:
        return command() == ["ok"]
    except DeviceException as failure:
        return getattr(failure.__cause__ or failure, "code", str(failure))


info, status = vacuum.info(), vacuum.status()
print(json.dumps({
    "model": info.model, "firmware": info.firmware_version,
    "battery": status.battery, "state": status.state_code,
    "consumable": vacuum.consumable_status().main_brush.total_seconds(),
    "found": told(vacuum.find),
}))
