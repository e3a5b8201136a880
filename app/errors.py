"""Errors that an operator can put right."""


class OperatorError(Exception):
    """Something outside the code has to change. The message says what, where and how; it is logged as a line."""


class NewerFormatError(OperatorError):
    """Something stored has a format that a newer release has brought, and this one doesn't know."""
