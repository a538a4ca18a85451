"""Every way in which the command ends has the exit code of its meaning."""

import pytest

from vemo_audit.cli import app
from vemo_audit.errors import BadInput, EvidenceBroken, Refused


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("x"), 2), (Refused("x", rule_id="r", ref="a"), 3), (EvidenceBroken("x"), 4),
        (OSError(30, "Read-only file system", "out"), 2), (RuntimeError("nobody foresaw this"), 2), (MemoryError(), 2),
    ],
)  # fmt: skip
def test_an_error_ends_with_its_code_and_none_with_that_of_a_missed_criterion(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr(app, "app", broken)
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == code
    told = capsys.readouterr().err
    assert told.rstrip().splitlines()[-1].startswith("Error: ")
    assert ("Traceback" in told) == (not isinstance(error, BadInput | Refused | EvidenceBroken | OSError))
