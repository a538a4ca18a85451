"""The last look at a chart: well-formed, named, described, and free of anything that acts or loads."""

from xml.etree.ElementTree import Element, ParseError  # names only: parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from vemo_audit.errors import VemoError

_SVG = "{http://www.w3.org/2000/svg}"
_ALLOWED = frozenset({"svg", "title", "desc", "g", "line", "rect", "circle", "text", "tspan"})
_ATTRIBUTES = frozenset({
    "role", "aria-labelledby", "aria-hidden", "class", "id", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r",
    "width", "height", "viewBox", "overflow", "transform", "text-anchor",
})  # fmt: skip


def checked(text: str, *, where: str) -> str:
    """The same SVG text. Raises VemoError when an element or attribute is not on the list, or a name is missing."""
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException) as error:
        raise VemoError(f"a chart that is no safe XML: {error}", where=where) from error
    for element in root.iter():
        name = str(element.tag).removeprefix(_SVG)
        if name not in _ALLOWED:
            raise VemoError(f"the element <{name}>", where=where, expected=f"one of {', '.join(sorted(_ALLOWED))}")
        strange = set(element.attrib) - _ATTRIBUTES
        if strange:
            raise VemoError(f"the attribute {min(strange)} of <{name}>", where=where, expected="a drawing attribute")
    _named(root, where)
    return text


def _named(root: Element, where: str) -> None:
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    wanted = root.attrib.get("aria-labelledby", "").split()
    named = [root.find(f"{_SVG}{name}") for name in ("title", "desc")]
    if (
        root.attrib.get("role") != "img"
        or sorted(ids) != sorted(wanted)
        or not all(e is not None and e.text for e in named)
    ):
        raise VemoError("a chart without role, title or description", where=where, expected="all three, linked by id")
