"""The third runner: monitors that run again and again, in `assay monitor` (`service`) or one round at a time (`tick`).

timetable says when each is due, slots run them, probing says what a run came to, turns whose turn it is among several
processes, reload takes changed files up, service is the process that holds them together. Nothing is imported here: a
monitor's process needs all of it, the demonstration one function.
"""
