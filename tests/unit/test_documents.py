"""The documents are true and complete."""

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest
from importing_exports import Export
from pydantic import BaseModel

from commands.errors import CommandError
from commands.http.bulk import MAX_LINE_BYTES, MAX_LINES
from commands.playbook_file import parse_playbook
from commands.playbook_mappings import MappedKind
from consumers.importing import language as import_mapping
from domain.events import EVENTS
from domain.playbook.fields import FieldKind
from domain.playbook.model import JoiningFact, Right
from domain.playbook.part import Part
from domain.record.state import fold
from domain.refusals import Refusal
from domain.rules.calls import FUNCTIONS
from domain.rules.facts import FACTS
from domain.rules.reader import OPERATORS
from infra.http.app import build
from infra.http.catalogue import CATALOGUE
from infra.http.doorkeeper import is_public
from infra.reference import pages
from infra.reference.command_line import verbs
from infra.reference.http import METHODS, document
from infra.reference.rules import FUNCTION_WORDS
from infra.reference.settings import name_of
from infra.settings import Settings
from projections.errors import ReadError
from projections.ledger.tables import TABLES

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
GUIDES = ["README.md", "docs/guide.md", "docs/write-a-playbook.md", "docs/issue-commands-safely.md", "docs/work-and-approvals.md", "docs/read-and-follow.md", "docs/ledger.md", "docs/measure.md", "docs/replay-before-you-publish.md", "docs/for-analysts.md", "docs/assign-leads.md", "docs/deadlines.md", "docs/tell-people.md", "docs/let-things-follow.md"]  # fmt: skip
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
SHELL = re.compile(r"^(?:\.venv/bin/)?dealtrail (?:-l zh )?([a-z]+)", re.MULTILINE)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
ADDRESS = re.compile(r"\$API[^\s\"']*")
SECTION = re.compile(r"^#{2,3} (.*)$", re.MULTILINE)


def chinese(name: str) -> str:
    return name.replace(".md", ".zh-CN.md")


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@cache
def reference() -> dict[str, str]:
    """The pages of the reference as the code makes them."""
    return pages()


@cache
def sections(page: str) -> dict[str, str]:
    """The sections of a page of the reference, by their headings."""
    return sections_of(reference()[page])


def sections_of(text: str) -> dict[str, str]:
    """The sections of a text, by their headings."""
    parts = SECTION.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def families(root: type) -> Iterator[type]:
    """A class and all that are derived from it."""
    yield root
    for item in root.__subclasses__():
        yield from families(item)


# ── the reference ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reference_is_what_the_code_says() -> None:
    """After a change of a verb, a route, an event or a setting: make docs."""
    on_disk = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert on_disk == reference()


def test_every_route_of_the_service_is_in_the_reference() -> None:
    """The service itself is asked for its routes, not the description that the page is made from."""
    nobody = SimpleNamespace(name="t", log=None, bus=None, reads=None, catch_up=None, lookups=None)
    app = build(nobody, Settings.model_construct())  # type: ignore[arg-type]
    served = [
        f"`{method.upper()} {path}`" for path, item in app.openapi()["paths"].items() for method in item
    ]
    assert len(served) > 40
    assert sorted(served) == sorted(heading for heading in sections("http.md") if heading.startswith("`"))
    beside = {"/openapi.json", "/docs", "/problems", "/healthz", "/readyz"}
    assert all(is_public(path) and f"`{path}`" in reference()["http.md"] for path in beside)


def test_every_parameter_and_status_of_a_route_is_in_the_reference() -> None:
    """And every member of a body: those all bodies share are told once."""
    told = sections("http.md")
    shared = told["What the body of every command may say"]
    seen = 0
    for path, item in document()["paths"].items():
        for method in METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            section = told[f"`{method.upper()} {path}`"]
            for parameter in operation.get("parameters", ()):
                assert f"| `{parameter['name']}` | {parameter['in']} |" in section
            for content in operation.get("requestBody", {}).get("content", {}).values():
                for member in content["schema"].get("properties", ()):
                    seen += 1
                    assert f"| `{member}` |" in section + shared
            statuses = [status for status in operation["responses"] if status.isdigit()]
            assert all(re.search(rf"\b{status}\b", section) for status in statuses)
            assert all(f"| {status} |" in told["Statuses"] for status in statuses if int(status) >= 400)
    assert seen > 50


def test_every_problem_is_in_the_reference() -> None:
    """With its status, and with what to do in both languages."""
    page = reference()["problems.md"]
    for code, entry in CATALOGUE.items():
        assert f"| `{code}` | {entry.status} |" in page
        for words in (entry.title, entry.what_to_do):
            assert words.en in page
            assert words.zh in page


def test_every_refusal_and_error_is_in_the_reference() -> None:
    """And is answered over HTTP by a problem of its own."""
    codes = {
        str(item.code)  # type: ignore[attr-defined]
        for root in (Refusal, CommandError, ReadError)
        for item in families(root)
    }
    assert len(codes) > 15
    for code in codes:
        assert f"| `{code}` | {CATALOGUE[code].status} |" in reference()["refusals.md"]


def test_every_setting_is_in_the_reference() -> None:
    """By the name it has in the environment, with its meaning."""
    for member, spec in Settings.model_fields.items():
        assert f"| `{name_of(member, spec)}` |" in reference()["settings.md"]
        assert spec.description in reference()["settings.md"]


def test_every_verb_is_in_the_reference() -> None:
    """Verbs of groups too."""
    headings = [heading.strip("`") for heading in sections("command-line.md")]
    found = verbs()
    assert len(found) > 20
    assert all(any(f"{heading} ".startswith(f"dealtrail {verb} ") for heading in headings) for verb in found)


def test_every_event_is_in_the_reference() -> None:
    """With every member of its payload."""
    told = sections("events.md")
    for topic, event in EVENTS.items():
        assert all(f"| `{item.name}` |" in told[f"`{topic}`"] for item in fields(event))


@pytest.mark.parametrize(
    ("page", "root"),
    [("playbook-file.md", Part), ("import-mapping-file.md", import_mapping.Part)],
    ids=["playbook", "mapping of an import"],
)
def test_every_part_of_a_file_is_in_the_reference(page: str, root: type[BaseModel]) -> None:
    """Every part there is, wherever it is declared, and every member of it."""
    told = sections(page)
    parts = [item for item in families(root) if item is not root and not item.__module__.startswith("test")]
    assert len(parts) > 10
    for part in parts:
        members = [spec.alias or member for member, spec in part.model_fields.items()]
        assert all(f"| `{member}` |" in told[part.__name__] for member in members)


def test_every_word_a_playbook_may_use_is_in_the_reference() -> None:
    """Types of fields, rights, what joining requires; operators, functions and facts of rules; members of mappings."""
    for listed in (FieldKind, Right, JoiningFact):
        assert all(f"`{item.value}`" in reference()["playbook-file.md"] for item in listed)
    assert set(FUNCTION_WORDS) == set(FUNCTIONS)
    rules = reference()["rules.md"]
    assert all(f"`{operator}`" in rules for operator in OPERATORS)
    assert all(f"`{name}(" in rules for name in (*FUNCTIONS, *FACTS))
    assert all(f"| `{member}` |" in reference()["mappings-file.md"] for member in MappedKind.model_fields)


# ── the guides ───────────────────────────────────────────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("name", GUIDES)
def test_both_languages_show_the_same_commands(name: str) -> None:
    """A reader of either language misses nothing: the same verbs, the same requests, the same programs and answers, in the same order."""
    english, other = read(name), read(chinese(name))
    assert SHELL.findall(english) == SHELL.findall(other) != []
    assert ADDRESS.findall(english) == ADDRESS.findall(other)
    assert [language for language, _ in FENCE.findall(english)] == [language for language, _ in FENCE.findall(other)]  # fmt: skip
    assert len(re.findall(r"^## ", english, re.MULTILINE)) == len(re.findall(r"^## ", other, re.MULTILINE))


def test_every_table_of_the_ledger_is_told_in_both_languages() -> None:
    """The reference has each column; the Chinese page says of each table what a row is, in the order of the code."""
    assert list(sections("ledger.md")) == list(TABLES)
    for name, kept in TABLES.items():
        section = sections("ledger.md")[name]
        assert kept.row in section
        told = [line for line in section.splitlines() if line.startswith("| `")]
        assert [line.split("`")[1] for line in told] == list(kept.columns)
        assert all(line.endswith(f"| {meaning} |") for line, (_, meaning) in zip(told, kept.columns.values(), strict=True))  # fmt: skip
    rows = re.findall(r"^\| `(\w+)` \| [^|]*[一-鿿][^|]* \|$", sections_of(read("docs/ledger.zh-CN.md"))["表"], re.MULTILINE)  # fmt: skip
    assert rows == list(TABLES)


def test_every_page_for_users_is_in_both_languages() -> None:
    """A page beside the guides is either in Chinese too, or for those who work on the code."""
    for_developers = {"architecture.md", "benchmarks.md", "format.md", "glossary.md"}
    written = {path.name for path in (ROOT / "docs").glob("*.md") if not path.name.endswith(".zh-CN.md")}
    assert written - for_developers == {Path(name).name for name in GUIDES} - {"README.md"}


def test_every_verb_is_told_in_a_guide() -> None:
    """Nothing is hidden in --help alone, in neither language."""
    for language in (str, chinese):
        told = "".join(read(language(name)) for name in GUIDES)
        missing = {
            verb
            for verb in verbs()
            if not re.search(rf"(?:dealtrail (?:-l zh )?|make |`){re.escape(verb)}\b", told)
        }
        assert missing == set()


def test_the_guides_name_only_settings_and_problems_there_are() -> None:
    """A setting or a code that was renamed is found here."""
    names = {name_of(member, spec) for member, spec in Settings.model_fields.items()}
    for guide in GUIDES:
        for page in (guide, chinese(guide)):
            assert set(re.findall(r"\bDEALTRAIL_[A-Z_]+\b", read(page))) <= names
            assert set(re.findall(r'"code": "([a-z-]+)"', read(page))) <= CATALOGUE.keys()


@pytest.mark.parametrize("language", [str, chinese], ids=["en", "zh"])
def test_whoever_sends_commands_is_told_what_to_do_about_every_status(language) -> None:
    """The table of the page names every status there is, and each code with the status it has."""
    rows = [line for line in read(language("docs/issue-commands-safely.md")).splitlines() if re.match(r"\| .*\d{3}.* \| (`[a-z`\-、, ]*)? ?\|", line)]  # fmt: skip
    told = {int(status) for row in rows for status in re.findall(r"\b[2-5]\d\d\b", row.split("|")[1])}
    assert {entry.status for entry in CATALOGUE.values()} <= told
    for row in rows:
        status, codes = row.split("|")[1:3]
        for code in re.findall(r"`([a-z-]+)`", codes):
            assert str(CATALOGUE[code].status) in status
    for code in (
        "stale-version",
        "gate-not-met",
        "idempotency-key-reused",
        "already-exists",
        "invalid-command",
    ):
        assert any(f"`{code}`" in row for row in rows)


@pytest.mark.parametrize("language", [str, chinese], ids=["en", "zh"])
def test_the_limits_are_those_of_the_settings(language) -> None:
    """A limit that was changed is changed in the guides."""
    page, settings = read(language("docs/issue-commands-safely.md")), Settings.model_construct()
    limits = page[page.index("429") :]
    assert settings.max_body_bytes == 1_048_576
    assert "1 MiB" in limits
    assert settings.max_evidence_bytes == settings.max_bulk_bytes == 50 * 1_048_576
    assert limits.count("50 MiB") == 2
    for number in (
        MAX_LINES,
        MAX_LINE_BYTES,
        settings.commands_per_second_per_client,
        settings.command_burst_per_client,
        settings.commands_in_flight,
        settings.reads_in_flight,
        settings.body_seconds,
        settings.header_seconds,
        settings.token_leeway_seconds,
    ):
        assert re.search(rf"\b{int(number):,}\b", page)


def test_every_part_of_the_glossary_is_in_both_languages() -> None:
    """Each line has an English and a Chinese term, and meanings in both; no term stands for two things."""
    lines = [
        line
        for line in (ROOT / "docs" / "glossary.md").read_text("utf-8").splitlines()
        if line.startswith("| ")
    ][1:]
    assert len(lines) > 70
    terms = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for english, other, meaning in terms:
        assert english.isascii()
        assert re.search(r"[一-鿿]", other)
        assert " · " in meaning
    for column in (0, 1):
        words = [term[column] for term in terms]
        assert sorted(words) == sorted(set(words))
