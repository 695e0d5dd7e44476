"""docs/aws/guard.md lists the attacks that are tried, and what becomes of each."""

from __future__ import annotations

from attacks import ATTACKS
from deployments import REPOSITORY

PAGE = REPOSITORY / "docs" / "aws" / "guard.md"
HEAD = "| attack | what is done | calls | prevented | told by |\n|---|---|---|---|---|\n"


def test_the_page_lists_every_attack():
    assert {attack.name.rstrip("abcde") for attack in ATTACKS} == {str(number) for number in range(1, 17)}
    rows = "".join(f"{attack.row}\n" for attack in ATTACKS)
    page = PAGE.read_text(encoding="utf-8")
    assert f"{HEAD}{rows}\n" in page, f"{PAGE} should have\n{HEAD}{rows}"
