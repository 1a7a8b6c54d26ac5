"""What replays found, kept for good under their ids: the impact, the datasets in Parquet, the draft, and a manifest of their SHA-256.

The files of a replay never change: its id is the hash of the question, and the same question has the same answer.
The manifest is written last, so what it names is complete; without one there is no result.
"""

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import orjson
import polars as pl

from domain.playbook.published import KindMappings, PublishedPlaybook
from projections.errors import ReadError
from projections.ledger.store import LedgerDamaged, LedgerStore, LedgerUnavailable

FORMAT = 1
DATASETS = ("decisions", "gate_state", "index_values")
"""The datasets of a replay: every judged decision, where each open record stands, and every index."""

_MANIFEST, _IMPACT, _DRAFT = "manifest.json", "impact.json", "draft.json"
_ID = re.compile(r"[0-9a-f]{64}")
_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2


class ReplayDamaged(ReadError):
    """A file of a replay is missing, cut or edited. The same question, asked again, makes it again."""

    code = "replay-damaged"


class ReplaysUnavailable(ReadError):
    """Where replays are kept does not answer, or has no room."""

    code = "replays-unavailable"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a replay; `rows` is how many a dataset has."""

    size_bytes: int
    sha256: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class KeptReplay:
    """The manifest of a replay: its files by name."""

    id: str
    files: Mapping[str, KeptFile]

    @property
    def datasets(self) -> dict[str, int]:
        """The datasets there are, and how many rows each has."""
        return {
            name.removesuffix(".parquet"): file.rows
            for name, file in self.files.items()
            if file.rows is not None
        }


class ReplayStore:
    """The results of replays in a folder or an object store."""

    def __init__(self, files: LedgerStore) -> None:
        self.files = files
        self._known_whole: set[tuple[str, str]] = set()

    def keep(
        self,
        replay: str,
        impact: Mapping[str, Any],
        frames: Mapping[str, pl.DataFrame],
        draft: PublishedPlaybook,
    ) -> KeptReplay:
        """Keep a result. What is kept already under the id stays as it is. Raises ReplaysUnavailable."""
        try:
            found = self.find(replay)
        except ReplayDamaged:
            found = None
        if found is not None and self._is_whole(found):
            return found
        kept: dict[str, KeptFile] = {}
        told = {"document": draft.document_json, "rules": draft.rules_json, "mappings": draft.mappings_json}
        with _named("the replay cannot be kept"):
            self._put(replay, _IMPACT, orjson.dumps(impact, option=_OPTIONS), kept)
            self._put(replay, _DRAFT, orjson.dumps(told, option=_OPTIONS), kept)
            for name, frame in sorted(frames.items()):
                content = io.BytesIO()
                frame.write_parquet(content, compression="zstd", statistics=True)
                self._put(replay, f"{name}.parquet", content.getvalue(), kept, rows=frame.height)
            self.files.put(_place(replay, _MANIFEST), _manifest(replay, kept))
        return KeptReplay(replay, kept)

    def find(self, replay: str) -> KeptReplay | None:
        """Return the manifest of a replay; None when nothing is kept under the id. Raises ReplayDamaged, ReplaysUnavailable."""
        if not is_replay_id(replay):
            return None
        with _named("the replay cannot be read"):
            try:
                content = self.files.get(_place(replay, _MANIFEST))
            except FileNotFoundError:
                return None
        try:
            told = orjson.loads(content)
            files = {str(name): KeptFile(**about) for name, about in told["files"].items()}
        except (ValueError, LookupError, TypeError, AttributeError):
            raise _damaged(replay, _MANIFEST) from None
        if _manifest(replay, files) != content:
            raise _damaged(replay, _MANIFEST)
        return KeptReplay(replay, files)

    def impact(self, kept: KeptReplay) -> dict[str, Any]:
        """Return the impact as it was found. Raises ReplayDamaged, ReplaysUnavailable."""
        return cast("dict[str, Any]", orjson.loads(self._whole(kept, _IMPACT).read_bytes()))

    def draft(self, kept: KeptReplay) -> PublishedPlaybook:
        """Return the draft that was replayed. Raises ReplayDamaged, ReplaysUnavailable."""
        told = orjson.loads(self._whole(kept, _DRAFT).read_bytes())
        mappings = {kind: KindMappings.from_json(part) for kind, part in told["mappings"].items()}
        return PublishedPlaybook.from_published(told["document"], told["rules"], 0, 0, mappings=mappings)

    def file(self, kept: KeptReplay, dataset: str) -> Path:
        """Return where the Parquet file of a dataset can be read on this machine. Raises KeyError, ReplayDamaged, ReplaysUnavailable."""
        return self._whole(kept, f"{dataset}.parquet")

    def scan(self, kept: KeptReplay, dataset: str) -> pl.LazyFrame:
        """Return the rows of a dataset. Raises KeyError, ReplayDamaged, ReplaysUnavailable."""
        return pl.scan_parquet(self.file(kept, dataset), glob=False)

    def drop(self, replay: str) -> bool:
        """Remove a result, the manifest first; tell whether there was one."""
        with _named("the replay cannot be removed"):
            mine = [name for name in self.files.names() if name.startswith(f"{replay}/")]
            for name in sorted(mine, key=lambda name: (not name.endswith(_MANIFEST), name)):
                self.files.delete(name)
        self._known_whole = {known for known in self._known_whole if not known[0].startswith(f"{replay}/")}
        return bool(mine)

    def _put(
        self, replay: str, name: str, content: bytes, kept: dict[str, KeptFile], rows: int | None = None
    ) -> None:
        self.files.put(_place(replay, name), content)
        kept[name] = KeptFile(len(content), hashlib.sha256(content).hexdigest(), rows)

    def _is_whole(self, kept: KeptReplay) -> bool:
        try:
            for name in kept.files:
                self._whole(kept, name)
        except ReplayDamaged:
            return False
        return True

    def _whole(self, kept: KeptReplay, name: str) -> Path:
        """The place of a file whose bytes are those that were written; compared once a process, its size each time."""
        about, place = kept.files[name], _place(kept.id, name)
        try:
            with _named("the replay cannot be read"):
                path = self.files.path(place, about.size_bytes, about.sha256)
        except LedgerDamaged:
            raise _damaged(kept.id, name) from None
        if (place, about.sha256) not in self._known_whole:
            with path.open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != about.sha256:
                    raise _damaged(kept.id, name)
            self._known_whole.add((place, about.sha256))
        return path


def is_replay_id(text: str) -> bool:
    """Tell whether a text can be the id of a replay."""
    return _ID.fullmatch(text) is not None


def _place(replay: str, name: str) -> str:
    return f"{replay}/{name}"


def _manifest(replay: str, files: Mapping[str, KeptFile]) -> bytes:
    told = {"format": FORMAT, "id": replay, "files": {name: asdict(file) for name, file in files.items()}}
    told["sha256"] = hashlib.sha256(orjson.dumps(told, option=_OPTIONS)).hexdigest()
    return orjson.dumps(told, option=_OPTIONS)


def _damaged(replay: str, name: str) -> ReplayDamaged:
    return ReplayDamaged(
        f"{name} of the replay {replay[:12]} is not what was written; `dealtrail replay drop {replay[:12]}` removes it, and the same replay makes it again"
    )


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except LedgerUnavailable as error:
        raise ReplaysUnavailable(what) from error
