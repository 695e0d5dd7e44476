"""Operations of REST services by method and path.

https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from dataclasses import dataclass

_VERBS = {"GET": "Get", "PATCH": "Update", "DELETE": "Delete"}
_SWITCHES = {"enable": "Enable", "disable": "Disable"}


@dataclass(frozen=True)
class Kind:
    """A kind of resource of IAM Roles Anywhere."""

    name: str
    """Its name in operations."""
    path: str
    maker: str = "Create"

    @property
    def field(self) -> str:
        """Its name in answers."""
        return self.name[:1].lower() + self.name[1:]


KINDS = {
    kind.path: kind
    for kind in (
        Kind("TrustAnchor", "trustanchor"),
        Kind("Profile", "profile"),
        Kind("Crl", "crl", "Import"),
        Kind("Subject", "subject", ""),
    )
}


TAGGING = {"ListTagsForResource", "TagResource", "UntagResource"}


def rolesanywhere(method: str, path: str) -> str:
    """The name of the operation; `METHOD /path` if it is none of those that are implemented."""
    first, *rest = path.strip("/").split("/")
    if first in TAGGING and not rest:
        return first
    many, one = KINDS.get(first.removesuffix("s")) if first.endswith("s") else None, KINDS.get(first)
    if many is not None and not rest:
        if method == "GET":
            return f"List{many.name}s"
        if method == "POST" and many.maker:
            return many.maker + many.name
    if one is not None and len(rest) == 1 and method in _VERBS and (one.maker or method == "GET"):
        return _VERBS[method] + one.name
    if one is not None and len(rest) == 2 and method == "POST" and rest[1] in _SWITCHES and one.maker:
        return _SWITCHES[rest[1]] + one.name
    return f"{method} {path}"
