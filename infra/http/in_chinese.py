"""What is refused, in Chinese: the sentences of commands, of questions and of playbooks, known by how they read in English.

Messages are made in the domain, which knows no reader. A test finds every message there is in the sources and holds that it is said here;
what is not listed all the same stays in English: said in one language is better than said wrong.
"""

from typing import Final

from commands.playbook_in_chinese import SENTENCES as OF_PLAYBOOKS
from commands.sentences import THINGS, Sentences
from domain.refusals import Problem
from infra.http.sentences_of_commands import OF_COMMANDS
from infra.http.sentences_of_questions import OF_QUESTIONS

_TABLE: Final = Sentences({**OF_PLAYBOOKS, **OF_QUESTIONS, **OF_COMMANDS})


def thing_in_chinese(what: str) -> str:
    """Return what there is none of in Chinese; the name of a kind of record stays as the playbook has it."""
    plain = what.removesuffix(" (at that moment)")
    told = THINGS.get(plain, plain)
    return told if plain == what else f"{told}（在该时刻）"


def problem_in_chinese(found: Problem) -> str:
    """Return the message of a problem in Chinese as it was made, with the names it quotes: for whoever is told their own words."""
    return found.said.zh if found.said else in_chinese(found.message)


def in_chinese(message: str) -> str:
    """Return a message in Chinese, as it is told, so without a word of the caller; one that is not known stays in English."""
    return _TABLE.said(message) or message
