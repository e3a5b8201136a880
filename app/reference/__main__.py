"""``python -m app.reference``: write the generated pages of ``docs/reference``."""

from pathlib import Path

from app.reference.pages import pages

_FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"

if __name__ == "__main__":
    for name, text in pages().items():
        (_FOLDER / name).write_text(text, encoding="utf-8")
