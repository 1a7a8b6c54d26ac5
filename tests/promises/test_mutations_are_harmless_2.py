"""P18: 100,000 mutated requests over all routes, the second quarter of them."""

import pytest
from support.hostile import storming

tenant, app, out, rare_collections = storming.tenant, storming.app, storming.out, storming.rare_collections


@pytest.mark.usefixtures("rare_collections")
def test_no_mutated_request_is_an_error_of_ours(app, tenant, out, the_seed):
    """P18: 100,000 mutated requests (25,000 here) over all routes, each law checked on each answer.

    No 5xx; problem+json with a page for every refusal; nothing that was sent is repeated in an answer or a log line; no redirection;
    and the log holds exactly the events the answers tell of.
    """
    assert storming.REQUESTS >= 100_000
    storm = storming.blow(app, tenant, out, the_seed + 1)
    storming.assert_harmless(storm, app, tenant)
