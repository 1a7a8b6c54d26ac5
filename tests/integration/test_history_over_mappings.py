"""P30 over publications: where a version took a field, an option or a stage away, the history goes on under the names that are there since."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from support.sales import ANNA, BEN, HOUR, MORNING, PLAYBOOK, Desk, a_client, playbook
from typer.testing import CliRunner

from domain.organisation.commands import MovePerson
from domain.playbook.commands import PublishPlaybook
from domain.playbook.published import OWNER_REGION, KindMappings
from domain.record.commands import ChangeOwner, ChangeStage, EditFields, OpenRecord, RelateRecord
from domain.refusals import NotFound, Refusal
from domain.values import moment_text
from infra.cli.main import app
from infra.settings import Settings
from infra.tenant import open_tenant
from projections.as_of import Horizon
from projections.lists import Ask
from projections.timeline import timeline

TOPIC = "      topic: {type: text, personal: false, label: {zh: 主题, en: Topic}}\n"
OFFER = "      offer:\n        label: {zh: 报价, en: Offer}\n"
HOT = "          hot: {zh: 热, en: Hot}\n"
HEAT = PLAYBOOK[PLAYBOOK.index("      heat:\n") : PLAYBOOK.index("      scan:")]
GATE = PLAYBOOK[PLAYBOOK.index("        enter:\n          fields: [amount]") : PLAYBOOK.index("      won:\n")]


def rewritten(text: str, *changes: tuple[str, str]) -> str:
    """A text with parts of it replaced."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


FIRST = rewritten(PLAYBOOK, (GATE, ""))
"""A topic; cold, warm, hot; lead, offer. Whoever wants may offer."""

SECOND = rewritten(
    FIRST,
    ("title: topic", "title: headline"),
    (TOPIC, TOPIC.replace("topic:", "headline:").replace("主题", "标题").replace("Topic", "Headline")),
    (HOT, "          boiling: {zh: 沸, en: Boiling}\n"),
    (OFFER, OFFER.replace("offer:", "quote:").replace("Offer", "Quote")),
)
"""A headline; cold, warm, boiling; lead, quote."""

THIRD = rewritten(
    SECOND,
    ("title: headline", "title: about"),
    ("      headline:", "      about:"),
    (HEAT.replace(HOT, "          boiling: {zh: 沸, en: Boiling}\n"), ""),
    (OFFER.replace("offer:", "quote:").replace("Offer", "Quote"), ""),
)
"""What it is about; no heat at all; no step between lead and its end."""

TO_SECOND = {"deal": KindMappings({"offer": "quote"}, {"topic": "headline"}, {"heat": {"hot": "boiling"}})}
TO_THIRD = {"deal": KindMappings({"quote": "lead"}, {"headline": "about", "heat": None})}
BACK = {"deal": KindMappings({}, {"about": "topic"})}

VERSIONS = [(SECOND, TO_SECOND), (THIRD, TO_THIRD), (FIRST, BACK)]
TOPICS = ["topic", "headline", "about", "topic"]
STAGES = [("lead", "offer"), ("lead", "quote"), ("lead",), ("lead", "offer")]
HEATS = [("cold", "warm", "hot"), ("cold", "warm", "boiling"), (), ("cold", "warm", "hot")]


def publish(desk: Desk, text: str, mappings: Any = None) -> int:
    """Publish a version; return its position."""
    return desk.do(PublishPlaybook(playbook(text), mappings=mappings or {})).events[-1].position


@pytest.fixture(scope="module")
def story(embedded_home) -> Iterator[tuple[Desk, dict[str, int]]]:
    """A deal that was hot when hot was done away with; positions by the name of what happened."""
    own = Settings(home=embedded_home, database_url=None, tenant="mapped")
    with open_tenant(own, clock="simulated", told_time=MORNING) as tenant:
        desk, at = Desk(tenant), {}
        publish(desk, FIRST)

        def tell(name: str, command: Any) -> None:
            at[name] = desk.do(command).events[-1].position

        tell("opened", OpenRecord("deal/dea_1", {"topic": "Pumps", "heat": "hot"}))
        tell("other", OpenRecord("deal/dea_2", {"heat": "cold"}))
        tell("offer", ChangeStage("deal/dea_1", "offer"))
        at["second"] = publish(desk, SECOND, TO_SECOND)
        tell("edit", EditFields("deal/dea_1", {"headline": "Ten pumps", "heat": "warm"}))
        at["third"] = publish(desk, THIRD, TO_THIRD)
        tell("last", EditFields("deal/dea_1", {"about": "Twelve pumps"}))
        tenant.catch_up.run()
        yield desk, at


def history(desk: Desk, field: str | None = None, name: str = "dea_1") -> list[dict[str, Any]]:
    """The history of a deal."""
    return desk.tenant.reads.history("deal", name, field=field).data["items"]


def in_short(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Where, what, from what, to what, and whether a publication did it."""
    return [(row["position"], row["field"], row["old"], row["new"], "mapped" in row) for row in rows]


# ── one field under all its names ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("field", ["topic", "headline", "about"])
def test_a_field_that_was_renamed_has_one_history_under_every_name_it_had(story, field):
    """Neither the old name is unknown, nor does the new one begin with the publication."""
    desk, at = story
    assert in_short(history(desk, field)) == [
        (at["opened"], "topic", None, "Pumps", False),
        (at["second"], "headline", "Pumps", "Pumps", True),
        (at["edit"], "headline", "Pumps", "Ten pumps", False),
        (at["third"], "about", "Ten pumps", "Ten pumps", True),
        (at["last"], "about", "Ten pumps", "Twelve pumps", False),
    ]


def test_a_row_says_where_a_publication_mapped_an_option_and_where_one_took_a_field_away(story):
    """From what to what, between which versions; what went nowhere ends with nothing."""
    desk, at = story
    rows = history(desk, "heat")
    assert in_short(rows) == [
        (at["opened"], "heat", None, "hot", False),
        (at["second"], "heat", "hot", "boiling", True),
        (at["edit"], "heat", "boiling", "warm", False),
        (at["third"], "heat", "warm", None, True),
    ]
    heat = {"zh": "热度", "en": "Heat"}
    assert rows[1]["mapped"] == {
        "from": {"playbook_version": 2, "field": "heat", "label": heat},
        "to": {"playbook_version": 3, "field": "heat", "label": heat},
    }
    assert rows[3]["mapped"]["to"] == {"playbook_version": 4, "field": None, "label": None}
    assert (rows[1]["actor"], rows[1]["playbook"], rows[1]["playbook_version"]) == (
        "system/operator",
        "desk",
        3,
    )


def test_a_row_says_where_a_publication_mapped_a_stage(story):
    """The stage a record stood in is gone; since then it stands in another one."""
    desk, at = story
    assert in_short(history(desk, "stage")) == [
        (at["opened"], "stage", None, "lead", False),
        (at["offer"], "stage", "lead", "offer", False),
        (at["second"], "stage", "offer", "quote", True),
        (at["third"], "stage", "quote", "lead", True),
    ]


def test_what_a_publication_did_not_touch_has_no_row(story):
    """A deal that is cold and has no topic is read after the publications as before, but for the field that is gone."""
    desk, at = story
    assert in_short(history(desk, name="dea_2")) == [
        (at["other"], "stage", None, "lead", False),
        (at["other"], "heat", None, "cold", False),
        (at["third"], "heat", "cold", None, True),
    ]


def test_a_field_no_version_ever_had_is_still_unknown(story):
    """With the nearest there is or was."""
    desk, _ = story
    with pytest.raises(NotFound) as refused:
        history(desk, "headlin")
    assert refused.value.suggestion == "headline"


def test_the_history_as_of_a_position_knows_no_later_mapping(story):
    """What was published later had mapped nothing yet."""
    desk, at = story
    then = desk.tenant.reads.history("deal", "dea_1", Horizon(position=at["second"] - 1)).data["items"]
    assert not any("mapped" in row for row in then)
    then = desk.tenant.reads.history("deal", "dea_1", Horizon(position=at["second"])).data["items"]
    assert [row["field"] for row in then if "mapped" in row] == ["stage", "heat", "headline"]


# ── words of their time ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_is_told_in_the_words_of_the_version_it_was_made_under(story):
    """Labels of fields that are gone, options that are gone, stages that are gone; none of today's among them."""
    desk, at = story
    rows = {(row["position"], row["field"]): row for row in history(desk)}
    assert rows[at["opened"], "topic"]["label"]["en"] == "Topic"
    assert rows[at["edit"], "headline"]["label"]["en"] == "Headline"
    assert rows[at["opened"], "heat"]["label"]["en"] == "Heat"
    assert list(rows[at["opened"], "heat"]["options"]) == ["cold", "warm", "hot"]
    assert list(rows[at["edit"], "heat"]["options"]) == ["cold", "warm", "boiling"]
    assert rows[at["offer"], "stage"]["options"]["offer"]["en"] == "Offer"
    assert "quote" not in rows[at["offer"], "stage"]["options"]
    both = rows[at["second"], "heat"]["options"]
    assert (both["hot"]["en"], both["boiling"]["en"]) == ("Hot", "Boiling")


def test_a_timeline_tells_of_mappings_in_the_words_of_their_time(story):
    """A stage that is gone has its label, and an entry says what a publication made of it."""
    desk, at = story
    for order in ("business", "recorded"):
        told = timeline(desk.tenant.reads, "deal", "dea_1", Ask(), order).data
        entries = [(row["position"], row["what"]) for row in told["items"]]
        assert entries == sorted(entries, key=lambda entry: entry[0])
        assert told["entries"] == len(entries) == 11
        moved = next(row for row in told["items"] if row["what"] == "stage")
        assert (moved["before_label"]["en"], moved["after_label"]["en"]) == ("Lead", "Offer")
        mapped = [row for row in told["items"] if row["what"] == "mapped"]
        assert [(row["position"], row["field"], row["new"]) for row in mapped] == [
            (at["second"], "stage", "quote"),
            (at["second"], "heat", "boiling"),
            (at["second"], "headline", "Pumps"),
            (at["third"], "stage", "lead"),
            (at["third"], "about", "Ten pumps"),
            (at["third"], "heat", None),
        ]
        assert {row["topic"] for row in mapped} == {"playbook.published.v1"}


def test_the_terminal_tells_of_mappings(story, embedded_home, monkeypatch):
    """Between which versions, and under which names."""
    monkeypatch.setenv("DEALTRAIL_HOME", str(embedded_home))
    monkeypatch.setenv("DEALTRAIL_TENANT", "mapped")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["-l", "en", *words], catch_exceptions=False, env={"COLUMNS": "250"})
        assert done.exit_code == 0, done.output
        return done.stdout

    for part in ("mapped: Topic v2 → Headline v3", "mapped: v2 → v3", "Hot", "Boiling"):
        assert part in run("history", "deal", "dea_1"), part
    for part in ("mapped: Heat", "Offer → Quote", "Topic v2 → Headline v3"):
        assert part in run("timeline", "deal", "dea_1"), part


def test_the_answers_are_the_same_over_http(story):
    """By the address as by the function."""
    desk, _ = story
    with a_client(desk.tenant) as client:
        for field in ("topic", "about"):
            answer = client.get(f"/v1/deals/dea_1/history?field={field}")
            assert answer.json()["items"] == history(desk, field)


def test_what_leads_to_a_record_calls_it_by_its_title_although_the_field_of_the_title_was_renamed(a_tenant):
    """The name of a record does not get lost with the name of the field it stands in."""
    desk = Desk(a_tenant("titles", clock="simulated", told_time=MORNING))
    publish(desk, FIRST)
    desk.do(OpenRecord("deal/dea_1", {"topic": "Pumps"}))
    desk.do(OpenRecord("deal/dea_2", {"topic": "More pumps"}))
    desk.do(RelateRecord("deal/dea_2", "follows", "deal/dea_1"))
    publish(desk, SECOND, TO_SECOND)
    desk.tenant.catch_up.run()
    shown = desk.tenant.reads.record("deal", "dea_2").data
    assert (shown["title"], shown["names"]) == ("More pumps", {"deal/dea_1": "Pumps"})


# ── versions that wait, and versions for some ────────────────────────────────────────────────────────────────────────


def test_a_version_that_waits_maps_nothing_before_its_moment(a_tenant):
    """The row stands where the version took effect, not where it was published; between the two the old words hold."""
    desk = Desk(a_tenant("waits", clock="simulated", told_time=MORNING))
    publish(desk, FIRST)
    desk.do(OpenRecord("deal/dea_1", {"heat": "hot"}))
    begins = desk.clock + 10 * HOUR
    published = (
        desk.do(PublishPlaybook(playbook(SECOND), mappings=TO_SECOND, effective_from=begins))
        .events[-1]
        .position
    )
    desk.do(EditFields("deal/dea_1", {"topic": "Pumps"}))
    desk.tenant.catch_up.run()
    assert not any("mapped" in row for row in history(desk))
    desk.clock = begins
    desk.do(EditFields("deal/dea_1", {"headline": "Ten pumps"}))
    desk.tenant.catch_up.run()
    assert [(row["field"], row["old"], row["new"], "mapped" in row) for row in history(desk)][1:] == [
        ("heat", None, "hot", False),
        ("topic", None, "Pumps", False),
        ("heat", "hot", "boiling", True),
        ("headline", "Pumps", "Pumps", True),
        ("headline", "Pumps", "Ten pumps", False),
    ]
    mapped = next(row for row in history(desk) if "mapped" in row)
    assert mapped["position"] == published
    assert mapped["occurred_at"] == moment_text(begins)


def test_a_record_that_comes_into_the_scope_of_a_version_is_mapped_by_what_brought_it_there(a_tenant):
    """By a change of its owner, or by a move of its owner to another team: never without a row."""
    desk = Desk(a_tenant("scope", clock="simulated", told_time=MORNING))
    publish(desk, FIRST)
    desk.do(OpenRecord("deal/dea_1", {"heat": "hot"}, owner=ANNA))
    desk.do(OpenRecord("deal/dea_2", {"heat": "hot"}, owner=ANNA))
    boiling = playbook(rewritten(FIRST, (HOT, "          boiling: {zh: 沸, en: Boiling}\n")))
    mappings = {"deal": KindMappings(options={"heat": {"hot": "boiling"}})}
    desk.do(PublishPlaybook(boiling, mappings=mappings, scope={OWNER_REGION: ("south",)}))
    given = desk.do(ChangeOwner("deal/dea_1", BEN)).events[-1].position
    moved = desk.do(MovePerson(ANNA, "south", None)).events[-1].position
    desk.tenant.catch_up.run()
    for name, position in (("dea_1", given), ("dea_2", moved)):
        (row,) = [row for row in history(desk, "heat", name) if "mapped" in row]
        assert (row["position"], row["old"], row["new"]) == (position, "hot", "boiling")
        assert desk.tenant.reads.record("deal", name).data["fields"]["heat"] == "boiling"


def test_by_business_time_the_history_leads_to_the_record_of_then(a_tenant):
    """What happened long before it was entered is mapped by what was published by then."""
    desk = Desk(a_tenant("business", clock="simulated", told_time=MORNING))
    publish(desk, FIRST)
    desk.do(OpenRecord("deal/dea_1", {"heat": "hot"}))
    publish(desk, SECOND, TO_SECOND)
    desk.do(EditFields("deal/dea_1", {"headline": "late"}))
    desk.tenant.catch_up.run()
    then = Horizon(effective_at=desk.clock)
    rows = desk.tenant.reads.history("deal", "dea_1", then).data["items"]
    assert [(row["field"], row["new"]) for row in rows if "mapped" in row] == [("heat", "boiling")]
    assert desk.tenant.reads.record("deal", "dea_1", then).data["fields"] == {
        "heat": "boiling",
        "headline": "late",
    }


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def edited(desk: Desk, chance: random.Random, version: int, count: int) -> None:
    """Let people do what comes to their mind under a version; what is refused is refused."""
    for _ in range(count):
        deal = f"deal/dea_{chance.randrange(5)}"
        fields = {TOPICS[version]: chance.choice(["a", "b", None])}
        if HEATS[version]:
            fields["heat"] = chance.choice([*HEATS[version], None])
        command: Any = chance.choice(
            [
                OpenRecord(deal, fields),
                EditFields(deal, fields),
                ChangeStage(deal, chance.choice(STAGES[version])),
            ]
        )
        try:
            desk.do(command, reason="because")
        except Refusal:
            continue


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_folding_the_history_gives_the_record_as_it_is_read_whatever_was_mapped_meanwhile(a_tenant, seed):
    """P30: as of every position, from nothing to its fields and stage of then, each row beginning where the one before ended."""
    desk, chance = Desk(a_tenant("law", clock="simulated", told_time=MORNING)), random.Random(seed)
    publish(desk, FIRST)
    edited(desk, chance, 0, 12)
    for version, (text, mappings) in enumerate(VERSIONS, 1):
        publish(desk, text, mappings)
        edited(desk, chance, version, 8)
    desk.tenant.catch_up.run()
    head, reads, mapped = desk.tenant.log.head(), desk.tenant.reads, 0
    for deal in (f"dea_{number}" for number in range(5)):
        for position in range(1, head + 1):
            try:
                record = reads.record("deal", deal, Horizon(position=position)).data
            except NotFound:
                continue
            state: dict[str, Any] = {}
            for row in reads.history("deal", deal, Horizon(position=position)).data["items"]:
                was = row["mapped"]["from"]["field"] if "mapped" in row else row["field"]
                assert (None if was is None else state.get(was)) == row["old"], (deal, position, row)
                if "mapped" in row:
                    mapped += 1
                    state.pop(was, None)
                if row["new"] is not None or "mapped" not in row:
                    state[row["field"]] = row["new"]
            now = record["fields"] | {"stage": record["stage"], "owner": record["owner"]}
            assert {name: held for name, held in state.items() if held is not None} == {
                name: held for name, held in now.items() if held is not None
            }, (deal, position)
    assert mapped > 20
