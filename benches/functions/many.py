"""Lets the state machine issue a `tls.json` of many entries, and then run again: each is issued once.

Arguments: the zip of the functions; `--entries`, 10,000 by default. Says what it found as one line of JSON, or fails.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import world

from chancery_sandbox import lists
from chancery_sandbox.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

LIMIT = 5400.0
"""Seconds after which a run is given up."""


def main() -> None:
    """Issue, run again, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zip", type=Path)
    parser.add_argument("--entries", type=int, default=10_000)
    arguments = parser.parse_args()
    names = [f"device-{number:06}.example.com" for number in range(arguments.entries)]
    with tempfile.TemporaryDirectory() as folder, deployed_with_lists(arguments.zip, Path(folder)) as deployed:
        authority = Authority(deployed.endpoint, deployed.outputs)
        for name in names:
            authority.put_internal(f"csrs/{name}.csr", lists.Request.make(common_name=name).csr)
        listed = [{"common_name": name, "csr_file": f"{name}.csr"} for name in names]
        authority.put_internal("tls.json", json.dumps(listed).encode())
        seconds = [run(authority, names) for _ in range(2)]
        peaks = Counter()
        for report in deployed.ask("GET", "reports"):
            name = report["function"].removeprefix(f"{world.PROJECT}-").removesuffix("-dev")
            peaks[name] = max(peaks[name], report["memory_used"])
    found = {"entries": len(names), "seconds": seconds, "peaks_mb": dict(peaks)}
    print(json.dumps(found))  # noqa: T201 - the interface


def deployed_with_lists(zipped: Path, folder: Path) -> AbstractContextManager[world.World]:
    """Whose state machine issues by `tls.json`, which Terraform writes empty."""
    lists.write(folder / "certs" / "dev", [])
    return world.deployed(zipped.resolve(), folder, cert_info_files=["tls"])


def run(authority: Authority, names: list[str]) -> float:
    """How long a run took, after which every entry has one certificate."""
    ended = authority.run(LIMIT)
    if ended.status != "SUCCEEDED":
        sys.exit(f"the state machine ended with {ended}")
    issued = Counter(leaves(authority.rows()))
    if issued != Counter(names):
        missing, more = Counter(names) - issued, issued - Counter(names)
        some = list(missing + more)[:5]
        sys.exit(f"{missing.total()} certificates are missing, {more.total()} are too many: {some}")
    return ended.seconds


def leaves(rows: Iterable[dict[str, Any]]) -> Iterable[str]:
    """The names in the rows that are not of CAs."""
    return (row["CommonName"]["S"] for row in rows if row["CommonName"]["S"].startswith("device-"))


if __name__ == "__main__":
    main()
