"""When calls are made: the options for rate, users and their shape, as the model of a load run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from door.errors import Refusal
from door.options import Arrivals, LoadOptions
from loadtest.stages import Shape, parse_shape
from loadtest.workload import ClosedModel, OpenModel

__all__ = ["Arrival", "arrival_of"]

_SECONDS = 5.0
_SEARCH_SECONDS = 60.0
_USERS = 8


@dataclass(frozen=True, slots=True)
class Arrival:
    """The model, for how long (seconds; a search for capacity as a whole), and how long before that is not counted."""

    model: OpenModel | ClosedModel
    duration: float
    warm_up: float
    search: bool = False


def arrival_of(options: LoadOptions) -> Arrival:
    """Read the options. Raises `Refusal` for two models at once, and for what does not go with the one asked for."""
    asked = {
        "--rate": options.rate is not None,
        "--users": options.users is not None,
        "--shape": options.shape is not None,
        "--find-capacity": options.find_capacity,
    }
    given = [name for name, there in asked.items() if there]
    if given == ["--rate", "--users"]:
        raise Refusal("--rate (calls that wait for nobody) and --users (who call in turn) are two models; take one")
    if len(given) > 1:
        raise Refusal(f"{' and '.join(given)} each say how much load there is; take one")
    model, seconds = _model(options)
    if isinstance(model, ClosedModel) and options.arrivals is not None:
        raise Refusal("--arrivals is for calls that wait for nobody: it goes with --rate, --shape and --find-capacity")
    if isinstance(model, OpenModel) and options.think is not None:
        raise Refusal("--think is for users, who wait for their answer: it goes with --users")
    duration = seconds if options.duration is None else options.duration
    return Arrival(model, duration, options.warm_up, options.find_capacity)


def _model(options: LoadOptions) -> tuple[OpenModel | ClosedModel, float]:
    """Return the model, and how long it lasts where nobody says."""
    arrivals: Literal["constant", "poisson"] = "poisson" if options.arrivals is Arrivals.poisson else "constant"
    think = options.think or 0.0
    if options.find_capacity:
        return OpenModel(rate=1.0, arrivals=arrivals), _SEARCH_SECONDS
    if options.shape is not None:
        of_users, shape = _shape(options.shape)
        if of_users:
            return ClosedModel(users=round(shape.peak), think=think, shape=shape), shape.seconds
        return OpenModel(rate=shape.peak, arrivals=arrivals, shape=shape), shape.seconds
    if options.rate is not None:
        return OpenModel(rate=options.rate, arrivals=arrivals), _SECONDS
    return ClosedModel(users=_USERS if options.users is None else options.users, think=think), _SECONDS


def _shape(text: str) -> tuple[bool, Shape]:
    """Return whether it is one of users, and the shape."""
    head, _, rest = text.strip().partition(" ")
    of_users = head.lower() == "users"
    try:
        shape = parse_shape(rest if of_users else text)
    except ValueError as problem:
        raise Refusal(f"{problem}; of users with the word before it: 'users ramp 1..20 over 30s'") from None
    if of_users and round(shape.peak) < 1:
        raise Refusal(f"--shape {text}: there is never a whole user")
    return of_users, shape
