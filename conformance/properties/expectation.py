"""What a target may do when it is sent something: the most that the specifications demand, and no more."""

import enum

__all__ = ["Expectation"]


class Expectation(enum.Enum):
    """Which reactions are right. In every case the target lives on and answers the next sound request."""

    RESULT = enum.auto()
    """A result with the same id: the request is sound, and what it asks for is offered."""
    ANSWER = enum.auto()
    """A response with the same id, result or error: nothing is wrong with what was sent."""
    REPLY = enum.auto()
    """A response, or the refusal of the transport that stands for one: the request is wrong, but can be read, and
    whether that is minded is up to the target."""
    ERROR = enum.auto()
    """An error response, or the refusal of the transport that stands for one (HTTP status 400 and above)."""
    ERROR_OR_SILENCE = enum.auto()
    """An error, or nothing: a result would be wrong, but no rule demands that an answer comes."""
    ANYTHING_BUT_DEATH = enum.auto()
    """Any answer or none: the rule that was broken binds the sender, and receivers may be lenient."""
