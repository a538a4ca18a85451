"""One text for each byte string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vemo_audit.governance.strict_base64 import decode, encode


@given(st.binary(max_size=80))
def test_bytes_come_back(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["Zh==", "Zg", "Zg=", "Zg== ", "Z g==", "Zg==\n", "Z_==", "é", None, 5, b"Zg=="])
def test_a_second_text_for_the_same_bytes_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"base64|Incorrect|Excess|Only|padding"):
        decode(text)
