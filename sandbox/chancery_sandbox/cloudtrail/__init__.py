"""CloudTrail as its readers see it: records, `LookupEvents`, delivery to rules, log files and digests."""

from .service import CloudTrail

__all__ = ["CloudTrail"]
