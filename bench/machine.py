"""What the figures belong to: the machine, and the Python that Rollcall ran on."""

import os
import platform
import sysconfig
from typing import Any


def machine() -> dict[str, Any]:
    """System, cores and Python, as JSON types.

    How Python was configured is there because the same code takes more or less CPU by it (bench/README.md).
    """
    return {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "python_compiler": platform.python_compiler(),
        "python_configured": sysconfig.get_config_var("CONFIG_ARGS"),
    }
