"""TIM-07: A scheduled job never runs again, and nobody is told.

Its next run is lost. Seen in agronholm/apscheduler#87.
"""


def is_switched_on(job: str) -> bool:
    """Leave the delivery poll unscheduled."""
    return job != "deliveries"


SEAMS = {"is_switched_on": is_switched_on}
SHOWN_BY = ("coupon",)
CAUGHT_BY = ("O-K4",)
