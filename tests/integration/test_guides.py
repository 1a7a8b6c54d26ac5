"""The guides are true: what they tell a reader to type is typed here, on an empty log, and answers as they say."""

import pytest
from support.guides import a_readers_environment, follow, is_shown

PAGES = [
    f"{name}{language}.md"
    for name in (
        "issue-commands-safely",
        "read-and-follow",
        "work-and-approvals",
        "deadlines",
        "assign-leads",
        "tell-people",
        "let-things-follow",
    )
    for language in ("", ".zh-CN")
]


@pytest.mark.parametrize("page", PAGES)
def test_what_a_guide_tells_to_type_answers_as_it_says(page, programs, embedded_home, a_fresh_name, tmp_path):
    """A reader who copies every block of the page, from the first to the last, sees what the page shows."""
    environment = a_readers_environment(
        programs, DEALTRAIL_HOME=str(embedded_home), DEALTRAIL_TENANT=a_fresh_name("guide")
    )
    assert follow(page, tmp_path, environment) > 5


@pytest.mark.parametrize(
    ("told", "came", "is_so"),
    [
        ('{"a": 1}', '{"a":1}\n', True),
        ('{"a": 1}', '{"a":1}{"a":1}', False),
        ('{"a": 1, …}', '{"a":1,"b":2}', True),
        ('{"a": 1, …}', '{"a":2,"b":2}', False),
        ('{…, "b": 2, …, "d": 4}', '{"a":1,"b":2,"c":3,"d":4}', True),
        ('{…, "d": 4, …, "b": 2}', '{"a":1,"b":2,"c":3,"d":4}', False),
        ('{…, "b": 2, …}', '{"a":1,"b":3,"c":3}', False),
        ("1 … 1", "1", False),
        ("…", "whatever", True),
    ],
)
def test_a_page_cannot_show_what_does_not_come(told, came, is_so):
    """Only `…` stands for something else, and everything beside it has to come in its order."""
    assert is_shown(told, came) is is_so
