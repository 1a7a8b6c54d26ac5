"""The verb that makes a token for trials."""

from typing import Annotated

import typer

from domain.playbook.model import Right
from infra.cli.session import session_of
from infra.http.acceptance import has_keys
from infra.http.trial import BadClaim, key_file, load_or_make_key, make_token

LONGEST_HOURS = 24 * 31


def token(
    context: typer.Context,
    actor: Annotated[str, typer.Option(help="Who acts: person/… or system/….")],
    client: Annotated[
        str, typer.Option(help="The program that will send the token; its idempotency keys are its own.")
    ],
    rights: Annotated[
        list[Right] | None, typer.Option(help="A right of a system/… actor; repeat it for several.")
    ] = None,
    hours: Annotated[
        float, typer.Option(min=0.01, max=LONGEST_HOURS, help="How many hours the token is good for.")
    ] = 8.0,
    delegate: Annotated[
        bool, typer.Option("--delegate", help="Let the program name in On-Behalf-Of whom it acts for.")
    ] = False,
) -> None:
    """Make a token for trials, signed with a key of this machine's own; `dealtrail serve` accepts it where no issuer is configured."""
    session = session_of(context)
    settings = session.settings
    if has_keys(settings):
        raise typer.BadParameter(
            f"this server takes tokens of {settings.token_issuer or 'the issuer in its settings'}; ask there for one."
            " Tokens for trials are accepted only where no token keys are configured"
        )
    is_new = not key_file(settings.home).exists()
    key = load_or_make_key(settings.home)
    try:
        made = make_token(
            key,
            tenant=settings.tenant,
            audience=settings.token_audience,
            actor=actor,
            client=client,
            rights=rights or (),
            delegate=delegate,
            hours=hours,
        )
    except BadClaim as error:
        raise typer.BadParameter(str(error)) from None
    if is_new:
        session.tell("made the key", file=key_file(settings.home))
    session.tell("made for", actor=actor, tenant=settings.tenant, client=client, hours=f"{hours:g}")
    typer.echo(made)
