"""What a check says when something does not hold: an AssertionError, in one line, that a test runner shows as it is."""


def demand(holds: object, otherwise: str) -> None:
    """Fail with `otherwise` unless something holds; `assert`, but for functions that Python may run with -O."""
    __tracebackhide__ = True
    if not holds:
        raise AssertionError(otherwise)
