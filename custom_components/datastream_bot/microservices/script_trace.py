"""Home Assistant's trace of actions, which is all that tells what a run of them has come to.

These are parts of Home Assistant that may change, and so stand by themselves. Where they are gone, a run that was
superseded, or that stopped itself with an error, counts as one that came to its end.
"""

from contextvars import ContextVar

from homeassistant.helpers import script, trace

_NO_STACK: ContextVar[list[str] | None] = ContextVar("no_stack", default=None)


def begin_trace() -> None:
    """Share no trace with the actions of the sender, which may go on beside those that run next."""
    stack = _stack()
    stack.set(list(stack.get() or ()))
    getattr(trace, "trace_clear", _nothing)()


def is_run_by(script_id: str) -> bool:
    """Return whether a script has led to what runs now."""
    return script_id in (_stack().get() or ())


def was_superseded() -> bool:
    """Return whether a newer run has ended this one."""
    return _end() == "cancelled"


def own_error() -> str | None:
    """Return the error with which the actions stopped themselves, which Home Assistant does not raise.

    A condition that is not met, and a wait that is over, are ends like any other.
    """
    if _end() != "aborted":
        return None
    traced = getattr(trace, "trace_get", _nothing)(clear=False) or {}
    steps = (step for steps in traced.values() for step in steps)
    errors = [str(error) for step in steps if (error := step.as_dict().get("error")) not in (None, "TimeoutError")]
    return errors[0] if errors else None


def _end() -> object:
    return getattr(trace, "script_execution_get", _nothing)()


def _stack() -> ContextVar[list[str] | None]:
    return getattr(script, "script_stack_cv", _NO_STACK)


def _nothing(**_: object) -> None:
    return None
