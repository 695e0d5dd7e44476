"""CloudTrail, as far as somebody who reads it can tell: records, `LookupEvents`, rules, files, digests."""

from .service import CloudTrail

__all__ = ["CloudTrail"]
