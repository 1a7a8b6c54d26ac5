"""Which parameters a question takes: a name nobody knows is refused, so that no answer is of another question than the one that was meant."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, get_origin

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from domain.naming import nearest
from domain.refusals import Problem
from projections.errors import InvalidQuery, problem_of

_MOST_PROBLEMS = 20
"""How many names are looked at before a question is given up as a whole."""

_ONCE = "this parameter means one thing; give it once"
_SEVERAL = (list, tuple, set, frozenset)


async def only_known(request: Request) -> None:
    """Refuse a parameter a route does not know, and one given twice where it means one thing. Raises InvalidQuery, with the nearest name.

    A dependency of every route that reads. Where other names may mean something the route asks for `other_parameters`, and judges them itself.
    """
    if not request.query_params:
        return
    own, is_open = _own(request), _takes_others(_route(request).dependant)
    given = Counter(name for name, _ in request.query_params.multi_items())
    problems = list(islice(_problems(given, own, is_open=is_open), _MOST_PROBLEMS))
    if problems:
        raise InvalidQuery(problems)


def _problems(given: Mapping[str, int], own: Mapping[str, Any], *, is_open: bool) -> Iterator[Problem]:
    shown = sorted(name for name, spec in own.items() if spec.field_info.include_in_schema)
    there_are = f"there are {', '.join(shown)}" if shown else "this address takes no parameters"
    for name, times in given.items():
        if name in own:
            if times > 1 and get_origin(own[name].field_info.annotation) not in _SEVERAL:
                yield problem_of(name, _ONCE)
        elif not is_open:
            yield problem_of(name, f"there is no such parameter here; {there_are}", nearest(name, shown))


async def other_parameters(request: Request) -> list[tuple[str, str]]:
    """Return what was asked beside a route's own parameters: filters of a list, parameters of a metric. Whoever takes them judges their names."""
    own = _own(request)
    return [item for item in request.query_params.multi_items() if item[0] not in own]


Others = Annotated[list[tuple[str, str]], Depends(other_parameters)]
"""A route that asks for these takes any name."""


async def own_names(request: Request) -> list[str]:
    """Return the names of a route's own parameters, as far as they are shown."""
    return sorted(name for name, spec in _own(request).items() if spec.field_info.include_in_schema)


OwnNames = Annotated[list[str], Depends(own_names)]
"""What a route that takes other names as well has beside them, for whoever judges those."""


def once(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return parameters that mean one thing each. Raises InvalidQuery for one that was given twice."""
    twice = [name for name, times in Counter(name for name, _ in parameters).items() if times > 1]
    if twice:
        raise InvalidQuery([problem_of(name, _ONCE) for name in twice[:_MOST_PROBLEMS]])
    return dict(parameters)


def _route(request: Request) -> APIRoute:
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    return route


def _own(request: Request) -> dict[str, Any]:
    """The parameters a route and what it depends on are declared with, by their names in the address."""
    return {field.alias: field for part in _parts(_route(request).dependant) for field in part.query_params}


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _parts(part)


def _takes_others(dependant: Dependant) -> bool:
    return any(part.call is other_parameters for part in _parts(dependant))
