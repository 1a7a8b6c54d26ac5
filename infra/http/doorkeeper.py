"""Knows who calls before any route runs: by token, or as the one caller the server was started for."""

from dataclasses import replace

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from commands.caller import Caller
from domain.naming import is_id
from infra.http.catalogue import Words
from infra.http.problems import Problem, Refused, language_of
from infra.http.tokens import Principal, Reason, TokenRefused, Tokens

PUBLIC = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs", "/problems", "/favicon.ico"})
PUBLIC_FOLDERS = ("/docs/", "/problems/")
_REALM = 'Bearer realm="dealtrail"'

security = structlog.get_logger(log="security")


def is_public(path: str) -> bool:
    """Tell whether an address answers without a token. None of them tells anything of records or people."""
    return path in PUBLIC or path.startswith(PUBLIC_FOLDERS)


class Doorkeeper:
    """Puts the caller on `request.state.caller`; who cannot be known gets 401, and a line in the security log.

    Give it `tokens`, or the `caller` everybody is taken for. With neither, nobody gets past the public addresses.
    """

    def __init__(
        self, app: ASGIApp, *, tenant: str, tokens: Tokens | None = None, caller: Caller | None = None
    ) -> None:
        self._app = app
        self._tenant = tenant
        self._tokens = tokens
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its caller, or answer it with 401."""
        if scope["type"] == "http" and not is_public(scope["path"]):
            try:
                scope.setdefault("state", {})["caller"] = await self._caller_of(scope)
            except Refused as refused:
                await refused.problem.response(language_of(scope))(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _caller_of(self, scope: Scope) -> Caller:
        headers, language = Headers(scope=scope), language_of(scope)
        if self._caller is not None:
            # Whoever reaches a server without tokens may do everything, and so may speak for anybody; who does has that person's rights.
            whom = _on_behalf_of(headers)
            known = replace(self._caller, language=language)
            return known if whom is None else replace(known, on_behalf_of=whom, rights=frozenset())
        try:
            principal = (
                await _nobody() if self._tokens is None else await self._tokens.read(_token_of(headers))
            )
        except TokenRefused as refused:
            client = scope.get("client") or ("unknown",)
            security.warning("token_refused", reason=refused.reason.value, client_address=client[0])
            raise Refused(_problem_of(refused.reason)) from None
        person = _on_behalf_of(headers)
        if person is not None and not principal.may_delegate:
            security.warning("delegation_refused", client=principal.client, actor=principal.actor)
            raise Refused(Problem("delegation-refused"))
        return Caller(
            tenant=self._tenant,
            client=principal.client,
            actor=principal.actor,
            on_behalf_of=person,
            # Who acts for somebody has that person's rights and no others.
            rights=principal.rights if person is None else frozenset(),
            language=language,
        )


async def _nobody() -> Principal:
    """Where no keys are known, no token can be checked. Raises TokenRefused."""
    raise TokenRefused(Reason.unknown_key)


def _token_of(headers: Headers) -> str:
    """Return the token of a request. Raises TokenRefused."""
    given = headers.getlist("authorization")
    if not given:
        raise TokenRefused(Reason.missing)
    if len(given) > 1:
        raise TokenRefused(Reason.several)
    scheme, _, token = given[0].partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise TokenRefused(Reason.malformed)
    return token


def _on_behalf_of(headers: Headers) -> str | None:
    """Return whom a request is made for, None when it is nobody else. Raises Refused when that is no person."""
    given = headers.getlist("on-behalf-of")
    if not given:
        return None
    sort, _, name = given[0].partition("/")
    if len(given) > 1 or sort != "person" or not is_id(name):
        message = Words("a person is expected, as person/per_…", "应为人员，如 person/per_…")
        raise Refused(
            Problem(
                "invalid-request",
                detail=message,
                more={"errors": [{"pointer": "/header/On-Behalf-Of", "message": message.en}]},
            )
        )
    return given[0]


def _problem_of(reason: Reason) -> Problem:
    if reason is Reason.missing:
        return Problem("unauthorized", headers={"WWW-Authenticate": _REALM})
    # That a token is for another tenant may be told: its signature has been checked by then.
    code = "wrong-tenant" if reason is Reason.tenant else "unauthorized"
    return Problem(code, headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
