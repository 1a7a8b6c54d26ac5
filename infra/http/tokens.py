"""Tokens: who a caller is, by a signed JWT (RFC 7519, RFC 8725) of the issuer this server trusts.

Claims: `iss`, `aud`, `exp`, `iat` and (if there) `nbf`; `tenant`; `client_id` or `azp` the program; `sub` who acts (person/… or system/…);
`rights` of the system's own principals; `delegate: true` lets a program name in On-Behalf-Of whom it acts for.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt
from jwt import exceptions as wrong

from domain.naming import is_id
from domain.playbook.model import Right
from infra.http.keys import Keys

MAX_TOKEN_BYTES = 8_192
MAX_CLIENT = 200
TRIAL_ISSUER = "dealtrail-trial"
_RIGHTS = frozenset(right.value for right in Right)


class Reason(StrEnum):
    """Why a token is not accepted: for the security log, never for the caller."""

    missing = "missing"
    malformed = "malformed"
    too_long = "too_long"
    several = "several"
    algorithm = "algorithm"
    unknown_key = "unknown_key"
    signature = "signature"
    issuer = "issuer"
    audience = "audience"
    expired = "expired"
    not_yet_valid = "not_yet_valid"
    claims = "claims"
    tenant = "tenant"


class TokenRefused(Exception):
    """A token is not accepted."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a token is for."""

    client: str
    actor: str
    rights: frozenset[Right]
    may_delegate: bool


class Tokens:
    """Reads the tokens of one issuer for one tenant."""

    def __init__(
        self, keys: Keys, *, issuer: str, tenant: str, audience: str = "dealtrail", leeway_seconds: int = 30
    ) -> None:
        self._keys = keys
        self.issuer = issuer
        self._audience = audience
        self._tenant = tenant
        self._leeway = leeway_seconds

    async def read(self, token: str) -> Principal:
        """Return whom a token is for. Raises TokenRefused."""
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenRefused(Reason.too_long)
        header = _header(token)
        kid = header.get("kid")
        if "crit" in header or not (kid is None or isinstance(kid, str)):
            raise TokenRefused(Reason.malformed)
        key = await self._keys.find(kid)
        if key is None:
            raise TokenRefused(Reason.unknown_key)
        if header.get("alg") != key.algorithm:
            raise TokenRefused(Reason.algorithm)
        try:
            claims = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                issuer=self.issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": ["iss", "aud", "exp", "iat", "sub"], "strict_aud": False},
            )
        except (wrong.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenRefused(_reason_of(error)) from None
        return self._principal(claims)

    def _principal(self, claims: dict[str, Any]) -> Principal:
        client, actor = claims.get("client_id", claims.get("azp")), claims["sub"]
        if not (isinstance(client, str) and 0 < len(client) <= MAX_CLIENT and client.isprintable()):
            raise TokenRefused(Reason.claims)
        sort, _, name = actor.partition("/")
        if sort not in {"person", "system"} or not is_id(name):
            raise TokenRefused(Reason.claims)
        rights, delegate = claims.get("rights", []), claims.get("delegate", False)
        if not isinstance(rights, list) or not isinstance(delegate, bool) or (rights and sort != "system"):
            raise TokenRefused(Reason.claims)
        if not all(isinstance(right, str) and right in _RIGHTS for right in rights):
            raise TokenRefused(Reason.claims)
        if claims.get("tenant") != self._tenant:
            raise TokenRefused(Reason.tenant)
        return Principal(client, actor, frozenset(map(Right, rights)), delegate)


def _header(token: str) -> dict[str, Any]:
    try:
        return dict(jwt.get_unverified_header(token))
    except (wrong.PyJWTError, ValueError, TypeError, RecursionError):
        raise TokenRefused(Reason.malformed) from None


def _reason_of(error: Exception) -> Reason:
    """What PyJWT's errors mean here; whatever is none of them comes of claims of impossible types."""
    match error:
        case wrong.ExpiredSignatureError():
            return Reason.expired
        case wrong.ImmatureSignatureError():
            return Reason.not_yet_valid
        case wrong.InvalidIssuerError():
            return Reason.issuer
        case wrong.InvalidAudienceError():
            return Reason.audience
        case wrong.MissingRequiredClaimError():
            return Reason.claims
        case wrong.InvalidSignatureError():
            return Reason.signature
        case wrong.InvalidAlgorithmError() | wrong.InvalidKeyError():
            return Reason.algorithm
        case wrong.PyJWTError():
            return Reason.malformed
        case _:
            return Reason.claims
