"""Names of things: streams, ids, and the nearest valid name for a wrong one."""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

ORGANISATION_STREAM = "organisation"
LOG_STREAM = "log"
ERASURES_STREAM = "erasures"
PLAYBOOKS_STREAM = "playbooks"

REACTIONS_ACTOR = "system/reactions"
"""The part of the system that carries out reactions: who issues what they ask for."""
REACTIONS_CHANNEL = "reaction"
"""The channel of what reactions ask for."""
IMPORT_CHANNEL = "import"
"""The channel of what is imported: it happened before, elsewhere."""

MAX_ID = 200

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that most resembles a wrong one, or None when nothing does."""
    if len(name) > MAX_ID:
        return None  # comparing takes time, and nobody mistypes a name that long
    by_folded = {option.casefold(): option for option in valid}
    close = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    return by_folded[close[0]] if close else None


def nearest_first(name: str, valid: Iterable[str]) -> list[str]:
    """Return the valid names, those first that resemble a wrong one most, and else in their order."""
    if len(name) > MAX_ID:
        return [*valid]
    told = SequenceMatcher(None, "", name.casefold())
    by_likeness: list[tuple[float, str]] = []
    for option in valid:
        told.set_seq1(option.casefold())
        by_likeness.append((-told.ratio(), option))
    return [option for _, option in sorted(by_likeness, key=lambda found: found[0])]


def a(noun: str) -> str:
    """Put the indefinite article before the name of a thing: `a deal`, `an opportunity`."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


def token(entropy: bytes) -> str:
    """Spell 16 bytes as 26 characters of Crockford's base 32, in the same order as the bytes.

    Raises ValueError unless exactly 16 bytes are given.
    """
    if len(entropy) != 16:
        raise ValueError(f"an id is made of 16 bytes, not of {len(entropy)}")
    number = int.from_bytes(entropy, "big")
    digits = []
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def record_stream(kind: str, record_id: str) -> str:
    """Name the stream of one record, for example `opportunity/opp_01…`."""
    return f"{kind}/{record_id}"


def person_stream(person_id: str) -> str:
    """Name a person; people have no stream of their own, their events live in the organisation's."""
    return f"person/{person_id}"


def refusals_stream(kind: str, subject: str) -> str:
    """Name the stream of refused attempts on one record, or of refused openings of a kind on one day.

    Refusals stay out of the record's own stream, so that a refused attempt never changes the version callers hold.
    """
    return f"refusals/{kind}/{subject}"


def firings_stream(record: str) -> str:
    """Name the stream of what was noticed of a record's deadlines.

    It stays out of the record's own stream, so that nobody's version is stale because time went by.
    """
    return f"deadlines/{record}"


def inbox_stream(person: str) -> str:
    """Name the stream of what a person asked to be told of and has read: `person/per_1` has `inboxes/per_1`."""
    return f"inboxes/{person.removeprefix('person/')}"


def drafts_stream(playbook: str) -> str:
    """Name the stream of the drafts of one playbook, apart from what is in force: no decision rests on a draft."""
    return f"drafts/{playbook}"


def index_stream(index: str) -> str:
    """Name the stream of what was closed of one index."""
    return f"indices/{index}"


def pools_stream(pool: str) -> str:
    """Name the stream of what a pool decided: who got which record, who claimed, what came back."""
    return f"pools/{pool}"


def reactions_stream(record: str) -> str:
    """Name the stream of what became of the reactions to a record, apart from the record's own: a failure makes nobody's version stale."""
    return f"reactions/{record}"


def split_stream(stream: str) -> tuple[str, str]:
    """Split a record's stream into its kind and its id."""
    kind, _, record_id = stream.partition("/")
    return kind, record_id


def is_id(text: str) -> bool:
    """Tell whether a text can be the id of a record: printable, without spaces and slashes, at most 200 characters."""
    return 0 < len(text) <= MAX_ID and text.isprintable() and not set(" /") & set(text)
