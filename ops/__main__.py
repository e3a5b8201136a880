"""``python -m ops`` writes the dashboards and Kubernetes' alert rules. The files are checked in."""

import sys

from ops.dashboards import FOLDER, dashboards
from ops.kubernetes import RULES, prometheus_rule


def main() -> None:
    """Write every file and say where."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in dashboards():
        path = FOLDER / name
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    RULES.write_text(prometheus_rule(), encoding="utf-8")
    sys.stdout.write(f"{RULES}\n")


if __name__ == "__main__":
    main()
