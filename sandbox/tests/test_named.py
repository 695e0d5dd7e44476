"""What variables name for tests must be there."""

from __future__ import annotations

from conftest import not_there


def test_what_is_named_and_is_not_there_is_no_reason_to_skip(tmp_path):
    zipped, judges = tmp_path / "functions.zip", tmp_path / "bin"
    named = {"CHANCERY_LAMBDA_ZIP": str(zipped), "CHANCERY_JUDGES": str(judges)}
    assert [line.split()[0] for line in not_there(named)] == list(named)
    zipped.write_bytes(b"")
    judges.mkdir()
    (line,) = not_there(named)
    assert line.startswith(f"CHANCERY_JUDGES names {judges}")
    (judges / "python").write_bytes(b"")
    assert not_there(named) == []
    assert not_there({"CHANCERY_JUDGES": ""}) == []
