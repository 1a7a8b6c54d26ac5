"""Makes `docs/reference/` from the code: `make docs`. A test compares what is there with what this makes."""

from pathlib import Path

from infra.reference.command_line import command_line
from infra.reference.events import events
from infra.reference.files import import_mapping_file, mappings_file, playbook_file
from infra.reference.http import http
from infra.reference.ledger import ledger
from infra.reference.metrics import metrics
from infra.reference.problems import problems, refusals
from infra.reference.rules import rules
from infra.reference.settings import settings

HEADER = "<!-- made by `make docs` from the code; do not edit -->\n\n"


def pages() -> dict[str, str]:
    """Return every page of the reference by its file name."""
    made = {
        "command-line.md": command_line(),
        "events.md": events(),
        "http.md": http(),
        "import-mapping-file.md": import_mapping_file(),
        "ledger.md": ledger(),
        "mappings-file.md": mappings_file(),
        "metrics.md": metrics(),
        "playbook-file.md": playbook_file(),
        "problems.md": problems(),
        "refusals.md": refusals(),
        "rules.md": rules(),
        "settings.md": settings(),
    }
    return {name: HEADER + text.rstrip() + "\n" for name, text in made.items()}


def write(folder: Path) -> None:
    """Write the pages into a folder, and nothing else stays there."""
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")
