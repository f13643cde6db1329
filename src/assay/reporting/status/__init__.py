"""The status page and its API: what `assay monitor` knows, for the person on call and for other programs.

    app = status_app(source, guard_of(profile.monitoring))    # ASGI; `source` is the running process

Pages are read without a script; the store may be away, and then what the process remembers is shown.
"""
