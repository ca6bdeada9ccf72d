"""The one exception that users see as a sentence instead of a traceback, and what it quotes."""

import importlib
from types import ModuleType


class UserError(Exception):
    """The input or the environment is not as expected.

    The message is one sentence that says what was expected and what was received. Experiments print
    it and exit with code 2; library users may catch it.
    """


def one_line(error: BaseException) -> str:
    """What another library's error says, in a line of at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def visible(sentence: str) -> str:
    """A sentence with control characters spelled out: what it quotes must not act on screens."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in sentence)


def optional(module: str, extra: str) -> ModuleType:
    """A module that only an extra of this package installs.

    Args:
        module: its name.
        extra: the extra's.

    Raises:
        UserError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"{module.partition('.')[0]} is not installed: {extra_of(extra)}"
        ) from error


def extra_of(extra: str) -> str:
    """How to install an extra of this package, which no public index has."""
    return f"in the repository of gan_inversion, pip install '.[{extra}]'"
