"""Every error a user can meet.

    MossyError
    ├── BadInput           E01xx  a file, an array or an argument is wrong
    │   │                  E06xx  the same, on the command line
    │   │                  E041x  the same, of parts that die during a run
    │   │                  E042x  the same, of a run on several ranks
    │   └── UnknownName    E05xx  no chip, zoo network or option of that name
    ├── UnsupportedNode    E02xx  the network asks for what the target cannot do
    ├── DoesNotFit         E03xx  a limit of the chip is exceeded
    └── UnknownFact        E04xx  a number nobody has published is needed

Each message says what is wrong, where, what was got, what is allowed and one thing to try.
Each code has a section in docs/reference/errors.md.
"""

from __future__ import annotations


class MossyError(Exception):
    """Base of all errors raised for a user's mistake or a chip's limit."""

    def __init__(
        self,
        code: str,
        what: str,
        *,
        where: str | None = None,
        got: object = None,
        allowed: object = None,
        hint: str | None = None,
    ) -> None:
        self.code, self.what, self.where = code, what, where
        self.got, self.allowed, self.hint = got, allowed, hint
        super().__init__(self.message())

    def message(self) -> str:
        """Return the one message shown to the user."""
        text = f"[{self.code}] " + (f"{self.where}: " if self.where else "") + self.what
        if self.got is not None:
            text += f"; got {self.got}"
        if self.allowed is not None:
            text += f"; allowed: {self.allowed}"
        return text + (f". Try: {self.hint}" if self.hint else "")

    def at(self, where: str) -> MossyError:
        """Return the same error with the outer place put in front of the inner one."""
        place = f"{where}, {self.where}" if self.where else where
        return type(self)(
            self.code,
            self.what,
            where=place,
            got=self.got,
            allowed=self.allowed,
            hint=self.hint,
        )


class BadInput(MossyError):
    """A file, an array or an argument is not what it must be."""


class UnknownName(BadInput):
    """No chip, zoo network or option has that name; the message lists the nearest ones."""


class UnsupportedNode(MossyError):
    """The network holds something that the target cannot do exactly."""


class DoesNotFit(MossyError):
    """A limit of the chip is exceeded: which one, by how much, where, and what to change."""


class UnknownFact(MossyError):
    """A physical number is needed that nobody has published and the user has not assumed."""
