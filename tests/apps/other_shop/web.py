"""The HTTP side: one GraphQL endpoint, Stripe's webhook, the label's picture, a sign of life."""

from __future__ import annotations

import hmac
import socket
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from waitress.server import create_server
from waitress.wasyncore import close_all, loop

from tests.apps.other_shop import order, payment
from tests.apps.other_shop.graph import Caller, answer, load_schema
from tests.apps.other_shop.shop import Shop
from tests.apps.other_shop.stripe_wire import event_intent, read_event
from tests.apps.other_shop.trouble import Refusal

_THREADS = 8
_LOOK_UP_S = 0.05
_MOST_BYTES = 1_000_000
_STATUS = {"BAD_SIGNATURE": 400, "BAD_INPUT": 400, "NO_SECRET": 503, "UNKNOWN_ORDER": 404, "FORBIDDEN": 403}


def create_app(shop: Shop) -> Flask:
    """Return the web side of a shop."""
    app = Flask("other_shop", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MOST_BYTES
    schema = load_schema()

    @app.errorhandler(Refusal)
    def refuse(refusal: Refusal) -> tuple[Response, int]:
        return jsonify(error={"code": refusal.code, "message": str(refusal)}), _STATUS.get(refusal.code, 400)

    @app.post("/graphql")
    def graphql() -> Response:
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
            raise Refusal("BAD_INPUT", 'body: expected JSON like {"query": "...", "variables": {...}}')
        if not isinstance(asked.get("variables") or {}, dict):
            raise Refusal("BAD_INPUT", "variables: expected an object")
        return jsonify(answer(schema, Caller(shop, _has_key(shop)), asked))

    @app.get("/schema.graphql")
    def sdl() -> Response:
        return Response(Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8"), mimetype="text/plain")

    @app.get("/labels/<number>")
    def label(number: str) -> Response:
        if not _has_key(shop):
            raise Refusal("FORBIDDEN", "expected the header X-Shop-Key with the shop's key")
        with shop.database.transaction() as connection:
            row = connection.execute("SELECT format, image FROM labels WHERE order_number = ?", (number,)).fetchone()
        if row is None:
            raise Refusal("UNKNOWN_ORDER", f"no label of order {number!r}")
        return Response(row["image"], mimetype=f"image/{row['format'].lower()}")

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="ok")

    @app.post("/hooks/stripe")
    def stripe_hook() -> Response:
        header = request.headers.get("Stripe-Signature", "")
        second = shop.now().timestamp()
        event = read_event(request.get_data(), header, secret=shop.setting.stripe_hook_secret, second=second)
        return jsonify(received=True, **_take(shop, event))

    return app


def _has_key(shop: Shop) -> bool:
    return hmac.compare_digest(request.headers.get("X-Shop-Key", "").encode(), shop.setting.shop_key.encode())


def _take(shop: Shop, event: Any) -> dict[str, str]:
    """Let one of our payments move its order; other shops at the same Stripe account are none of our business."""
    if event.get("type") != "payment_intent.succeeded":
        return {"ignored": "another type of event"}
    intent, number = event_intent(event)
    if number is None:
        return {"ignored": "not a payment of this shop"}
    with shop.database.transaction() as connection:
        is_new = connection.execute("INSERT OR IGNORE INTO stripe_events VALUES (?)", (event["id"],)).rowcount
        order.load(connection, number)
        if is_new:
            payment.receive(connection, number, intent, shop.now())
    shop.wake()
    return {"order": number}


class Server:
    """A shop being served: its URL, and an end."""

    def __init__(self, shop: Shop, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._shop = shop
        self._listener = socket.create_server((host, port))
        self.url = f"http://{host}:{self._listener.getsockname()[1]}"
        self._stopping = threading.Event()
        self._connections: dict[int, Any] = {}
        self._server: Any = create_server(
            create_app(shop), map=self._connections, sockets=[self._listener], threads=_THREADS
        )
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Serve, and work off what is due."""
        self._shop.start()
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self._stopping.set()
        self._thread.join()
        self._shop.stop()
        self._listener.close()

    def _serve(self) -> None:
        # waitress's own run() cannot be ended from another thread without a race for its file descriptors.
        while not self._stopping.is_set():
            loop(timeout=_LOOK_UP_S, use_poll=True, map=self._connections, count=1)
        self._server.task_dispatcher.shutdown()
        close_all(self._connections, ignore_all=True)
