"""The documents are true and complete."""

import re
from pathlib import Path

import pytest
from importing_exports import Export

from commands.playbook_file import parse_playbook
from domain.record.state import fold
from infra.reference import pages

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
SHELL = re.compile(r"^(?:\.venv/bin/)?dealtrail (?:-l zh )?([a-z]+)", re.MULTILINE)


def test_the_reference_is_what_the_code_says() -> None:
    """After a change of a verb, a route, an event or a setting: make docs."""
    on_disk = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert on_disk == pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Within the project; links to the outside are not followed."""
    targets = [target for target in LINK.findall(page.read_text("utf-8")) if not target.startswith("http")]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", ["guide.md", "guide.zh-CN.md"])
def test_the_guide_can_be_followed(name: str, tmp_path: Path) -> None:
    """What a newcomer copies works: the playbook is right, the mapping fits it, and the rows become deals."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    playbook_text, mapping_text = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    playbook = parse_playbook(playbook_text, name)
    (rows,) = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    (tmp_path / "deals.csv").write_text(rows, "utf-8")
    export = Export(tmp_path, mapping_text)
    export.playbook = playbook
    report = export.publish().run()
    assert report.refused == []
    streams = {event.stream for event in export.log.after(0, 1_000) if event.stream.startswith("deal/")}
    deals = [fold(None, export.log.stream(stream)) for stream in streams]
    assert sorted((deal.external_id, deal.stage) for deal in deals) == [
        ("D-1", "diagnosis"),
        ("D-2", "quoted"),
    ]


def test_both_languages_show_the_same_commands() -> None:
    """A reader of either language misses nothing."""
    for english, chinese in (("README.md", "README.zh-CN.md"), ("docs/guide.md", "docs/guide.zh-CN.md")):
        verbs = [SHELL.findall((ROOT / name).read_text("utf-8")) for name in (english, chinese)]
        assert verbs[0] == verbs[1] != []


def test_every_verb_is_in_the_guide_or_the_readme() -> None:
    """Nothing is hidden in --help alone."""
    told = "".join((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/guide.md"))
    verbs = set(re.findall(r"^## `dealtrail ([a-z]+)", pages()["command-line.md"], re.MULTILINE))
    assert {verb for verb in verbs if f"dealtrail {verb}" not in told and f"make {verb}" not in told} == set()


def test_every_part_of_the_glossary_is_in_both_languages() -> None:
    """Each line has an English and a Chinese term, and meanings in both."""
    lines = [
        line
        for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
        if line.startswith("| ")
    ][1:]
    assert len(lines) > 40
    for line in lines:
        english, chinese, meaning = (cell.strip() for cell in line.strip("|").split("|"))
        assert english.isascii()
        assert re.search(r"[一-鿿]", chinese)
        assert " · " in meaning
