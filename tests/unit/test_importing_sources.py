"""Files of an export: a bad row is refused with its place, a bad file before anything is imported."""

import gzip

import pytest

from consumers.importing import sources
from consumers.importing.language import CsvFile, Source, XesFile
from consumers.importing.sources import SourceRefused, read_source

LOG = """<?xml version="1.0"?>
<log xmlns="http://www.xes-standard.org/">
  <global scope="event"><string key="concept:name" value="?"/></global>
  <trace>
    <string key="concept:name" value="Case 1"/>
    <event>
      <string key="concept:name" value="Open"><string key="meta" value="x"/></string>
      <date key="time:timestamp" value="2012-10-09T14:50:17+00:00"/>
    </event>
    <event><string key="concept:name" value="Close"/><date key="time:timestamp" value="2012-10-10T14:50:17+00:00"/></event>
  </trace>
  <trace><event><string key="concept:name" value="Open"/></event></trace>
  <trace><string key="concept:name" value="Case 3"/></trace>
</log>
"""


def read_csv(tmp_path, raw, *, columns=("a", "b"), **options):
    """Read a CSV file with these bytes."""
    (tmp_path / "f.csv").write_bytes(raw)
    return read_source("s", Source(csv=CsvFile(file="f.csv", **options)), columns, tmp_path, key="a")


def read_xes(tmp_path, raw, *, file="f.xes", columns=()):
    """Read an event log with these bytes."""
    (tmp_path / file).write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return read_source("s", Source(xes=XesFile(file=file)), columns, tmp_path)


def refused(content):
    """Places and reasons."""
    return [(row.place, row.key, "; ".join(row.reasons)) for row in content.refused]


def test_rows_have_their_places(tmp_path):
    """Rows are counted without the header, lines with it; a text may run over lines, an empty line is no row."""
    content = read_csv(tmp_path, b'\xef\xbb\xbfa,b\r\n1,"two\r\nlines"\r\n\r\n"say ""hi""",4\r\n')
    assert [row.place for row in content.rows] == ["row 1 (line 2)", "row 2 (line 5)"]
    assert content.rows[0].values == {"a": "1", "b": "two\r\nlines"}
    assert content.rows[1].values["a"] == 'say "hi"'


def test_a_row_with_too_few_columns_is_refused_and_the_others_go_on(tmp_path):
    """The last row of a cut file is such a row."""
    content = read_csv(tmp_path, b"a,b\n1,2\nx1\n3,4,5\n6,7\n")
    assert len(content.rows) == 2
    assert refused(content) == [
        ("row 2 (line 3)", "x1", "has 1 columns instead of 2; is the file cut?"),
        ("row 3 (line 4)", "3", "has 3 columns instead of 2"),
    ]
    assert content.rows_read == 4


def test_a_row_in_another_encoding_is_refused_with_the_byte(tmp_path):
    """Only the rows with such bytes are; the mapping may say another encoding."""
    content = read_csv(tmp_path, b"a,b\n1,2\nx2,M\xfcnchen\n")
    assert refused(content) == [("row 2 (line 3)", "x2", "is not utf-8: the byte 0xfc does not belong there")]
    assert read_csv(tmp_path, b"a,b\nx2,M\xfcnchen\n", encoding="cp1252").rows[0].values["b"] == "München"
    assert (
        read_csv(tmp_path, "a;b\n1;价\n".encode("gb18030"), encoding="gb18030", delimiter=";")
        .rows[0]
        .values["b"]
        == "价"
    )


def test_nul_and_bad_quotes_are_refused_with_the_row(tmp_path):
    """What comes after them is read."""
    content = read_csv(tmp_path, b'a,b\n1,\x00\n"x"y,2\n3,4\n')
    assert [row.values["a"] for row in content.rows] == ["3"]
    assert "contains NUL" in refused(content)[0][2]
    assert "is not CSV" in refused(content)[1][2]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b"a,c\n1,2\n", "has no column 'b'"),
        (b"a,b,b\n1,2,3\n", "has the column 'b' twice"),
        (b'a,b\n1,"never closed\n2,3\n', "line 2: a quote is opened that is never closed"),
    ],
)
def test_what_concerns_the_whole_csv_file_refuses_it(tmp_path, raw, message):
    """Nobody could tell which rows are lost."""
    with pytest.raises(SourceRefused, match=message):
        read_csv(tmp_path, raw)


def test_a_missing_file_and_every_missing_column_are_named(tmp_path):
    """With the nearest column there is."""
    with pytest.raises(SourceRefused, match="cannot be read"):
        read_source("s", Source(csv=CsvFile(file="no.csv")), [], tmp_path)
    with pytest.raises(SourceRefused) as error:
        read_csv(tmp_path, b"acount,stage\n", columns=["account", "stages"])
    assert str(error.value).count("did you mean") == 2


def test_an_event_log_gives_one_row_for_each_event(tmp_path):
    """Attributes of the trace begin with `case:`; attributes of attributes and of the log are no columns."""
    content = read_xes(tmp_path, LOG, columns=["case:concept:name"])
    assert [row.place for row in content.rows] == ["trace 1, event 1 (line 6)", "trace 1, event 2 (line 10)"]
    assert content.rows[0].values == {
        "concept:name": "Open",
        "time:timestamp": "2012-10-09T14:50:17+00:00",
        "case:concept:name": "Case 1",
    }


def test_traces_without_a_key_or_without_events_are_refused(tmp_path):
    """The others go on."""
    assert [row[2] for row in refused(read_xes(tmp_path, LOG))] == [
        "the trace has no 'concept:name'",
        "the trace has no events",
    ]


def test_a_compressed_log_is_read_by_its_name(tmp_path):
    """A name that ends in .gz means gzip."""
    assert len(read_xes(tmp_path, gzip.compress(LOG.encode()), file="f.xes.gz").rows) == 2


@pytest.mark.parametrize(
    ("raw", "file", "message"),
    [
        (LOG[:300], "f.xes", "is not XML, or cut"),
        (LOG.replace("</trace>", "</trac>"), "f.xes", "line 11: is not XML, or cut: mismatched tag"),
        (LOG, "f.xes.gz", "is not gzip"),
        (gzip.compress(LOG.encode())[:-20], "f.xes.gz", "the compressed file is cut"),
        ("<logs/>", "f.xes", "is not an event log"),
        ("", "f.xes", "is not XML"),
        (LOG.replace("Open", "O\x01"), "f.xes", "is not XML"),
        ("<log>" + "<a>" * 40, "f.xes", "nested deeper"),
    ],
)
def test_what_concerns_the_whole_log_refuses_it(tmp_path, raw, file, message):
    """Nothing of a cut or damaged file is ever used."""
    with pytest.raises(SourceRefused, match=message):
        read_xes(tmp_path, raw, file=file)


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE log [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE log SYSTEM "http://127.0.0.1/log.dtd">',
    ],
)
def test_a_document_type_is_refused_and_no_entity_expanded(tmp_path, document_type):
    """Hostile XML begins with one."""
    with pytest.raises(SourceRefused, match="DOCTYPE is refused"):
        read_xes(tmp_path, LOG.replace('<?xml version="1.0"?>', f'<?xml version="1.0"?>{document_type}'))


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(tmp_path, monkeypatch):
    """A small file cannot fill the memory."""
    monkeypatch.setattr(sources, "MAX_BYTES", 200_000)
    bomb = gzip.compress(b"<log>" + b" " * 2_000_000 + b"</log>")
    assert len(bomb) < 10_000
    with pytest.raises(SourceRefused, match="larger than 200,000 bytes"):
        read_xes(tmp_path, bomb, file="f.xes.gz")


def test_a_missing_attribute_is_named(tmp_path):
    """An attribute no event has is a mistake of the mapping."""
    with pytest.raises(SourceRefused, match="no column 'org:resource'"):
        read_xes(tmp_path, LOG, columns=["org:resource"])
