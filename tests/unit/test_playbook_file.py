"""Reading playbook files: every problem with its line, its column and its reason, all at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.given import PLAYBOOKS

from commands.playbook_file import MAX_BYTES, FileRefused, parse_playbook, read_playbook

TEXT = (PLAYBOOKS / "projects.yaml").read_text("utf-8")

SMALL = """\
playbook: small
label: {zh: 小, en: Small}
roles:
  seller: {label: {zh: 销售, en: Seller}}
kinds:
  deal:
    label: {zh: 单, en: Deal}
    collection: deals
    prefix: dea
    fields:
      amount: {type: number, label: {zh: 数, en: Amount}}
      paper: {type: evidence, label: {zh: 纸, en: Paper}}
    stages:
      lead: {label: {zh: 线索, en: Lead}}
      won:
        label: {zh: 赢, en: Won}
        outcome: won
        enter:
          fields: [amount]
          evidence: [paper]
          conditions:
            enough:
              rule: amount > 1
              label: {zh: 够, en: Enough}
"""


def problems_of(text, name="small.yaml"):
    with pytest.raises(FileRefused) as refused:
        parse_playbook(text, name)
    return [(found.line, found.column, found.message) for found in refused.value.problems]


def changed(*changes):
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def the_place_of(text, mark):
    """Line and column of the first occurrence of a mark."""
    before = text[: text.index(mark)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def test_a_sound_file_is_a_draft():
    draft = parse_playbook(SMALL, "small.yaml")
    assert (draft.name, draft.number, draft.position) == ("small", 0, 0)
    assert list(draft.rules) == ["deal/won/enter/enough"]


@pytest.mark.parametrize(
    "path", sorted((PLAYBOOKS.parents[2] / "playbooks").rglob("*.yaml")), ids=lambda path: path.name
)
def test_every_shipped_playbook_is_sound(path):
    if "mapping" not in path.name:
        assert read_playbook(path).document.kinds


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileRefused, match=r"nothing.yaml: line 1, column 1: cannot be read: No such file"):
        read_playbook(tmp_path / "nothing.yaml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(FileRefused, match="cannot be read"):
        read_playbook(tmp_path)


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_another_encoding_is_named_with_its_place(tmp_path, encoding):
    path = tmp_path / "p.yaml"
    path.write_bytes(SMALL.encode(encoding))
    with pytest.raises(FileRefused, match="not UTF-8") as refused:
        read_playbook(path)
    (problem,) = refused.value.problems
    # The first characters happen to be UTF-8 for others; 销 is none.
    assert (problem.line, problem.column) == (the_place_of(SMALL, "销") if encoding == "gb18030" else (1, 1))


def test_a_byte_order_mark_is_no_problem(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert read_playbook(path).name == "small"


def test_a_cut_file_is_refused(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_bytes(SMALL.encode()[:300])
    with pytest.raises(FileRefused):
        read_playbook(path)


def test_a_huge_file_is_not_even_parsed(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(FileRefused, match="larger than 2,000,000 bytes"):
        read_playbook(path)


# ── YAML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n- b\n", "just text", "null\n", "1"])
def test_what_is_no_mapping_is_no_playbook(text):
    assert [(line, column) for line, column, _ in problems_of(text)] == [(1, 1)]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a: [1,\n  2\n", 3, 1),
        ("a: b: c\n", 1, 5),
        ("a: 'b\n", 2, 1),
        ("\ta: b\n", 1, 1),
        ("a: !!python/object:os.system {}\n", 1, 4),
        ("a: !unknown b\n", 1, 4),
        ("a: 1\n---\nb: 2\n", 2, 1),
        ("a: 1\nb: x\x00y\n", 2, 5),
        ("a: 1\nb: x\x07y\n", 2, 5),
    ],
)
def test_what_is_not_yaml_is_shown_where(text, line, column):
    assert [(found[0], found[1]) for found in problems_of(text)] == [(line, column)]


def test_a_name_given_twice_is_found_at_its_second_place():
    """YAML itself would keep the last one silently."""
    text = changed(
        ("      amount:", "      amount: {type: text, label: {zh: 数, en: A}}\n      amount:"),
        ("roles:", "label: 1\nroles:"),
    )
    assert problems_of(text) == [
        (3, 1, "the name 'label' is given twice"),
        (13, 7, "the name 'amount' is given twice"),
    ]


def test_a_part_listed_twice_is_found_too():
    """Named lists are the form of the log; a list from a file must not lose what it names twice."""
    text = changed(
        ("      amount: {type: number, label: {zh: 数, en: Amount}}\n      paper: {type: evidence, label: {zh: 纸, en: Paper}}\n",
         ("      - {name: amount, type: number, label: {zh: 数, en: Amount}}\n      - {name: paper, type: evidence, label: {zh: 纸, en: P}}\n"
         "      - {name: amount, type: text, label: {zh: 数, en: Amount}}\n")),
    )  # fmt: skip
    assert problems_of(text) == [(13, 16, "the name 'amount' is given twice")]


def test_aliases_are_refused():
    """A few of them make a small file as large as one likes."""
    text = "a: &a [x, x]\nb: &b [*a, *a]\n"
    assert problems_of(text) == [(2, 8, "aliases (*name) are not supported; repeat the value")]


def test_deep_nesting_is_refused():
    """At once, however deep it goes on."""
    assert problems_of("a: " + "[" * 500_000) == [(1, 43, "is nested more than 40 deep")]
    assert problems_of("a:\n" + "".join(" " * depth + "- \n" for depth in range(1, 60)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, len(SMALL)), st.integers(0, 30), st.text(max_size=6))
def test_a_damaged_file_is_read_or_refused_at_a_place_inside_it(where, cut, put):
    """Never an accident, and never a place that is not there."""
    text = SMALL[:where] + put + SMALL[where + cut :]
    try:
        parse_playbook(text, "small.yaml")
    except FileRefused as error:
        refused = error
    else:
        return
    lines = text.count("\n") + 2 + sum(map(text.count, "\r\x85\u2028\u2029"))
    assert refused.problems
    assert all(
        1 <= problem.line <= lines and problem.column >= 1 and problem.message for problem in refused.problems
    )


# ── structure ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "mark", "message", "suggestion"),
    [
        ("collection: deals", "colection: deals", "colection", "there is no member 'colection' here", "collection"),
        ("roles:", "rolls:", "rolls", "there is no member 'rolls' here", "roles"),
        ("type: number,", "typ: number, type: number,", "typ:", "there is no member 'typ' here", "type"),
        ("outcome: won", "outcom: won", "outcom", "there is no member 'outcom' here", "outcome"),
        ("fields: [amount]", "field: [amount]", "field: [", "there is no member 'field' here", "fields"),
        ("rule: amount > 1", "rule: amount > 1\n              lable: x", "lable", "there is no member 'lable' here", "label"),
        ("type: number", "type: nubmer", "nubmer", "'nubmer' is none of text, number", "number"),
        ("outcome: won", "outcome: one", "one\n", "'one' is none of open, won", "won"),
        ("prefix: dea", "prefix: D", "D\n", "String should match pattern", None),
        ("zh: 数, en: Amount", "zh: 数", "{zh: 数}", "the member 'en' is missing", None),
        ("    prefix: dea\n", "", "label: {zh: 单", "the member 'prefix' is missing", None),
        ("en: Small", "en: ''", "''", "String should have at least 1 character", None),
        ("fields: [amount]", "fields: [1]", "1]", "Input should be a valid string", None),
        ("fields: [amount]", "fields: amount", "amount\n          evidence", "Input should be a valid tuple", None),
        ("      won:", "      1won:", "1won", "'1won' is not a name", None),
        ("      won:", "      'w on':", "'w on'", "'w on' is not a name", None),
        ("      won:", '      "won\\n":', '"won\\n"', "is not a name", None),
        ("      amount: {type", "      yes: {type: text, label: {zh: 是, en: Yes}}\n      amount: {type", "yes: {type", "a name is a text; put it in quotes", None),
        ("      amount: {type", "      2026: {type: text, label: {zh: 年, en: Year}}\n      amount: {type", "2026: {type", "a name is a text; put it in quotes", None),
        ("rights: [", "", "", "", None),
        ("zh: 小", 'zh: "\\0"', '"\\0"', "cannot hold", None),
        ("zh: 小", 'zh: "\\ud800"', '"\\ud800"', "", None),
    ],
)  # fmt: skip
def test_a_structural_problem_is_shown_where_it_stands(old, new, mark, message, suggestion):
    if old not in SMALL:
        return
    text = changed((old, new))
    with pytest.raises(FileRefused) as refused:
        parse_playbook(text, "small.yaml")
    shown = [str(problem) for problem in refused.value.problems]
    first = next(problem for problem in refused.value.problems if message in problem.message)
    assert (first.line, first.column) == the_place_of(text, mark), shown
    assert first.suggestion == suggestion, shown


def test_all_structural_problems_are_named_at_once_in_reading_order():
    text = changed(
        ("roles:", "rolls:"),
        ("type: number", "type: nubmer"),
        ("outcome: won", "outcome: one"),
        ("prefix: dea", "prefix: 7"),
    )
    found = problems_of(text)
    assert [line for line, _, _ in found] == [3, 9, 11, 17]


def test_the_message_names_file_line_column_and_suggestion():
    with pytest.raises(FileRefused) as refused:
        parse_playbook(changed(("type: number", "type: nubmer")), "small.yaml")
    assert str(refused.value).startswith("small.yaml: line 11, column 22: 'nubmer' is none of text, number")
    assert str(refused.value).endswith("; did you mean 'number'?")


# ── meaning ──────────────────────────────────────────────────────────────────────────────────────────────────────────

FIELD = "      amount: {type: number, label: {zh: 数, en: Amount}}\n"


def with_field(spec):
    return changed((FIELD, FIELD + f"      extra: {{{spec}, label: {{zh: 余, en: Extra}}}}\n"))


LEAD = "      lead: {label: {zh: 线索, en: Lead}}\n"


def with_stages(stages, opens_in="opens_in: []"):
    return changed((LEAD, stages + "\n"), ("prefix: dea", f"prefix: dea\n    {opens_in}"))


def with_paths(path):
    return changed(("prefix: dea", f"prefix: dea\n    paths: {{only: {{label: {{zh: 路, en: P}}, {path}}}}}"))


def with_form(form):
    text = with_field("type: reference, to: deal").replace("extra:", "parent:", 1)
    assert "prefix: dea" in text
    return text.replace(
        "prefix: dea", f"prefix: dea\n    forms: {{page: {{label: {{zh: 表, en: F}}, {form}}}}}", 1
    )


@pytest.mark.parametrize(
    ("text", "mark", "message", "suggestion"),
    [
        (changed(("roles:", "time_zone: Asia/Shangai\nroles:")), "Asia/Shangai", "there is no time zone", None),
        (changed(("prefix: dea", "prefix: dea\n    title: amuont")), "amuont", "there is no field 'amuont'", "amount"),
        (changed(("prefix: dea", "prefix: dea\n    subject: amount")), "amount\n    fields", "the subject must be 'self' or a reference field", None),
        (changed(("prefix: dea", "prefix: dea\n    subject: custmer")), "custmer", "there is no field 'custmer'", None),
        (changed(("prefix: dea", "prefix: dea\n    opens_in: [laed]")), "laed", "there is no stage 'laed'", "lead"),
        (changed(("      lead: {label: {zh: 线索, en: Lead}}\n", "")), "won:\n", "every stage ends the path", None),
        (changed(("prefix: dea", "prefix: dea\n    relations: {of: {to: dael, label: {zh: 属, en: Of}}}")), "dael", "there is no kind 'dael'", "deal"),
        (with_field("type: choice"), "{type: choice", "a choice needs its options", None),
        (with_field("type: text, options: {a: {zh: 甲, en: A}}"), "{type: text", "belong to a choice", None),
        (with_field("type: choice, options: {a: {zh: 甲, en: A}}, choose: {at_least: 2, at_most: 3}"), "{at_least", "nobody can choose 2 to 3 of 1", None),
        (with_field("type: money"), "{type: money", "money needs its currency", None),
        (with_field("type: text, currency: CNY"), "{type: text", "only money has a currency", None),
        (with_field("type: reference"), "{type: reference", "a reference needs 'to'", None),
        (with_field("type: text, to: deal"), "{type: text", "only a reference has 'to'", None),
        (with_field("type: reference, to: dael"), "dael", "there is no kind 'dael'", "deal"),
        (with_field("type: text, valid_days: 3"), "3,", "only evidence has 'valid_days'", None),
        (with_field("type: person, personal: true"), "true", "a person field holds an id", None),
        (changed(("fields: [amount]", "fields: [amuont]")), "amuont", "there is no field 'amuont'", "amount"),
        (changed(("fields: [amount]", "fields: [amount, paper]")), "paper]", "'paper' is evidence; list it under 'evidence'", None),
        (changed(("evidence: [paper]", "evidence: [papre]")), "papre", "there is no evidence field 'papre'", "paper"),
        (changed(("evidence: [paper]", "evidence: [amount]")), "amount]\n          conditions", "there is no evidence field 'amount'", None),
        (changed(("  deal:", "  person:")), "label: {zh: 单", "the name 'person' is taken", None),
        (changed(("  deal:", "  refusals:")), "label: {zh: 单", "the name 'refusals' is taken", None),
        (changed(("collection: deals", "collection: people")), "people", "'people' is a word of the API itself", None),
        (changed(("roles:", "organisation: {joining: {requires: [team, team]}}\nroles:")), "team]", "'team' is named twice", None),
        (changed(("roles:", "organisation: {joining: {labels: {regin: {zh: 区, en: R}}}}\nroles:")), "{zh: 区", "there is no fact 'regin'", "region"),
        # formats
        (with_field("type: text, pattern: 'a(b'"), "(b'", "This parenthesis is never closed", None),
        (with_field("type: text, pattern: 'a(?=b)'"), "(?=b", "A pattern cannot look around", "(?:"),
        (with_field("type: phone, pattern: '\\d+'"), "\\d+", "means different characters to different engines", "[0-9]"),
        (with_field("type: text, pattern: '(abcdefghij){25}'"), "(abcdefghij){25}", "The pattern is too large", None),
        (with_field("type: number, pattern: '1'"), "'1'", "'pattern' belongs to text, phone and e-mail", None),
        (with_field("type: text, pattern_why: {zh: 因, en: W}"), "{zh: 因", "there is none", None),
        (with_field("type: choice, options: {a: {zh: 甲, en: A}}, max_length: 3"), "3,", "'max_length' belongs to text", None),
        (with_field("type: text, min: 1"), "1, label", "'min' belongs to numbers and money", None),
        (with_field("type: date, max: 1"), "1, label", "'max' belongs to numbers and money", None),
        (with_field("type: number, min: 2, max: 1"), "2, max", "no value is at least 2 and at most 1", None),
        # lookups
        (with_field("type: number, lookup: {kind: dael, by: amount, show: [amount]}"), "dael", "there is no kind 'dael'", "deal"),
        (with_field("type: number, lookup: {kind: deal, by: amuont, show: [amount]}"), "amuont", "there is no field 'amuont'", "amount"),
        (with_field("type: number, lookup: {kind: deal, by: amount, show: [amuont]}"), "amuont", "there is no field 'amuont'", "amount"),
        (with_field("type: number, lookup: {kind: deal, by: amount, show: [amount, amount]}"), "amount]}", "'amount' is named twice", None),
        (with_field("type: number, lookup: {kind: deal, by: amount, show: [paper]}"), "paper]}", "'paper' is evidence", None),
        (with_field("type: text, lookup: {kind: deal, by: amount, show: [amount]}"), "amount, show", "'amount' is a number field; a text field is never the same", None),
        (with_field("type: date, lookup: {kind: deal, by: extra, show: [amount]}"), "{kind: deal", "a date field is not looked up", None),
        # nodes
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {won: {label: {zh: 节, en: N}}}}"), "{label: {zh: 节", "a stage is called 'won' already", None),
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {a: {label: {zh: 一, en: N}}}}\n      next: {label: {zh: 次, en: X}, nodes: {a: {label: {zh: 二, en: N}}}}"), "{label: {zh: 二", "'lead' has a node 'a' already", None),
        (changed(("outcome: won", "outcome: won\n        nodes: {a: {label: {zh: 节, en: N}}}")), "{a: {label", "a stage that ends the path has no nodes", None),
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {a: {label: {zh: 一, en: N}, enter: {fields: [amuont]}}}}"), "amuont", "there is no field 'amuont'", "amount"),
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {a: {label: {zh: 一, en: N}, leave: {evidence: [papre]}}}}"), "papre", "there is no evidence field 'papre'", "paper"),
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {a: {label: {zh: 一, en: N}, enter: {conditions: {c: {rule: amuont > 1, label: {zh: 规, en: R}}}}}}}"), "amuont > 1", "amuont", "amount"),
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {a: {label: {zh: 一, en: N}, enter: {conditions: {enough: {rule: amount > 2, label: {zh: 够, en: E}}}}}}}"), "rule: amount > 1", "another gate has a condition 'enough' that asks something else", None),
        (with_stages("      lead: {label: {zh: 线, en: L}, nodes: {a: {label: {zh: 一, en: N}}}}", "opens_in: [lead]"), "lead]", "'lead' has nodes, and records stand in those", "a"),
        # paths
        (with_paths("steps: [laed, won]"), "laed", "there is no stage 'laed'", "lead"),
        (with_paths("steps: [lead, won, lead]"), "lead]", "'lead' is named twice", None),
        (with_paths("steps: [won]"), "[won]", "every stage of this path ends it", None),
        (with_paths("steps: [lead], opens_in: [won]"), "won]", "'won' does not lie on this path", None),
        (with_paths("steps: [lead], opens_in: [laed]"), "laed", "there is no stage 'laed'", "lead"),
        # forms
        (with_form("fields: [amuont]"), "amuont", "there is no field 'amuont'", "amount"),
        (with_form("fields: [amount, amount]"), "amount]}", "'amount' is named twice", None),
        (with_form("fields: [amount], stages: [laed]"), "laed", "there is no stage 'laed'", "lead"),
        (with_form("fields: [amount], stages: [lead, lead]"), "lead]}", "'lead' is named twice", None),
        (with_form("fields: [parnet.amount]"), "parnet.amount", "there is no field 'parnet'", "parent"),
        (with_form("fields: [amount.parent]"), "amount.parent", "'amount' is a number field; only a reference leads", None),
        (with_form("fields: [parent.amuont]"), "parent.amuont", "a deal has no field 'amuont'", "parent.amount"),
        (with_form("fields: [parent.paper]"), "parent.paper", "'paper' is evidence, which is attached to its own record", None),
        (with_form("fields: [parent.parent.amount]"), "parent.parent.amount", "String should match pattern", None),
    ],
)  # fmt: skip
def test_a_problem_of_meaning_is_shown_where_it_stands(text, mark, message, suggestion):
    with pytest.raises(FileRefused) as refused:
        parse_playbook(text, "small.yaml")
    shown = [str(problem) for problem in refused.value.problems]
    first = next((problem for problem in refused.value.problems if message in problem.message), None)
    assert first is not None, shown
    expected = the_place_of(text, mark)
    if mark == "won:\n":
        expected = the_place_of(text, "won:\n        label")
    assert (first.line, first.column) == expected, shown
    assert first.suggestion == suggestion, shown


def test_two_kinds_share_neither_collection_nor_prefix():
    second = SMALL[SMALL.index("  deal:") :].replace("  deal:", "  order:", 1)
    found = problems_of(SMALL + second)
    assert [message for _, _, message in found] == [
        "the collection 'deals' is already that of 'deal'; choose another one",
        "the prefix 'dea' is already that of 'deal'; choose another one",
    ]


def test_a_condition_of_one_name_asks_one_thing():
    """Gates are waived and refused by the names of conditions: two rules of one name would be taken for one, and one not asked."""
    text = changed(
        ("      lead: {label: {zh: 线索, en: Lead}}\n",
         ("      lead:\n        label: {zh: 线索, en: Lead}\n        leave:\n          conditions:\n"
         "            enough: {rule: amount > 0, label: {zh: 够, en: Enough}}\n")),
    )  # fmt: skip
    (problem,) = problems_of(text)
    assert "'enough'" in problem[2]
    same = text.replace("amount > 0", "amount > 1")
    assert len(parse_playbook(same, "small.yaml").rules) == 2


def test_all_problems_of_meaning_are_named_at_once():
    text = changed(
        ("roles:", "time_zone: Nowhere\nroles:"),
        ("fields: [amount]", "fields: [amuont]"),
        ("evidence: [paper]", "evidence: [papre]"),
        ("amount > 1", "amuont > 1"),
    )
    assert [line for line, _, _ in problems_of(text)] == [3, 20, 21, 24]


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────

PLAIN = "              rule: amount > 1\n"

SCALARS = {
    "plain": "              rule: amount > 1 and WRONG > 2\n",
    "plain over lines": "              rule: amount > 1\n                and\n\n                WRONG > 2\n",
    "single quotes": "              rule: 'amount > 1 and WRONG > 2'\n",
    "single quotes with quotes": "              rule: 'stage() = ''lead'' and amount > 1 and WRONG > 2'\n",
    "single quotes over lines": "              rule: 'stage() = ''lead''\n                and WRONG > 2'\n",
    "double quotes": '              rule: "amount > 1 and WRONG > 2"\n',
    "double quotes with escapes": '              rule: "stage() = \\x27lead\\u0027 and\\tamount > 1\\nand WRONG > 2"\n',
    "double quotes over lines": '              rule: "amount > 1 \\\n                and\n                WRONG > 2"\n',
    "literal block": "              rule: |\n                amount > 1\n                and WRONG > 2\n",
    "literal block, indented": "              rule: |\n                amount > 1\n                    and WRONG > 2\n",
    "literal block, after empty lines": "              rule: |-\n\n\n                amount > 1\n\n                and WRONG > 2\n",
    "literal block with an indicator": "              rule: |2\n                 amount > 1\n                 and WRONG > 2\n",
    "folded block": "              rule: >\n                amount > 1\n                and\n                WRONG > 2\n",
    "folded block with more": "              rule: >-\n                amount > 1\n                  and amount < 9\n\n                and WRONG > 2\n",
    "on the next line": "              rule:\n                amount > 1 and WRONG > 2\n",
    "with a comment": "              rule: | # why\n                amount > 1 and WRONG > 2\n",
    "in Chinese": "              rule: stage() <> '线索🙂' and WRONG > 2\n",
}


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_rule_error_points_into_the_rule_however_it_is_written(scalar):
    text = changed((PLAIN, SCALARS[scalar]))
    found = [problem for problem in problems_of(text) if "WRONG" in problem[2]]
    assert [(line, column) for line, column, _ in found] == [the_place_of(text, "WRONG")], problems_of(text)


def test_a_rule_error_in_a_flow_mapping_points_into_the_rule():
    text = changed(
        (
            "            enough:\n" + PLAIN + "              label: {zh: 够, en: Enough}\n",
            '            enough: {label: {zh: 够, en: Enough}, rule: "amount > 1 and WRONG > 2"}\n',
        )
    )
    assert [(line, column) for line, column, _ in problems_of(text)] == [the_place_of(text, "WRONG")]


def test_every_error_of_every_rule_is_named_at_once():
    text = changed(
        (PLAIN, "              rule: wrong_a > 1 and wrong_b > 2\n"),
        (
            "            enough:",
            "            other: {rule: amount >, label: {zh: 他, en: O}}\n            enough:",
        ),
    )
    found = problems_of(text)
    assert [line for line, _, _ in found] == [22, 24, 24]


def test_an_error_at_the_end_of_a_rule_stays_inside_the_file():
    for scalar in (
        "amount >",
        "'amount >'",
        "|\n                amount >\n",
        ">\n                amount >\n",
    ):
        text = changed((PLAIN, f"              rule: {scalar}\n"))
        (line, column, _), *_ = problems_of(text)
        lines = text.splitlines()
        assert "amount >" in lines[line - 1]
        assert column <= len(lines[line - 1]) + 1


def test_a_rule_suggests_the_nearest_name():
    with pytest.raises(FileRefused) as refused:
        parse_playbook(changed((PLAIN, "              rule: amuont > 1\n")), "small.yaml")
    (problem,) = refused.value.problems
    assert (problem.line, problem.column, problem.suggestion) == (23, 21, "amount")
