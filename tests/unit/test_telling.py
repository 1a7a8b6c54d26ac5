"""How long to wait, what targets are, and what a message says."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as every
from hypothesis import strategies as st

from consumers.telling.message import About, Message, cut, escaped, markdown
from consumers.telling.outcomes import LONGEST_ASKED_FOR, LONGEST_WAIT, Fate, later, never, wait_after
from consumers.telling.targets import Targets, TargetsRefused, is_address
from consumers.telling.wecom import MAX_BYTES, request
from consumers.telling.words import WORDS, words_of
from consumers.telling.worker import standing
from domain.events import EVENTS
from infra.settings import Settings

NOW = datetime(2026, 3, 5, tzinfo=UTC)
KEY = "whsec_" + base64.b64encode(b"k" * 24).decode()
HOOK = {"channel": "webhook", "url": "https://crm.example.com/in?token=tok-9f2", "secret": KEY}
MAIL = {"channel": "email", "host": "mail.example.com", "sender": "crm@example.com"}
IDS = st.uuids().map(str)


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@every(IDS, st.integers(1, 60))
def test_nothing_comes_back_sooner_than_the_time_before(delivery, attempts):
    """Each wait is at least as long as the one before and at most twice as long, up to eight hours."""
    wait, following = wait_after(attempts, delivery), wait_after(attempts + 1, delivery)
    assert wait <= following <= LONGEST_WAIT
    assert following <= wait * 2 + timedelta(microseconds=2)


@every(IDS, st.integers(1, 20), st.integers(0, 100_000))
def test_a_receiver_is_never_asked_before_it_wants_to_be(delivery, attempts, seconds):
    asked_for = timedelta(seconds=seconds)
    assert wait_after(attempts, delivery, asked_for) == max(wait_after(attempts, delivery), asked_for)


@every(IDS)
def test_twelve_attempts_take_about_a_day(delivery):
    whole = sum((wait_after(attempt, delivery) for attempt in range(1, 12)), timedelta(0))
    assert timedelta(hours=18) <= whole <= timedelta(hours=25)
    assert timedelta(days=1) >= LONGEST_ASKED_FOR


def test_what_failed_together_comes_back_apart():
    waits = {wait_after(5, f"5f0c1d5e-6a43-5d3a-8f0e-{number:012}") for number in range(100)}
    assert len(waits) > 90
    assert max(waits) - min(waits) > timedelta(minutes=3)


@pytest.mark.parametrize(
    ("attempts", "outcome", "status"),
    [
        (1, later("timeout"), "waiting"),
        (11, later("timeout"), "waiting"),
        (12, later("timeout"), "dead"),
        (1, never("http-404"), "dead"),
    ],
)
def test_what_cannot_arrive_is_a_dead_letter(attempts, outcome, status):
    """At once where the receiver says so, else after the last attempt."""
    assert standing({"attempts": attempts}, outcome, 12)[0] == status
    assert outcome.fate is not Fate.sent


# ── targets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_targets_come_from_the_setting_or_from_a_file_it_names(tmp_path):
    text = json.dumps({"crm": HOOK, "mail": MAIL})
    (tmp_path / "targets.json").write_text(text, "utf-8")
    for told in (text, str(tmp_path / "targets.json")):
        targets = Targets.read(told)
        assert targets.get("crm", "webhook").key == b"k" * 24
        assert targets.get("crm", "email") is None
        assert targets.get("erp", "webhook") is None
    assert not Targets.read(None)
    assert not Targets.read(" ")


@pytest.mark.parametrize(
    "told",
    [
        "{",
        "/nowhere/tok-9f2",
        '{"a b": ' + json.dumps(HOOK) + "}",
        *(
            json.dumps({"crm": {**base, **odd}})
            for base, odd in [
                (HOOK, {"url": "ftp://tok-9f2@example.com/"}),
                (HOOK, {"url": "https:///tok-9f2"}),
                (HOOK, {"url": "file:///tok-9f2"}),
                (HOOK, {"secret": "tok-9f2"}),
                (HOOK, {"secret": "whsec_dG9rLTlmMg=="}),
                (HOOK, {"channel": "tok-9f2"}),
                (HOOK, {"secrets": "tok-9f2"}),
                (MAIL, {"sender": "tok-9f2"}),
                (MAIL, {"to": "a@b.c\r\nBcc: tok-9f2@b.c"}),
                (MAIL, {"port": "tok-9f2"}),
            ]
        ),
    ],
)
def test_targets_that_cannot_be_used_are_refused_without_a_word_of_what_they_are(told):
    """They hold secrets, and errors are logged."""
    with pytest.raises(TargetsRefused) as refused:
        Targets.read(told)
    assert "tok-9f2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_target_shows_its_secrets():
    targets = Targets.read(
        json.dumps({"crm": HOOK, "mail": {**MAIL, "username": "u", "password": "tok-9f2"}})
    )
    shown = repr(targets) + repr(targets.get("crm", "webhook")) + repr(targets.get("mail", "email"))
    shown += repr(Settings(targets=json.dumps({"crm": HOOK})))
    assert "tok-9f2" not in shown
    assert KEY not in shown
    assert "crm: webhook, mail: email" in shown


# ── what a message says ──────────────────────────────────────────────────────────────────────────────────────────────


def a_message(title="Acme", **about):
    given = {
        "about": About({"zh": "商机", "en": "Deal"}, title, "v1/deals/dea_1"),
        "record": "deal/dea_1",
    } | about
    return Message("id-1", "person/per_1", 4, "record.owner-changed.v1", "owner", NOW, **given)


def test_a_message_is_in_the_language_of_its_target():
    message = a_message(url="https://sales.example.com/crm/")
    assert message.title("zh") == "负责人变更\uff1a商机 Acme"
    assert message.title("en") == "Owner changed: Deal Acme"
    assert message.link == "https://sales.example.com/crm/v1/deals/dea_1"
    assert a_message().link is None
    assert a_message(about=None, record=None, url="https://x.example").link == "https://x.example"


def test_every_event_has_a_name_in_both_languages():
    """And no topic is shown as its name."""
    for topic in EVENTS:
        if not topic.startswith("inbox."):
            assert words_of(topic)["zh"] != topic
            assert words_of(topic)["en"] != topic
    assert all({*words} == {"zh", "en"} for words in WORDS.values())


def test_messages_say_playbook_and_gate_in_the_glossary_s_words():
    """Once a message called them 销售手册 and 门槛, and everything else 打法手册 and 关口."""
    assert words_of("playbook.published.v1")["zh"] == "打法手册已发布"
    assert words_of("playbook.drafted.v1")["zh"] == "打法手册变更"
    assert words_of("record.gate-overridden.v1")["zh"] == "关口被豁免"


@every(st.text(max_size=200))
def test_no_name_of_a_record_becomes_markup(title):
    """Nor a link, a mention or a line of its own, whatever a customer is called."""
    text = escaped(title)
    assert not set("<>@[]*#~`\n\r") & set(text)
    assert markdown(a_message(title), "zh").count("\n\n") == 2


@every(st.text(max_size=3_000), st.integers(4, 4_096))
def test_a_text_is_cut_between_characters(text, most):
    shortened = cut(text, most)
    assert len(shortened.encode()) <= most
    assert shortened == text or text.startswith(shortened[:-1])


def test_a_long_message_fits_a_robot_that_takes_little():
    target = Targets.read(json.dumps({"g": {"channel": "wecom", "url": "https://x.example/"}})).get(
        "g", "wecom"
    )
    content = json.loads(request(a_message("商" * 5_000), target, NOW).body)["markdown"]["content"]
    assert MAX_BYTES - 3 <= len(content.encode()) <= MAX_BYTES


@pytest.mark.parametrize(
    "address",
    [
        "=?utf-8?b?eA0KUmVwbHktVG86IGV2aWxAei56DQo=?=@b.cn",
        "a@b@c.cn",
        "a b@c.cn",
        "a\r\nBcc: x@c.cn",
        "@c.cn",
    ],
)
def test_what_would_begin_another_header_is_no_address(address):
    """An encoded word is decoded when a letter is put together; one with a line end in it wrote headers of its own."""
    assert not is_address(address)
    assert is_address("fang.li@example.cn")
