"""The error that a user can mend."""


class PrepareError(RuntimeError):
    """Something is missing or wrong in the input; the text says what to do."""
