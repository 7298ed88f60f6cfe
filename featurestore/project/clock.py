"""What only the rim may ask: the time, and who is at work."""

import datetime
import getpass

__all__ = ["current_user", "now"]


def now() -> datetime.datetime:
    """The present time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def current_user() -> str:
    """Who is at work, as records name them; ``unknown`` where the machine does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
