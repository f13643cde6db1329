"""Somebody else's shop, in a day: a project to begin with, and what to mend until its verdict is whole.

`project` writes the files of a new project, `document` proposes paths from an OpenAPI document, `walk` calls a shop's
functions one by one, `switch` says what would switch on each oracle that is not evaluated yet.
"""
