"""Values no careful program would send, as texts and as pieces of JSON; `{c}` is where the canary of a request goes."""

from collections.abc import Iterator
from random import Random

SQL = (
    "{c}' OR '1'='1", "{c}'; DROP TABLE dealtrail.events; --", '{c}" OR ""="', "1; SELECT pg_sleep(10) -- {c}", "{c}') UNION SELECT NULL,NULL--",
    "{c}\\'; --", "$${c}$$", "%s {c} %(x)s %", "{c}::int", "E'\\x27{c}", "{c}/**/OR/**/1=1", "||(SELECT current_user)||{c}", "{c}%' LIKE '%", "_{c}%",
)  # fmt: skip
MARKUP = (
    "<script>alert('{c}')</script>", '"><img src=x onerror={c}>', "<svg/onload={c}>", "javascript:{c}", "</title><script>{c}", "{{c}}{{7*7}}",
    "${{7*7}}{c}", "<%= {c} %>", "#{{{c}}}", "{% include '{c}' %}", "&lt;{c}&gt;", "<!--{c}-->", "]]>{c}<![CDATA[", "<?xml {c}?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>",
)  # fmt: skip
FORMULAS = (
    "=cmd|'/c calc'!A1{c}", "+1+{c}", "-1-{c}", "@SUM({c})", "\t={c}", "=HYPERLINK(\"http://{c}\")", "%0A={c}",
)  # fmt: skip
PATHS = (
    "../../../etc/{c}", "..\\..\\{c}", "/etc/passwd{c}", "{c}/..", "{c}%2f..%2f", ".", "..", "...", "{c}\r\nSet-Cookie: a={c}", "file:///{c}", "C:\\{c}", "~{c}", "con", "{c};x=y",
)  # fmt: skip
SCRIPTS = (
    "\u202e{c}\u202d", "{c}\u200b\u200d\ufeff", "😀👩‍👩‍👧‍👦{c}", "华东一部{c}", "İı{c}ß", "{c}\u0301\u0301\u0301" + "\u0300" * 60, "\ufffe{c}\uffff", "{c}\U0010ffff", "\u2028{c}\u2029",
    "Ａ{c}", "{c}\x7f\x80\x9f", "\x01\x1b[31m{c}\x1b[0m", "{c}\n{c}", "{c}\r", "{c}\t", " {c} ", "\xa0{c}", "ﷺ{c}", "{c}\u0000"[:-1] + "\x08",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "-1", "1", "00", "1.0", "1e3", "1e999", "-1e-999", "NaN", "nan", "Infinity", "-inf", "0x10", "1_000", "٣", "１２", "9" * 19, "9" * 40, "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "2147483648", "1.7976931348623157e308", "0." + "0" * 40 + "1", "1,5", "1.2.3", "+1", " 1", "1 ", "½", "1e-400", "-", ".", "1.", ".5",
)  # fmt: skip
MOMENTS = (
    "0001-01-01", "9999-12-31", "0000-00-00", "2026-02-30", "2026-13-01", "2024-02-29", "1900-02-29", "10000-01-01", "-2026-01-01", "2026-W01-1", "2026-001", "20260131",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-31T08:00:00", "2026-01-31T24:00:00Z",
    "2026-01-31T23:59:60Z", "2026-01-31T08:00:00+25:00", "2026-01-31T08:00:00+00:00:01", "2026-01-31T08:00:00.1234567Z", "2026-01-31t08:00:00z", "2026-01-31 08:00:00+08:00",
    "1582-10-10T00:00:00Z", "2026-01-31T08:00:00-00:00", "now", "infinity", "-infinity", "epoch", "2026-03-29T02:30:00 Europe/Berlin", "２０２６-01-31", "2026-01-31T08:00+08:00",
    "2026-01-31T08:00:00,5Z", "2026-01-31T08:00:00+0800", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-W53-7", "2026-01-31T08Z", "1969-12-31T23:59:59.999999Z",
)  # fmt: skip
NAMES = (
    "__proto__", "constructor", "__class__", "__init__", "toString", "id", "stream", "kind", "fields", "null", "true", "$ref", "$where", "self", "", " ", "a" * 201, "x" * 5_000, "person/", "/", "//",
    "deal/", "deal/dea_x/y", "person/per_{c}", "deal/{c}", "organisation", "refusals/deal/{c}", "drafts/{c}", "log", "playbooks", "erasures", "stage", "owner", "$stage", "fields.{c}", "{c}.gte", "cmd_{c}",
)  # fmt: skip

TEXTS: tuple[str, ...] = (*SQL, *MARKUP, *FORMULAS, *PATHS, *SCRIPTS, *NUMBERS, *MOMENTS, *NAMES)
"""Every hostile text."""

TOKENS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "0.1", "1.0", "-0", "-0.0", "00", "01", "+1", "1.", ".5", "0x1F", "1_0", "'x'", "undefined", "None", "True", "nul", "tru", "",
    "9" * 20, "9" * 400, "9" * 4_400, "-9223372036854775809", "9007199254740993", "18446744073709551616", "1E400", "null", "true", "false", "0", "-1", "1", "2147483648", "[]", "{}", "[[]]", '""',
    '"\\u0000{c}"', '"\\ud800{c}"', '"{c}\\udfff"', '"\\ud83d\\ude00{c}"', '"\\uDFFF\\uD800"', '"\\x41"', '"\\u12"', '"{c}\\"', '"{c}\n"', '"\t{c}"', "//{c}", "/*{c}*/1", '"a" "b"', "[1,]", '{"a":1,}', "{a:1}",
    '{"a":1,"a":2}', '{"a":{"b":1,"b":2}}', '{"\\u0061":1,"a":2}', '{"":""}', '{"{c}":"{c}"}', '["{c}"]', '[null]', '[["{c}"]]', '{"amount":"1","currency":"EUR"}', '{"amount":1e999}', '{"$ref":"{c}"}',
    '{"__class__":"{c}"}', '{"old":null,"new":"{c}"}',
)  # fmt: skip
"""What may stand where JSON expects a value: some of it is JSON, some is not."""

BYTES = (
    b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x28\xa1", b"\x80", b"\x00", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"\x1f\x8b\x08", b"\x1b", b"\x7f", b"\r\n\r\n", b"\xc3",
)  # fmt: skip
"""What is no UTF-8, or should not be in a text."""

YAML = (
    "a: &a [*a]", "x: !!python/object/apply:os.system ['{c}']", "<<: {c: 1}", "? {c}", "!!binary aGk=", "key: |\n  {c}", "key: >-\n\n  {c}", "- {c}", "--- {c}\n--- {c}", "%YAML 9.9", "%TAG ! {c}", "\t{c}: 1",
    "roles: {{c}: {rights: [{c}]}}", "playbook: {c}", "kinds: []", "kinds: {deal: 1}", "time_zone: {c}", "time_zone: ../../etc/passwd", "x: 0o17", "x: 1:30", "x: 2026-01-31", "x: .inf", "x: ~", "yes: no", "null: null",
    "1: 2", "[a, b]: c", "x: *{c}", "x: &{c}", "'{c}", '"{c}', "{ {c}", "[ {c}", "x: \"\\uD800\"", "x: \"\\0\"", "# {c}", "rule: (((((((((({c}", "rule: a " + "and a " * 300, "rule: " + "(" * 500, "rule: matches(x, '(a+)+$')",
    "rule: 9" + "9" * 400, "rule: amount / 0", "rule: '{c}", "rule: __import__('{c}')", "pattern: (a+)+$", "pattern: \"[\"", "pattern: a{1000000}",
)  # fmt: skip
"""Lines that may find their way into a playbook."""


def text(random: Random, canary: str) -> str:
    """A hostile text; most carry the canary."""
    found = random.choice(TEXTS)
    if random.random() < 0.05:
        found = found * random.choice((3, 40, 400))
    return found.replace("{c}", canary)[:200_000]


def token(random: Random, canary: str) -> str:
    """Something in the place of a JSON value."""
    pick = random.random()
    if pick < 0.03:
        depth = random.choice((10, 62, 63, 64, 65, 100, 5_000))
        return (
            random.choice(("[", '{"a":')) * depth
            if random.random() < 0.2
            else "[" * depth + f'"{canary}"' + "]" * depth
        )
    if pick < 0.05:
        return (
            "["
            + ",".join(
                [random.choice(('"{c}"', "1", "null", "[]", "{}")).replace("{c}", canary)]
                * random.choice((100, 2_000, 20_000))
            )
            + "]"
        )
    if pick < 0.06:
        return "{" + ",".join(f'"{canary}{index}":1' for index in range(random.choice((50, 500)))) + "}"
    return random.choice(TOKENS).replace("{c}", canary)


def corpus() -> Iterator[str]:
    """Every hostile text once, with a plain word where the canary would be."""
    for found in TEXTS:
        yield found.replace("{c}", "zorblatt")
