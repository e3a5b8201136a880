"""``python -m ops`` writes the dashboards. The files are checked in: Grafana is given the folder as it is."""

import sys

from ops.dashboards import FOLDER, dashboards


def main() -> None:
    """Write every dashboard and say where."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in dashboards():
        path = FOLDER / name
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
