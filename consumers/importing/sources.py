"""Reading the files of an export: rows with their places, and what of them cannot be read.

What concerns one row is in `refused` and the others go on; what concerns a whole file raises `SourceRefused`,
so nothing of a cut or damaged file is ever imported.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from xml.parsers import expat

from consumers.importing.language import CsvFile, Source, XesFile
from consumers.importing.report import RefusedRow
from domain.naming import nearest

MAX_BYTES = 500_000_000
"""The largest file that is read, after it is unpacked."""

MAX_DEPTH = 32
CASE = "case:"
"""What attributes of a trace begin with, among the columns of its events."""

_CHUNK = 1_000_000
_ATTRIBUTES = frozenset({"string", "date", "int", "float", "boolean", "id"})


class SourceRefused(ValueError):
    """A whole file cannot be read; the message names the file, what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a CSV file, or an event of a trace: where it stands, and its texts by column. `trace` counts traces from 1."""

    place: str
    values: Mapping[str, str]
    trace: int = 0


@dataclass(slots=True)
class Content:
    """What a source holds."""

    name: str
    file: str
    rows: list[Row] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """How many rows (or events) the file has, readable or not."""
        return len(self.rows) + len(self.refused)


def read_source(
    name: str, source: Source, columns: Sequence[str], data: Path, *, key: str | None = None
) -> Content:
    """Read and check a whole source before anything of it is used. Raises SourceRefused.

    `columns` must be there; `key` is the one by which people know a row that cannot be read.
    """
    content = Content(name, source.file)
    path = data / source.file
    try:
        if source.csv is not None:
            _read_csv(content, path, source.csv, columns, key)
        elif source.xes is not None:
            _read_xes(content, path, source.xes, columns)
    except OSError as error:
        raise SourceRefused(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeError as error:
        raise SourceRefused(f"{path}: is damaged or in another encoding: {error}") from None
    return content


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_csv(content: Content, path: Path, source: CsvFile, columns: Sequence[str], key: str | None) -> None:
    if path.stat().st_size > MAX_BYTES:
        raise SourceRefused(f"{path}: is larger than {MAX_BYTES:,} bytes")
    encoding = (
        "utf-8-sig" if source.encoding.lower().replace("_", "-") in {"utf-8", "utf8"} else source.encoding
    )
    # Bytes that are not text become surrogates, so that only their row is refused.
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=source.delimiter, strict=True)
        try:
            header = next(reader, None)
        except csv.Error as error:
            raise SourceRefused(f"{path}, line {reader.line_num}: {error}") from None
        if header is None:
            raise SourceRefused(f"{path}: is empty")
        _check_columns(path, header, columns)
        key_at = header.index(key) if key is not None else len(header)
        for number, (line, cells, trouble) in enumerate(_csv_rows(path, reader), start=1):
            reasons = [trouble] if trouble else _csv_problems(header, cells, source.encoding)
            place = f"row {number} (line {line})"
            if reasons:
                known_as = _printable(cells[key_at]) if key_at < len(cells) else ""
                content.refused.append(RefusedRow(content.name, content.file, place, known_as, reasons))
            else:
                content.rows.append(Row(place, dict(zip(header, cells, strict=True))))


def _csv_rows(path: Path, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str], str]]:
    """Yield the first line of each row with its cells, or with what is wrong with it; lines without anything are no rows."""
    while True:
        line = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "end of data" in str(error) or "limit" in str(error):
                # Everything after an open quote has been swallowed: which rows are lost cannot be told.
                raise SourceRefused(
                    f"{path}, line {line}: a quote is opened that is never closed, or a text is longer than {csv.field_size_limit():,} characters"
                ) from None
            yield line, [], f"is not CSV: {error}"
            continue
        if cells:
            yield line, cells, ""


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:80])


def _csv_problems(header: Sequence[str], cells: Sequence[str], encoding: str) -> list[str]:
    problems = []
    text = "".join(cells)
    if "\x00" in text:
        problems.append("contains NUL; the file is damaged or not in the encoding the mapping says")
    wrong = next((character for character in text if "\ud800" <= character <= "\udfff"), None)
    if wrong is not None:
        problems.append(f"is not {encoding}: the byte 0x{ord(wrong) & 0xFF:02x} does not belong there")
    if len(cells) != len(header):
        hint = "; is the file cut?" if len(cells) < len(header) else ""
        problems.append(f"has {len(cells)} columns instead of {len(header)}{hint}")
    return problems


def _check_columns(path: Path, there: Sequence[str], asked: Sequence[str]) -> None:
    problems = []
    for column in asked:
        if column not in there:
            suggestion = nearest(column, there)
            problems.append(
                f"has no column {column!r}" + (f"; did you mean {suggestion!r}?" if suggestion else "")
            )
        elif there.count(column) > 1:
            problems.append(f"has the column {column!r} twice")
    if problems:
        raise SourceRefused("\n".join(f"{path}: {problem}" for problem in problems))


# ── XES ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_xes(content: Content, path: Path, source: XesFile, columns: Sequence[str]) -> None:
    reading = _XesReading(path, source, content)
    read = 0
    try:
        with _opened(path) as file:
            while chunk := file.read(_CHUNK):
                read += len(chunk)
                if read > MAX_BYTES:
                    raise SourceRefused(f"{path}: is larger than {MAX_BYTES:,} bytes when it is unpacked")
                reading.parser.Parse(chunk, False)
        reading.parser.Parse(b"", True)
    except EOFError:
        raise SourceRefused(f"{path}: the compressed file is cut") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceRefused(f"{path}: is not gzip, or damaged: {error}") from None
    except expat.ExpatError as error:
        raise SourceRefused(
            f"{path}, line {error.lineno}: is not XML, or cut: {expat.ErrorString(error.code)}"
        ) from None
    if not reading.is_log:
        raise SourceRefused(f"{path}: is not an event log in XES")
    if content.rows:
        _check_columns(path, sorted(reading.keys), [*columns, source.activity, source.timestamp])


def _opened(path: Path) -> "gzip.GzipFile | BufferedReader":
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


class _XesReading:
    """Takes events out of the stream of XML elements. A document type is refused, and with it every entity."""

    def __init__(self, path: Path, source: XesFile, content: Content) -> None:
        self._path = path
        self._source = source
        self._content = content
        self._open: list[str] = []
        self._traces = 0
        self._event_number = 0
        self._case: dict[str, str] = {}
        self._event: dict[str, str] = {}
        self._events: list[tuple[str, dict[str, str]]] = []
        self._line = self._event_line = 0
        self.is_log = False
        self.keys: set[str] = set()
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _doctype(self, *_: object) -> None:
        raise SourceRefused(
            f"{self._path}, line {self.parser.CurrentLineNumber}: has a document type; XML with a DOCTYPE is refused"
        )

    def _start(self, qualified: str, given: dict[str, str]) -> None:
        name = qualified.rpartition(":")[2]
        parent = self._open[-1] if self._open else None
        self._open.append(name)
        if len(self._open) > MAX_DEPTH:
            raise SourceRefused(
                f"{self._path}, line {self.parser.CurrentLineNumber}: is nested deeper than {MAX_DEPTH} levels"
            )
        match parent, name:
            case None, "log":
                self.is_log = True
            case "log", "trace":
                self._traces += 1
                self._event_number, self._case, self._events = 0, {}, []
                self._line = self.parser.CurrentLineNumber
            case "trace", "event":
                self._event_number += 1
                self._event = {}
                self._event_line = self.parser.CurrentLineNumber
            case "trace" | "event", attribute if (
                attribute in _ATTRIBUTES and "key" in given and "value" in given
            ):
                (self._case if parent == "trace" else self._event)[given["key"]] = given["value"]

    def _end(self, qualified: str) -> None:
        name = self._open.pop()
        del qualified
        parent = self._open[-1] if self._open else None
        if (parent, name) == ("trace", "event"):
            place = f"trace {self._traces}, event {self._event_number} (line {self._event_line})"
            self._events.append((place, self._event))
        elif (parent, name) == ("log", "trace"):
            self._finish_trace()

    def _finish_trace(self) -> None:
        place = f"trace {self._traces} (line {self._line})"
        case = {CASE + name: value for name, value in self._case.items()}
        key = self._case.get(self._source.trace_id, "")
        reason = (
            f"the trace has no {self._source.trace_id!r}"
            if not key
            else ""
            if self._events
            else "the trace has no events"
        )
        if reason:
            self._content.refused.append(
                RefusedRow(self._content.name, self._content.file, place, key, [reason])
            )
            return
        for event_place, event in self._events:
            self.keys.update(event, case)
            self._content.rows.append(Row(event_place, {**event, **case}, self._traces))
