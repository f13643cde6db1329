"""The command line: start the shop, print its URL, serve until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

if not __package__:  # started as a folder: `python tests/apps/other_shop`; our modules must not shadow others' names
    sys.path[0] = str(Path(__file__).resolve().parents[3])

from tests.apps.other_shop.defect import defect_names, install
from tests.apps.other_shop.setting import read_setting
from tests.apps.other_shop.shop import Shop
from tests.apps.other_shop.trouble import Refusal
from tests.apps.other_shop.web import Server

_USAGE_ERROR = 2


def main(words: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 2 if the start is asked for wrongly."""
    parser = argparse.ArgumentParser(prog="other_shop", description="A small web shop at Stripe, SAP and UPS.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (default)")
    parser.add_argument("--db", type=Path, default=Path("other_shop.sqlite"), help="SQLite file (default: %(default)s)")
    parser.add_argument(
        "--defect", default=os.environ.get("OTHER_SHOP_DEFECT", ""), metavar="NAME", help=", ".join(defect_names())
    )
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    try:
        setting = read_setting(os.environ)
        if arguments.defect:
            install(arguments.defect)
        server = Server(Shop(setting, arguments.db), host=arguments.host, port=arguments.port)
    except (Refusal, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"other_shop: {error}\n")
        return _USAGE_ERROR
    stopped = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopped.set())
    server.start()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
