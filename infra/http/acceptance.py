"""Which tokens a server accepts, as its settings say."""

from dataclasses import dataclass
from pathlib import Path

from infra.http.keys import (
    FixedKeys,
    Key,
    Keys,
    PublishedKeys,
    UnusableKey,
    fetching,
    key_of_pem,
    key_of_secret,
    public_key,
)
from infra.http.tokens import TRIAL_ISSUER, Tokens
from infra.http.trial import KEY_ID, key_file, load_key
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Accepted:
    """The tokens a server accepts, and where their keys come from in words."""

    tokens: Tokens
    source: str
    is_trial: bool = False


def has_keys(settings: Settings) -> bool:
    """Tell whether the settings name an issuer's keys."""
    return bool(settings.token_keys or settings.token_jwks or settings.token_secret)


def accepted_tokens(settings: Settings) -> Accepted | None:
    """Return which tokens are accepted: the issuer's of the settings, else those of the trial key; None where there is neither.

    Raises UnusableKey with what to do.
    """
    if not has_keys(settings):
        return _trial(settings)
    if settings.token_issuer is None:
        raise UnusableKey(
            "token keys are set without their issuer; set DEALTRAIL_TOKEN_ISSUER to what the claim `iss` says"
        )
    if settings.token_issuer == TRIAL_ISSUER:
        raise UnusableKey(
            f"{TRIAL_ISSUER!r} is the issuer of tokens for trials; an issuer of one's own has another name"
        )
    keys, source = _keys(settings)
    return Accepted(_tokens(settings, keys, settings.token_issuer), source)


def _trial(settings: Settings) -> Accepted | None:
    key = load_key(settings.home)
    if key is None:
        return None
    keys = FixedKeys({KEY_ID: public_key(key.public_key())})
    return Accepted(_tokens(settings, keys, TRIAL_ISSUER), str(key_file(settings.home)), is_trial=True)


def _tokens(settings: Settings, keys: Keys, issuer: str) -> Tokens:
    return Tokens(
        keys,
        issuer=issuer,
        tenant=settings.tenant,
        audience=settings.token_audience,
        leeway_seconds=settings.token_leeway_seconds,
    )


def _keys(settings: Settings) -> tuple[Keys, str]:
    given = [settings.token_keys, settings.token_jwks, settings.token_secret]
    if sum(bool(item) for item in given) > 1:
        raise UnusableKey(
            "set one of DEALTRAIL_TOKEN_KEYS, DEALTRAIL_TOKEN_JWKS and DEALTRAIL_TOKEN_SECRET, not several"
        )
    if settings.token_jwks:
        return (
            PublishedKeys(fetching(settings.token_jwks), least_seconds=settings.token_jwks_seconds),
            "DEALTRAIL_TOKEN_JWKS",
        )
    if settings.token_secret:
        return FixedKeys(
            {"secret": key_of_secret(settings.token_secret.get_secret_value())}
        ), "DEALTRAIL_TOKEN_SECRET"
    return FixedKeys(
        {kid: _pem(kid, text) for kid, text in settings.token_keys.items()}
    ), "DEALTRAIL_TOKEN_KEYS"


def _pem(kid: str, text: str) -> Key:
    if "-----BEGIN" not in text:
        try:
            text = Path(text).read_text("ascii")
        except (OSError, ValueError):
            raise UnusableKey(f"the token key {kid!r} is neither PEM nor a file that can be read") from None
    try:
        return key_of_pem(text)
    except UnusableKey as error:
        raise UnusableKey(f"the token key {kid!r}: {error}") from None
