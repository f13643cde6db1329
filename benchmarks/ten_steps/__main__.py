"""The server of the ten calls as a process: it prints its port and serves until it is ended."""

import uvloop

from benchmarks.ten_steps.server import serve

uvloop.run(serve())
