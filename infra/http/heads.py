"""HEAD (RFC 9110, 9.3.2): whatever can be read tells its status and headers without its body."""

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Heads:
    """Answers HEAD as GET would be answered, and sends no body. What would be streamed ends with its headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; HEAD as GET, its body left out."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] != "http.response.body":
                await send(message)
                return
            if ended.cancel_called:
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            if message.get("more_body", False):
                ended.cancel()  # nobody waits for the rest, and a stream of events would never end

        with CancelScope() as ended:
            # The routes look at `state` through this scope, and write the caller there.
            inner = {**scope, "method": "GET"}
            try:
                await self._app(inner, receive, without_body)
            finally:
                scope.update({name: inner[name] for name in ("route", "path_params") if name in inner})
