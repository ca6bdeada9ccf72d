"""The one exception that users see as a sentence instead of a traceback."""


class UserError(Exception):
    """The input or the environment is not as expected.

    The message is one sentence that says what was expected and what was received. Experiments print
    it and exit with code 2; library users may catch it.
    """
