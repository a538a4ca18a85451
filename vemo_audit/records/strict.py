"""Strict reading and writing of signed records: anything unknown, missing or of another type is refused by name."""

import re
import types
import typing
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from vemo_audit.errors import BadInput

T = TypeVar("T")
TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, the one form of time in signed records. Raises BadInput for a naive time."""
    if moment.tzinfo is None:
        raise BadInput(f"the naive time {moment.isoformat()}", expected="a time with a time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_time(value: Any, where: str) -> datetime:
    """The moment of an RFC 3339 text as `time_text` writes it. Raises BadInput for any other form."""
    if isinstance(value, str) and TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise BadInput(f"the time {value!r}", where=where, expected="the form 2026-01-31T23:59:59.000Z")


def whole_ms(moment: datetime) -> datetime:
    """The moment in UTC, cut to milliseconds, so that it survives `time_text` and back."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def uuid7(now: datetime, entropy: bytes) -> str:
    """A time-ordered id from 10 random bytes. Source: RFC 9562, section 5.7."""
    if len(entropy) != 10:
        raise BadInput(f"{len(entropy)} random bytes", where="uuid7", expected="10")
    value = int(now.timestamp() * 1000) << 80 | int.from_bytes(entropy, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def to_payload(record: Any) -> dict[str, Any]:
    """The record as JSON values: enums as words, times as text, tuples as lists. Fields that are None are left out."""
    return {f.name: _plain(getattr(record, f.name)) for f in fields(record) if getattr(record, f.name) is not None}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return to_payload(value)
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def from_payload(kind: type[T], payload: Any, *, where: str) -> T:
    """A frozen record of `kind` from JSON values, exactly as `to_payload` writes them.

    A field whose type allows None may be absent. Raises BadInput that names the field for anything unknown,
    missing or of another type.
    """
    if not isinstance(payload, dict):
        raise BadInput(f"{type(payload).__name__}", where=where, expected="an object")
    hints = _hints(typing.cast(Any, kind))
    unknown = sorted(set(payload) - set(hints))
    if unknown:
        raise BadInput(f"the unknown field '{unknown[0]}'", where=where, expected=f"one of {', '.join(hints)}")
    values: dict[str, Any] = {}
    for name, hint in hints.items():
        optional = isinstance(hint, types.UnionType)
        if name not in payload:
            if not optional:
                raise BadInput(f"no field '{name}'", where=where, expected="every field of the record")
            values[name] = None
            continue
        inner = next(a for a in typing.get_args(hint) if a is not types.NoneType) if optional else hint
        values[name] = _read(inner, payload[name], f"{where}.{name}")
    return kind(**values)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in fields(kind)}


def _read(hint: Any, value: Any, where: str) -> Any:
    if hint is datetime:
        return read_time(value, where)
    if isinstance(hint, type) and is_dataclass(hint):
        return from_payload(hint, value, where=where)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        words = [str(member) for member in hint]
        if value not in words:
            raise BadInput(f"the unknown word {value!r}", where=where, expected=f"one of {', '.join(words)}")
        return hint(value)
    if typing.get_origin(hint) is tuple:
        return _read_tuple(typing.get_args(hint), value, where)
    if type(value) is not hint:  # exact: a bool is no int here
        raise BadInput(f"{value!r}"[:80], where=where, expected=f"a value of type {hint.__name__}")
    return value


def _read_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise BadInput(f"{type(value).__name__}", where=where, expected="a list")
    if arguments[-1] is Ellipsis:
        return tuple(_read(arguments[0], item, f"{where}[{k}]") for k, item in enumerate(value))
    if len(value) != len(arguments):
        raise BadInput(f"{len(value)} values", where=where, expected=f"{len(arguments)}")
    return tuple(
        _read(hint, item, f"{where}[{k}]") for k, (hint, item) in enumerate(zip(arguments, value, strict=True))
    )


def check_set(words: tuple[str, ...], where: str) -> None:
    """Raises BadInput unless the words are sorted and free of duplicates: one set has one form."""
    if list(words) != sorted(set(words)):
        raise BadInput(f"{list(words)}", where=where, expected="sorted words without duplicates")
