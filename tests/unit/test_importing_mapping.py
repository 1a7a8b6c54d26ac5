"""A mapping file: everything wrong with it is named at its line and column, before anything is imported."""

from zoneinfo import ZoneInfo

import pytest
from importing_exports import CRM, CRM_MAPPING, HELPDESK, HELPDESK_MAPPING

from commands.playbook_file import FileRefused
from consumers.importing.language import NumberFormat
from consumers.importing.mapping import parse_mapping, read_mapping
from consumers.importing.texts import DateFormat, NotUnderstood, read_moment, read_number

IN_FORCE = {"crm": CRM, "helpdesk": HELPDESK}

SMALL = """mapping: small
playbook: crm
label: {zh: 小, en: Small}
sources:
  deals: {csv: {file: deals.csv}}
  accounts: {csv: {file: accounts.csv}}
records:
  account: {source: accounts, key: name, fields: {name: name}}
  opportunity:
    source: deals
    key: id
    fields: {close_value: value}
    stages: {column: stage, path: {Open: [{stage: engaging}]}}
"""


def problems(text, *, old="", new=""):
    """Everything wrong with a mapping after one change."""
    assert old in text
    with pytest.raises(FileRefused) as refused:
        parse_mapping(text.replace(old, new, 1), "m.yaml", IN_FORCE)
    return [str(problem) for problem in refused.value.problems]


def test_the_examples_are_right():
    """The mappings that come with dealtrail fit the playbooks that come with it."""
    assert parse_mapping(CRM_MAPPING, "crm", IN_FORCE).mapping == "crm"
    assert parse_mapping(HELPDESK_MAPPING, "helpdesk", IN_FORCE).mapping == "helpdesk"
    assert parse_mapping(SMALL, "small", IN_FORCE).time_zone == "UTC"


def test_a_file_that_is_not_there_is_named(tmp_path):
    """A missing file is a problem like every other."""
    with pytest.raises(FileRefused, match="cannot be read"):
        read_mapping(tmp_path / "no.yaml", IN_FORCE)


def test_everything_is_reported_at_once_in_reading_order():
    """Five mistakes in five places are five problems with their lines."""
    text = (
        CRM_MAPPING.replace("sector: {column", "sectr: {column", 1)
        .replace("Won: [{stage: engaging", "Won: [{stage: engagin", 1)
        .replace("GTK 500: GTK_500", "GTK 500: GTK_50", 1)
        .replace("time_zone: UTC", "time_zone: Mars", 1)
        .replace("roles: [sales_agent]", "roles: [agent]", 1)
    )
    found = problems(text)
    assert len(found) == 5
    assert "line 7," in found[0]
    assert "no time zone 'Mars'" in found[0]
    assert "no role 'agent'; did you mean 'sales_agent'?" in found[1]
    assert "no field 'sectr'; did you mean 'sector'?" in found[2]
    assert "no option 'GTK_50'; did you mean 'GTK_500'?" in found[3]
    assert "no stage 'engagin'; did you mean 'engaging'?" in found[4]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "playbook: crm",
            "playbook: cmr",
            "no playbook 'cmr' is in force; publish it first; did you mean 'crm'?",
        ),
        ("  opportunity:", "  oportunity:", "no kind 'oportunity'; did you mean 'opportunity'?"),
        ("source: deals", "source: deal", "no source 'deal'; did you mean 'deals'?"),
        ("key: id", "kee: id", "no member 'kee' here; did you mean 'key'?"),
        ("    key: id\n", "", "the member 'key' is missing"),
        ("{csv: {file: deals.csv}}", "{}", "either 'csv' or 'xes'"),
        ("file: deals.csv", "file: ../deals.csv", "String should match pattern"),
        ("file: deals.csv", "file: deals.csv, encoding: utf-9", "no encoding 'utf-9'"),
        ("file: deals.csv", "file: deals.csv, encoding: hex", "no encoding 'hex'"),
        ("file: deals.csv", "file: deals.csv, delimiter: '\"'", "cannot be a quote"),
        ("file: deals.csv", "file: deals.csv, dates: D.M.", "has no year"),
        ("file: deals.csv", "file: deals.csv, dates: YYYY-M-M", "names a part twice"),
        ("value: value", "value: value", None),
        (
            "{close_value: value}",
            "{close_value: {column: value, options: {a: b}}}",
            "'options' belong to a choice",
        ),
        ("{close_value: value}", "{close_value: {column: value, separator: ;}}", "only a choice of several"),
        (
            "{close_value: value}",
            "{close_value: {column: value, number: {decimal: '.', grouping: '.'}}}",
            "two different characters",
        ),
        ("{close_value: value}", "{close_value: {column: value, date: M/D}}", "has no year"),
        ("    stages: {", "    owner: who\n    stages: {", "the organisation has no 'people'"),
        ("    stages: {", "    opened_at: then\n    stages: {", "'opened_at' is for kinds without stages"),
        ("    stages: {", "    relations: {subsidiary_of: x}\n    stages: {", "no relation 'subsidiary_of'"),
        (
            "    stages: {column: stage, path: {Open: [{stage: engaging}]}}\n",
            "",
            "the member 'stages' is missing",
        ),
        ("[{stage: engaging}]", "[]", "at least the stage"),
        (
            "column: stage, path: {Open: [{stage: engaging}]}",
            "column: stage",
            "either by 'column' and 'path'",
        ),
        (
            "{column: stage, path: {Open: [{stage: engaging}]}}",
            "{activities: {Open: engaging}}",
            "belong to an event log",
        ),
        ("  account: {source: accounts, key: name, fields: {name: name}}\n", "", None),
    ],
)
def test_each_mistake_has_its_sentence(old, new, message):
    """Names of the playbook, parts that do not fit together, formats nobody can read."""
    if message is None:
        assert parse_mapping(SMALL.replace(old, new, 1), "m.yaml", IN_FORCE)
    else:
        assert message in "\n".join(problems(SMALL, old=old, new=new))


def test_a_reference_leads_to_records_of_the_same_import():
    """The natural keys of what is referred to must be known, so its kind must be imported too."""
    text = SMALL.replace("  account: {source: accounts, key: name, fields: {name: name}}\n", "").replace(
        "close_value: value", "close_value: value, account: who"
    )
    assert "the kind 'account', which the mapping does not import" in problems(text)[0]


def test_a_team_is_not_called_by_the_name_of_a_person():
    """Names of teams stand in the log unsealed, so no erasure could ever reach them."""
    found = problems(
        CRM_MAPPING, old="key: manager, name: regional_office", new="key: manager, name: manager"
    )
    assert "names of teams are not sealed" in found[0]


def test_what_belongs_to_a_snapshot_does_not_belong_to_an_event_log():
    """Traces have keys and their events have moments of their own."""
    found = problems(HELPDESK_MAPPING, old="    actor:", new="    key: a\n    known_at: [b]\n    actor:")
    assert len(found) == 2
    assert all("does not belong to an event log" in problem for problem in found)


def test_the_columns_of_a_source_are_those_every_part_asks_for():
    """The header of a file is checked against all of them, before anything is written."""
    mapping = parse_mapping(CRM_MAPPING, "crm", IN_FORCE)
    assert mapping.columns_of("sales_teams") == ["manager", "regional_office", "sales_agent"]
    assert "close_date" in mapping.columns_of("pipeline")


def test_a_date_means_midnight_in_the_time_zone_of_the_mapping():
    """Moments are UTC in the log, wherever the export was made."""
    assert (
        read_moment("3/1/2017", "M/D/YYYY", ZoneInfo("America/New_York")).isoformat()
        == "2017-03-01T05:00:00+00:00"
    )
    assert read_moment("2017-03-01 08:30", "YYYY-MM-DD HH:mm", ZoneInfo("UTC")).hour == 8
    assert (
        read_moment("2017-03-01T08:30:00+08:00", None, ZoneInfo("UTC")).isoformat()
        == "2017-03-01T00:30:00+00:00"
    )


@pytest.mark.parametrize(
    "text", ["2/30/2017", "3/1/17", "2017-03-01", "3/1/2017 ", "\u0663/1/2017", "0/1/2017", ""]
)
def test_a_date_that_does_not_parse_says_so(text):
    """The text and the format it should have are both named."""
    with pytest.raises(NotUnderstood, match="M/D/YYYY"):
        DateFormat.of("M/D/YYYY").read(text)


def test_a_moment_outside_of_the_calendar_is_not_understood():
    """The first midnight of the year 1 lies before it in UTC, east of Greenwich."""
    with pytest.raises(NotUnderstood, match="outside of the years"):
        read_moment("0001-01-01", None, ZoneInfo("Asia/Shanghai"))


def test_numbers_are_read_with_the_marks_of_the_source():
    """Grouping counts only where groups have three digits: 1.5 is never fifteen."""
    german = NumberFormat(decimal=",", grouping=".")
    assert read_number("-1.234.567,50", german) == "-1234567.50"
    assert read_number("12", NumberFormat()) == "12"
    for wrong in ("1.5", "1.2345", "", "1,2,3", "1e5", "abc", "1,"):
        with pytest.raises(NotUnderstood):
            read_number(wrong, german)
