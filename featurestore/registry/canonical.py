"""One text per JSON value: keys sorted, no spaces, characters as they are."""

import json

__all__ = ["canonical_json"]


def canonical_json(value: object) -> str:
    """The value as text, equal for equal values.

    Raises:
        TypeError: The value is not what JSON can say.
        ValueError: It holds NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
