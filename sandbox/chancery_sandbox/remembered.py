"""What moto finds out anew for every call, though it cannot change: found out once.

Half of a small call's time went there. Nothing answers otherwise than it did.
"""

from __future__ import annotations

import functools

from moto import backends
from moto.core import responses, utils


def mend() -> None:
    """Put ours in the place of moto's; doing it twice does no harm."""
    if getattr(backends, "mended", False):
        return
    setattr(backends, "mended", True)  # noqa: B010 - it is our word, which moto does not declare
    # The folders of moto's own package, listed for every request.
    services = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    # The operations that a class has. Every mend of a class is made before its first call is answered.
    setattr(responses, "method_names_from_class", functools.cache(utils.method_names_from_class))  # noqa: B010 - imported there by name
