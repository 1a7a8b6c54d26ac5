"""The ledger of a log in PostgreSQL: its verbs, where it is kept, and that one process writes it at a time."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from obstore.store import MemoryStore
from support.ledgers import assert_says
from support.sales import ANNA, BEN, MORNING, Desk
from typer.testing import CliRunner

from domain.record.commands import ChangeOwner, EditFields, OpenRecord, RecordTouch
from infra.cli.main import app
from infra.ledger import ObjectStoreLedger, ledger_store, writing
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.ledger.checking import check_files, repair
from projections.ledger.ledger import Ledger
from projections.ledger.store import LedgerBusy, LedgerDamaged


@pytest.fixture(scope="module")
def desk(embedded_home) -> Iterator[Desk]:
    """A simulated log with a few deals."""
    own = Settings(home=embedded_home, database_url=None, tenant="ledgers")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk = Desk(tenant)
        for number in range(5):
            stream = f"deal/dea_{number}"
            desk.do(OpenRecord(stream, {"topic": f"Pumps {number}", "note": "secret"}, owner=ANNA))
            desk.do(RecordTouch(stream, f"tou_{number}", "call", note="they rang"))
            desk.clock += timedelta(days=1)
            desk.do(EditFields(stream, {"heat": "hot"}))
            desk.do(ChangeOwner(stream, BEN))
        yield desk


@pytest.fixture
def dealtrail(embedded_home, desk, monkeypatch, tmp_path) -> Callable[..., str]:
    """The program, within this process, with a ledger of its own; what it prints."""
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", desk.tenant.name)
    monkeypatch.setenv("DEALTRAIL_LEDGER_URL", f"file://{tmp_path / 'ledger'}")

    def run(*words: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, list(words), catch_exceptions=False, env={"COLUMNS": "250"})
        assert done.exit_code == status, done.output
        return done.stdout

    return run


def kept(folder: Path, log) -> Ledger:
    return Ledger(ObjectStoreLedger.in_folder(folder), log)


def test_the_verbs_from_nothing_to_a_whole_ledger(dealtrail, desk, tmp_path):
    """Update writes what is missing, status says how far it is, verify finds nothing, rebuild gives the same rows."""
    log = desk.tenant.log
    before = json.loads(dealtrail("ledger", "status", "--json"))
    assert (before["position"], before["events_behind"]) == (0, log.head())
    assert f"position {log.head():,}" in dealtrail("ledger", "update")
    now = json.loads(dealtrail("ledger", "status", "--json"))
    assert (now["position"], now["events_behind"]) == (log.head(), 0)
    assert now["tables"]["records"]["rows"] >= 5
    assert "touches" in dealtrail("ledger", "status")
    assert_says(kept(tmp_path / "ledger", log).at(), log, log.head())
    assert dealtrail("ledger", "verify", "--rows") == "the ledger is whole\n"
    rebuilt = json.loads(dealtrail("ledger", "rebuild", "--json"))
    assert {name: about["rows"] for name, about in rebuilt["tables"].items()} == {
        name: about["rows"] for name, about in now["tables"].items()
    }
    assert_says(kept(tmp_path / "ledger", log).at(), log, log.head())


def test_damage_is_named_and_made_good(dealtrail, desk, tmp_path):
    """With status 1, and only named where somebody asks for no more than that."""
    dealtrail("ledger", "update")
    segment = kept(tmp_path / "ledger", desk.tenant.log).kept().of("touches")[0]
    path = tmp_path / "ledger" / segment.name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert f"{segment.name}: cut\n" in dealtrail("ledger", "verify", "--keep", status=1)
    told = json.loads(dealtrail("ledger", "verify", "--json", status=1))
    assert told == {"repaired": True, "findings": [{"file": segment.name, "fault": "cut", "table": "touches", "position": None}]}  # fmt: skip
    assert path.read_bytes() == content
    assert dealtrail("ledger", "verify") == "the ledger is whole\n"
    (tmp_path / "ledger" / "current.json").write_bytes(b"{}")
    assert "made again" in dealtrail("ledger", "verify", status=1)
    assert dealtrail("ledger", "verify") == "the ledger is whole\n"


@pytest.mark.parametrize(("form", "file"), [("parquet", "visits.parquet"), ("ocel", "ledger.ocel.json"), ("xes", "deal.xes")])  # fmt: skip
def test_an_export_is_current_and_never_overwrites(dealtrail, desk, tmp_path, form, file):
    """Nothing has to be written to the ledger before."""
    folder = tmp_path / "out"
    told = json.loads(dealtrail("ledger", "export", str(folder), "--format", form, "--json"))
    assert told["as_of_position"] == desk.tenant.log.head()
    assert file in told["files"]
    assert (folder / file).stat().st_size
    assert b"secret" not in b"".join(path.read_bytes() for path in folder.iterdir())
    again = CliRunner().invoke(app, ["ledger", "export", str(folder), "--format", form])
    assert again.exit_code == 2


def test_an_export_as_of_then_knows_nothing_later(dealtrail, desk, tmp_path):
    """By position or by the moment it was recorded at; owners that followed later are not there."""
    dealtrail("ledger", "update")
    position = desk.tenant.log.head() - 3
    dealtrail("ledger", "export", str(tmp_path / "then"), "--as-of", str(position), "--kind", "deal")
    events = pl.read_parquet(tmp_path / "then" / "events.parquet")
    assert events["position"].max() <= position
    assert set(events["kind"]) == {"deal"}
    owners = pl.read_parquet(tmp_path / "then" / "owners.parquet")
    assert owners["until"].max() <= position
    told = json.loads(dealtrail("ledger", "export", str(tmp_path / "day"), "--as-of", MORNING.date().isoformat(), "--json"))  # fmt: skip
    assert 0 < told["as_of_position"] < position


@pytest.mark.parametrize("form", ["parquet", "ocel", "xes"])
@pytest.mark.parametrize("role", ["seller", "officer"])
def test_an_export_for_a_role_says_so_and_opens_nothing(dealtrail, desk, tmp_path, form, role):
    """Whatever the role may do besides: its files are those of everybody, byte by byte, and the manifest names all of them."""
    folder, plain = tmp_path / "for_a_role", tmp_path / "for_nobody"
    told = json.loads(dealtrail("ledger", "export", str(folder), "--format", form, "--role", role, "--json"))
    dealtrail("ledger", "export", str(plain), "--format", form)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert (told["role"], told["filtered"], told["personal_values"]) == (role, False, "sealed")
    assert (manifest["role"], manifest["filtered"], manifest["personal_values"]) == (role, False, "sealed")
    assert json.loads((plain / "manifest.json").read_bytes()) == {**manifest, "role": None}
    assert (manifest["tenant"], manifest["clock"], manifest["format"]) == (
        desk.tenant.name,
        "simulated",
        form,
    )
    assert manifest["as_of_position"] == desk.tenant.log.head()
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    assert {name: about["count"] for name, about in manifest["files"].items()} == told["files"]
    assert manifest["files"].keys() == files.keys()
    for name, content in files.items():
        about = manifest["files"][name]
        assert (about["bytes"], about["sha256"]) == (len(content), sha256(content).hexdigest())
        assert content == (plain / name).read_bytes()
        assert b"secret" not in content
    if form == "parquet":
        notes = pl.read_parquet(folder / "field_changes.parquet").filter(pl.col("field") == "note")["new"]
        assert len(notes) == 5
        assert notes.str.starts_with('{"$sealed"').all()


def test_an_export_for_a_role_says_where_it_is_read_that_nothing_is_left_out(dealtrail, desk, tmp_path):
    """In the help, and in what is printed; without a role there is nothing to say."""
    words = ["ledger", "export", str(tmp_path / "out"), "--role", "seller"]
    told = " ".join(CliRunner().invoke(app, words, env={"COLUMNS": "250"}).output.split())
    assert "for the role seller, and nothing is left out for it; personal values are sealed" in told
    other = CliRunner().invoke(app, ["ledger", "export", str(tmp_path / "other")], env={"COLUMNS": "250"})
    assert other.exit_code == 0
    assert "left out" not in other.output
    shown = CliRunner().invoke(app, ["ledger", "export", "--help"], env={"COLUMNS": "250"})
    assert "nothing is left out for it" in " ".join(shown.output.replace("│", " ").split())


def test_an_export_for_a_role_nobody_knows_is_refused(desk, dealtrail, tmp_path):
    """With the roles there are and the nearest of them; nothing is written."""
    words = ["ledger", "export", str(tmp_path / "out"), "--role", "sellers"]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "250"})
    assert done.exit_code == 2
    told = " ".join(done.output.replace("│", " ").split())
    assert "there is no role 'sellers'; did you mean 'seller'? Roles are: officer, seller" in told
    assert not (tmp_path / "out").exists()


def test_one_process_writes_at_a_time(desk):
    """The others are told, and read on."""
    with (
        writing(desk.tenant.pool),
        pytest.raises(LedgerBusy, match="another process"),
        writing(desk.tenant.pool),
    ):
        pass
    with writing(desk.tenant.pool):
        pass


def test_an_object_store_is_read_through_a_cache(desk, tmp_path):
    """Files are fetched once and checked on the way; what is damaged in the store is made good there."""
    log, store = desk.tenant.log, MemoryStore()
    ledger = Ledger(ObjectStoreLedger(store, cache=tmp_path / "one"), log)
    manifest = ledger.update()
    assert_says(ledger.at(), log, log.head())
    segment = manifest.of("events")[0]
    store.put(segment.name, b"other")
    elsewhere = Ledger(ObjectStoreLedger(store, cache=tmp_path / "two"), log)
    with pytest.raises(LedgerDamaged, match="not what was written"):
        elsewhere.at().scan("events").collect()
    (finding,) = check_files(elsewhere)
    assert (finding.file, finding.fault) == (segment.name, "cut")
    repair(elsewhere, [finding])
    assert_says(elsewhere.at(), log, log.head())
    with pytest.raises(ValueError, match="folder to read"):
        ObjectStoreLedger(store)


def test_where_it_is_kept(tmp_path):
    """Beside the embedded PostgreSQL, a folder for each tenant, or where the setting says."""
    home = Settings(home=tmp_path, tenant="acme")
    ledger_store(home).put("x", b"1")
    assert (tmp_path / "ledger" / "acme" / "x").read_bytes() == b"1"
    ledger_store(home.model_copy(update={"ledger_url": f"file://{tmp_path / 'there'}"})).put("x", b"2")
    assert (tmp_path / "there" / "x").read_bytes() == b"2"
