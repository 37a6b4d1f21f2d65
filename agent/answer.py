"""Answer one request that came through the tunnel; ``agent/session.py`` starts a task with it for each."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

from agent.errors import UpstreamError
from agent.upstream import Call, Upstream
from chalicelib.tunnel.exchange import Broken, Exchange
from chalicelib.tunnel.frames import FrameError
from chalicelib.tunnel.heads import RequestHead, ResponseHead, dump_response, load_request

log = logging.getLogger("lariat.agent")

REFUSAL = json.dumps(
    {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the agent refuses a request that impersonates nobody",
        "reason": "Forbidden",
        "code": 403,
    }
).encode()


async def answer(exchange: Exchange, upstream: Upstream) -> None:
    """Ask the API server and send back what it says, as it says it. Never raises; a failure resets the stream."""
    call = upstream.call()
    try:
        await _answer(exchange, call)
    except (Broken, asyncio.CancelledError):
        log.debug("the caller went away")
    except (UpstreamError, FrameError) as error:
        exchange.abort(str(error))
    except Exception:
        log.exception("a request failed")
        exchange.abort("the agent failed; its log says why")
    finally:
        call.close()


async def _answer(exchange: Exchange, call: Call) -> None:
    first = await exchange.receive()
    request = load_request(first.head)
    exchange.deflate = request.deflate
    if not impersonates(request):
        await exchange.send(REFUSAL, True, dump_response(ResponseHead(403, (("content-type", "application/json"),))))
        return
    switching = any(name == "upgrade" for name, _ in request.headers)
    whole = first.data if first.fin else b""
    head = await call.send(request, whole if first.fin or switching else _body(exchange, first.data))
    if call.switched:
        # What overtook the request belongs to the protocol that was switched to.
        await _relay(exchange, call, head, b"" if first.fin else first.data)
    else:
        await _pass_on(exchange, call, head)


def impersonates(request: RequestHead) -> bool:
    """The agent's power is to impersonate: a request that impersonates nobody would run as the agent itself."""
    users = [value for name, value in request.headers if name == "impersonate-user"]
    return len(users) == 1 and bool(users[0].strip())


async def _pass_on(exchange: Exchange, call: Call, head: ResponseHead) -> None:
    """Send the answer as it is produced: what is there already travels in one frame with the head."""
    if any(name == "content-encoding" for name, _ in head.headers):
        exchange.deflate = False
    data = call.taken()
    document = dump_response(head)
    while True:
        last = call.complete
        await exchange.send(data, last, document)
        if last:
            return
        document = ""
        data = await call.read()


async def _relay(exchange: Exchange, call: Call, head: ResponseHead, early: bytes) -> None:
    """Carry raw bytes both ways until either side ends."""
    await exchange.send(call.taken(), False, dump_response(head))
    upward = asyncio.create_task(_write_raw(exchange, call, early))
    try:
        while data := await call.read():
            await exchange.send(data, False)
        await exchange.send(b"", True)
    finally:
        upward.cancel()


async def _write_raw(exchange: Exchange, call: Call, early: bytes) -> None:
    try:
        async for data in _body(exchange, early):
            await call.write(data)
    except Broken:
        return
    call.finish()


async def _body(exchange: Exchange, first: bytes) -> AsyncIterator[bytes]:
    """Yield the request's body as it arrives."""
    yield first
    fin = False
    while not fin:
        delivery = await exchange.receive()
        fin = delivery.fin
        yield delivery.data
