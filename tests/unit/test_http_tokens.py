"""P25: tokens are what they say they are, or nobody gets in."""

import asyncio
import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from domain.playbook.model import Right
from infra.http import trial
from infra.http.acceptance import accepted_tokens
from infra.http.keys import (
    FixedKeys,
    PublishedKeys,
    UnusableKey,
    fetching,
    key_of_pem,
    key_of_secret,
    keys_of_jwks,
    public_key,
)
from infra.http.tokens import MAX_TOKEN_BYTES, Reason, TokenRefused, Tokens
from infra.settings import Settings

ISSUER = "https://login.example.com"
ED = ed25519.Ed25519PrivateKey.generate()
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
KEYS = FixedKeys(
    {
        "ed": public_key(ED.public_key()),
        "rsa": public_key(RSA.public_key()),
        "ec": public_key(EC.public_key()),
    }
)


def pem(key):
    """The public half of a key, as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def claims(**other):
    """Claims everybody would accept; None leaves one out."""
    now = int(time.time())
    made = {
        "iss": ISSUER, "aud": "dealtrail", "iat": now - 10, "exp": now + 600, "tenant": "acme", "client_id": "wecom-bot", "sub": "person/per_anna",
    } | other  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def token(key=ED, algorithm="EdDSA", kid="ed", header=None, **other):
    """A token as an issuer would sign it."""
    payload = json.dumps(claims(**other)).encode()
    return jwt.PyJWS().encode(
        payload, key, algorithm=algorithm, headers={"kid": kid, **(header or {})} if kid else header
    )


def read(text, keys=KEYS, **about):
    """Whom a token is for."""
    return asyncio.run(Tokens(keys, **({"issuer": ISSUER, "tenant": "acme"} | about)).read(text))


def reason(text, keys=KEYS, **about):
    """Why a token is refused."""
    with pytest.raises(TokenRefused) as refused:
        read(text, keys, **about)
    return refused.value.reason


def encoded(part):
    """A part of a token, by hand."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_name(value):
    """Name a case by what is wrong in it; moments and keys differ from process to process and name nothing."""
    return ",".join(map(str, value)) if isinstance(value, dict) else str(value)


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(ED, "EdDSA", "ed"), (RSA, "RS256", "rsa"), (EC, "ES256", "ec")]
)
def test_a_good_token_tells_who_calls(key, algorithm, kid):
    """Client, actor, rights and delegation come from the claims."""
    found = read(token(key, algorithm, kid, sub="system/erp", rights=["import", "publish"], delegate=True))
    assert (found.client, found.actor) == ("wecom-bot", "system/erp")
    assert found.rights == {Right.import_data, Right.publish}
    assert found.may_delegate
    plain = read(token(key, algorithm, kid, client_id=None, azp="crm", aud=["other", "dealtrail"]))
    assert (plain.client, plain.actor, plain.rights, plain.may_delegate) == (
        "crm",
        "person/per_anna",
        frozenset(),
        False,
    )


def test_a_token_without_a_key_id_needs_the_only_key():
    """With several keys a token says which one."""
    assert read(token(kid=None), FixedKeys({"x": public_key(ED.public_key())})).actor == "person/per_anna"
    assert reason(token(kid=None)) is Reason.unknown_key


def test_no_algorithm_is_no_signature():
    """P25: alg none, in any spelling, with and without a signature."""
    for name in ("none", "None", "NONE", "nOnE", "", None):
        for signature in ("", "x", encoded(b"signature")):
            forged = f"{encoded({'alg': name, 'kid': 'ed'})}.{encoded(claims())}.{signature}"
            assert reason(forged) in {Reason.algorithm, Reason.malformed}


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=["rsa", "ec", "ed"])
def test_a_public_key_is_no_secret(key):
    """P25: HMAC with a public key as the secret, in PEM and DER, under every kid."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem(key).encode(), pem(key).strip().encode(), der):
        for kid in ("rsa", "ec", "ed"):
            for algorithm, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
                signed = f"{encoded({'alg': algorithm, 'kid': kid})}.{encoded(claims())}"
                forged = f"{signed}.{encoded(hmac.new(secret, signed.encode(), digest).digest())}"
                assert reason(forged) is Reason.algorithm


def test_a_key_is_for_one_algorithm_only():
    """P25: a token signed with the right key by another algorithm, or with another key, is refused."""
    assert reason(token(RSA, "PS256", "rsa")) is Reason.algorithm
    assert reason(token(RSA, "RS512", "rsa")) is Reason.algorithm
    assert reason(token(RSA, "RS256", "ed")) is Reason.algorithm
    assert reason(token(ed25519.Ed25519PrivateKey.generate())) is Reason.signature


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"iss": "https://evil.example.com"}, Reason.issuer),
        ({"iss": None}, Reason.claims),
        ({"iss": [ISSUER]}, None),
        ({"aud": "somebody-else"}, Reason.audience),
        ({"aud": None}, None),
        ({"aud": []}, Reason.claims),
        ({"exp": int(time.time()) - 3_600}, Reason.expired),
        ({"exp": None}, Reason.claims),
        ({"exp": "tomorrow"}, None),
        ({"exp": float("inf")}, None),
        ({"iat": None}, Reason.claims),
        ({"iat": int(time.time()) + 3_600}, Reason.not_yet_valid),
        ({"nbf": int(time.time()) + 3_600}, Reason.not_yet_valid),
        ({"tenant": "other"}, Reason.tenant),
        ({"tenant": None}, Reason.tenant),
        ({"tenant": ["acme"]}, Reason.tenant),
        ({"sub": None}, Reason.claims),
        ({"sub": "anna"}, Reason.claims),
        ({"sub": "team/north"}, Reason.claims),
        ({"sub": "person/"}, Reason.claims),
        ({"sub": "person/a b"}, Reason.claims),
        ({"sub": "person/a/b"}, Reason.claims),
        ({"client_id": None}, Reason.claims),
        ({"client_id": ""}, Reason.claims),
        ({"client_id": "x" * 201}, Reason.claims),
        ({"client_id": "a\nb"}, Reason.claims),
        ({"client_id": {"a": 1}}, Reason.claims),
        ({"rights": ["import"]}, Reason.claims),
        ({"sub": "system/erp", "rights": ["everything"]}, Reason.claims),
        ({"sub": "system/erp", "rights": "import"}, Reason.claims),
        ({"sub": "system/erp", "rights": [["import"]]}, Reason.claims),
        ({"delegate": "true"}, Reason.claims),
    ],
    ids=by_name,
)  # fmt: skip
def test_claims_that_do_not_fit_are_refused(other, why):
    """P25: issuer, audience, times, tenant, who acts, and a closed list of rights that only the system's own principals have."""
    found = reason(token(**other))
    assert why is None or found is why


def test_the_clock_of_the_issuer_may_be_off_a_little():
    """Within the leeway a token is good, beyond it is not."""
    late = token(exp=int(time.time()) - 60)
    assert read(late, leeway_seconds=120).actor
    assert reason(late, leeway_seconds=0) is Reason.expired


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "...", "x", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "\x00.\x00.\x00", "eyJ.eyJ.x", "{}.{}.{}", "x" * 5_000,
        f"{encoded([])}.{encoded({})}.x", f"{encoded('x')}.{encoded({})}.x", f"{encoded({'alg': 'EdDSA', 'kid': 1})}.{encoded({})}.x",
        f"{encoded({'alg': 'EdDSA', 'kid': 'ed', 'crit': ['exp']})}.{encoded(claims())}.x", f"{encoded(b'[' * 3_000)}.x.x",
        f"{encoded({'alg': ['EdDSA'], 'kid': 'ed'})}.{encoded(claims())}.x", f"{encoded({'kid': 'ed'})}.{encoded(claims())}.x",
        f"{encoded({'alg': 'EdDSA', 'kid': 'ed'})}.{encoded(b'not json')}.{encoded(b'x' * 64)}",
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_token_is_refused(text):
    """P25: whatever stands where a token should, the answer is that it is none."""
    assert reason(text) in {Reason.malformed, Reason.algorithm, Reason.signature, Reason.unknown_key}


def test_what_is_too_long_is_not_even_looked_at():
    """P25: the key is not asked for, the signature not checked."""
    assert reason("x" * (MAX_TOKEN_BYTES + 1)) is Reason.too_long
    assert reason(token(extra="x" * MAX_TOKEN_BYTES)) is Reason.too_long


def test_a_signed_payload_that_is_no_object_is_refused():
    """The issuer's own mistakes do not get in either."""
    for payload in ([], "x", 1, None):
        signed = f"{encoded({'alg': 'EdDSA', 'kid': 'ed'})}.{encoded(json.dumps(payload).encode())}"
        assert reason(f"{signed}.{encoded(ED.sign(signed.encode()))}") in {Reason.malformed, Reason.claims}


# Keys


def test_keys_that_are_too_weak_or_of_another_kind_are_refused():
    """Short RSA keys, other curves, private keys, and what is no key."""
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP384R1())):
        with pytest.raises(UnusableKey):
            key_of_pem(pem(key))
    private = ED.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text, word in ((private, "private"), ("nothing", "PEM"), ("", "PEM")):
        with pytest.raises(UnusableKey, match=word) as refused:
            key_of_pem(text)
        assert private.splitlines()[1] not in str(refused.value)


def test_a_secret_that_can_be_guessed_is_refused():
    """P25: HS256 needs at least 32 bytes; and a secret is never shown."""
    with pytest.raises(UnusableKey, match="32 bytes"):
        key_of_secret("x" * 31)
    secret = "s3cr3t-" * 6
    key = key_of_secret(secret)
    assert secret not in repr(key)
    keys = FixedKeys({"secret": key})
    assert read(jwt.encode(claims(), secret, "HS256"), keys).client == "wecom-bot"
    assert reason(token(kid="secret"), keys) is Reason.algorithm


def jwk(key, kid, **other):
    """A key as issuers publish it."""
    algorithm = {
        "rsa": jwt.algorithms.RSAAlgorithm,
        "ec": jwt.algorithms.ECAlgorithm,
        "ed": jwt.algorithms.OKPAlgorithm,
    }[kid[:3].rstrip("-0123456789")]
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid} | other


def jwks(*items):
    """A set of published keys."""
    return json.dumps({"keys": list(items)}).encode()


def test_only_keys_for_signatures_are_taken_from_a_jwks():
    """Secrets, keys for encryption, keys without an id, private keys and keys for other algorithms are left out."""
    found = keys_of_jwks(
        jwks(
            jwk(ED, "ed"),
            jwk(RSA, "rsa", alg="RS256", use="sig"),
            jwk(EC, "ec-1", use="enc"),
            jwk(RSA, "rsa-2", alg="PS512"),
            {"kty": "oct", "kid": "oct", "k": "c2VjcmV0" * 8},
            {**jwk(ED, "ed-2"), "kid": None},
            json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(ED)) | {"kid": "ed-3"},
            {"kty": "RSA", "kid": "broken"},
            "x",
        )
    )
    assert set(found) == {"ed", "rsa"}
    for bad in (b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": []}', b"[" * 100_000, b"\xff"):
        with pytest.raises(UnusableKey):
            keys_of_jwks(bad)


class Issuer:
    """An issuer that publishes keys, counts who asks, and may be away."""

    def __init__(self, *items):
        self.now, self.asked, self.document, self.is_away = 1_000.0, 0, jwks(*items), False
        self.keys = PublishedKeys(self.fetch, least_seconds=60, refresh_seconds=3_600, clock=lambda: self.now)

    def fetch(self):
        self.asked += 1
        if self.is_away:
            raise ConnectionRefusedError("away")
        return self.document

    def knows(self, kid):
        return asyncio.run(self.keys.find(kid)) is not None


def test_a_storm_of_unknown_keys_is_no_storm_of_fetches():
    """P25: a thousand made-up key ids ask the issuer once an interval; known keys are found meanwhile."""
    issuer = Issuer(jwk(ED, "ed"))

    async def storm():
        return await asyncio.gather(*(issuer.keys.find(f"made-up-{number}") for number in range(1_000)))

    assert not any(asyncio.run(storm()))
    assert issuer.asked == 1
    assert issuer.knows("ed")
    issuer.now += 59
    assert not issuer.knows("another")
    assert issuer.asked == 1
    issuer.now += 1
    assert not issuer.knows("another")
    assert not issuer.knows("yet-another")
    assert issuer.asked == 2


def test_a_new_key_is_found_and_one_that_was_taken_back_is_forgotten():
    """An issuer changes its keys without a restart here."""
    issuer = Issuer(jwk(ED, "ed"))
    assert issuer.knows("ed")
    issuer.document = jwks(jwk(RSA, "rsa"))
    issuer.now += 60
    assert issuer.knows("ed"), "nobody has asked for another key yet"
    assert issuer.knows("rsa")
    assert not issuer.knows("ed")
    issuer.document = jwks(jwk(EC, "ec"))
    issuer.now += 3_600
    assert not issuer.knows("rsa"), "old keys are looked at again, also when nobody names an unknown one"


def test_keys_stay_while_the_issuer_is_away():
    """P25: a fetch that fails, or brings nothing usable, locks nobody out."""
    issuer = Issuer(jwk(ED, "ed"))
    assert issuer.knows("ed")
    for is_away, document in ((True, b""), (False, b"<html>"), (False, b'{"keys": []}')):
        issuer.is_away, issuer.document = is_away, document
        issuer.now += 4_000
        assert issuer.knows("ed")
    assert issuer.asked == 4


def test_keys_are_fetched_from_safe_places_only(tmp_path):
    """https, this host, or a file; a URL that says something else is refused when the server starts."""
    for source in ("http://login.example.com/jwks", "ftp://x/y", "data:,x", "gopher://x"):
        with pytest.raises(UnusableKey):
            fetching(source)
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(jwk(ED, "ed")))
    for source in (str(file), file.as_uri()):
        assert asyncio.run(PublishedKeys(fetching(source)).find("ed")) is not None
    assert asyncio.run(PublishedKeys(fetching(str(tmp_path / "nowhere"))).find("ed")) is None


# What the settings accept


def settings(home, **other):
    """Settings of a home folder, without a look at the environment of whoever runs the tests."""
    return Settings(_env_file=None, home=home, tenant="acme", **other)


def test_without_keys_nothing_is_accepted(tmp_path):
    """The server has to be told whom to trust."""
    assert accepted_tokens(settings(tmp_path)) is None


@pytest.mark.parametrize(
    ("about", "word"),
    [
        ({"token_keys": {"a": "nowhere.pem"}, "token_issuer": ISSUER}, "nor a file"),
        ({"token_keys": {"a": pem(ED)}}, "DEALTRAIL_TOKEN_ISSUER"),
        ({"token_keys": {"a": pem(ED)}, "token_issuer": "dealtrail-trial"}, "trials"),
        ({"token_keys": {"a": pem(ED)}, "token_secret": "x" * 40, "token_issuer": ISSUER}, "not several"),
        ({"token_secret": "x" * 31, "token_issuer": ISSUER}, "32 bytes"),
        ({"token_jwks": "http://example.com/keys", "token_issuer": ISSUER}, "https"),
    ],
    ids=by_name,
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path, about, word):
    """What is wrong is said when the server starts, not with the first token."""
    with pytest.raises(UnusableKey, match=word):
        accepted_tokens(settings(tmp_path, **about))


def test_keys_of_the_settings_are_files_or_pem(tmp_path):
    """Several keys, each under its id, so that an issuer can change them one by one."""
    (tmp_path / "rsa.pem").write_text(pem(RSA))
    accepted = accepted_tokens(
        settings(tmp_path, token_issuer=ISSUER, token_keys={"ed": pem(ED), "rsa": str(tmp_path / "rsa.pem")})
    )
    assert asyncio.run(accepted.tokens.read(token())).actor == "person/per_anna"
    assert asyncio.run(accepted.tokens.read(token(RSA, "RS256", "rsa"))).actor == "person/per_anna"
    assert not accepted.is_trial


def test_secrets_are_in_no_repr(tmp_path):
    """P29: neither the settings nor what complains about them show a secret."""
    secret = "correct-horse-battery-staple-42-times"
    shown = repr(settings(tmp_path, token_secret=secret, database_url=f"postgresql://u:{secret}@h/d"))
    assert secret not in shown
    with pytest.raises(ValueError, match="token_leeway") as refused:
        settings(tmp_path, token_secret=secret, token_leeway_seconds=secret)
    assert secret not in str(refused.value)


# Tokens for trials


def a_trial_token(key, **about):
    """A token for trials."""
    return trial.make_token(
        key, **({"tenant": "acme", "audience": "dealtrail", "actor": "system/erp", "client": "erp"} | about)
    )


def test_a_trial_token_is_accepted_where_nothing_else_is_configured(tmp_path):
    """The key is made once, for its owner's eyes only."""
    key = trial.load_or_make_key(tmp_path)
    assert trial.key_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [trial.FILE_NAME]
    made = a_trial_token(trial.load_or_make_key(tmp_path), rights=[Right.waive], delegate=True)
    accepted = accepted_tokens(settings(tmp_path))
    found = asyncio.run(accepted.tokens.read(made))
    assert (found.actor, found.client, found.rights, found.may_delegate) == (
        "system/erp",
        "erp",
        {Right.waive},
        True,
    )
    assert accepted.is_trial
    configured = accepted_tokens(
        settings(tmp_path, token_issuer=ISSUER, token_keys={"trial": pem(key), "ed": pem(ED)})
    )
    with pytest.raises(TokenRefused):
        asyncio.run(configured.tokens.read(made))


def test_a_trial_key_that_others_can_read_is_not_used(tmp_path):
    """Whoever can read it can make tokens."""
    trial.load_or_make_key(tmp_path)
    trial.key_file(tmp_path).chmod(0o644)
    for use in (trial.load_key, trial.load_or_make_key):
        with pytest.raises(UnusableKey, match="chmod 600"):
            use(tmp_path)
    trial.key_file(tmp_path).write_text("nothing")
    trial.key_file(tmp_path).chmod(0o600)
    with pytest.raises(UnusableKey, match="remove it"):
        trial.load_key(tmp_path)


@pytest.mark.parametrize(
    "about",
    [
        {"actor": "anna"},
        {"actor": "team/x"},
        {"actor": "person/"},
        {"client": ""},
        {"client": "a\nb"},
        {"actor": "person/p", "rights": [Right.waive]},
    ],
    ids=by_name,
)
def test_a_token_nobody_would_accept_is_not_made(tmp_path, about):
    """What is wrong is said where the token is made."""
    with pytest.raises(trial.BadClaim):
        a_trial_token(trial.load_or_make_key(tmp_path), **about)
