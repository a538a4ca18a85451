"""A page and a layout become one self-contained HTML file: no script, no request, the same bytes each time."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from vemo_audit.errors import BadInput
from vemo_audit.report import wording
from vemo_audit.report.blocks import Figure, Page, Section
from vemo_audit.report.figures import draw
from vemo_audit.report.tidy import tidy_text
from vemo_audit.resources import places

MOST_BYTES = 1_000_000
_KEYS = {"name", "version", "extends", "sections"}
_NO_CSS = ("</", "@import", "url(", "expression(", "\\")
"""What a style sheet must not hold: it could leave its element or ask for something outside."""


def render(page: Page, *, layout: str = "audit", layouts: Path | None = None) -> str:
    """The HTML of a page. `layouts` is a folder whose <layout>/ files go before the shipped ones, one by one.

    Raises BadInput when the layout is unknown, leaves out a required section, names a field that does not exist, holds
    active content, or when the file would pass MOST_BYTES.
    """
    folders = _folders(layout, layouts)
    settings = _settings(layout, folders)
    if settings.get("extends"):
        folders += _folders(str(settings["extends"]), layouts)
    sections = _ordered(page, settings, layout)
    environment = _environment(folders)
    css = _css(folders, layout)
    try:
        bodies = {one.id: Markup(_section(environment, one)) for one in sections}  # noqa: S704  (made by autoescape)
        html = environment.get_template("page.html.j2").render(
            page=page, sections=sections, bodies=bodies, css=css, layout=f"{settings['name']} {settings['version']}"
        )
    except TemplateNotFound as error:
        raise BadInput(f"no template {error.name}", where=f"layout '{layout}'", expected="it in the layout") from error
    except TemplateError as error:
        raise BadInput(
            f"a template that fails: {error}", where=f"layout '{layout}'", expected="known fields"
        ) from error
    _check(html, page, layout, bodies)
    return html


def _folders(layout: str, layouts: Path | None) -> list[Path]:
    if not layout.replace("-", "").replace("_", "").isalnum():
        raise BadInput(f"the layout '{tidy_text(layout)}'", expected="a name of letters, digits, - and _")
    shipped = places.folder("layouts")
    found = [folder / layout for folder in (layouts, shipped) if folder is not None and (folder / layout).is_dir()]
    if not found:
        known = sorted(path.name for path in shipped.iterdir() if path.is_dir())
        raise BadInput(f"the layout '{layout}'", expected=f"one of {', '.join(known)}")
    return found


def _settings(layout: str, folders: list[Path]) -> dict[str, Any]:
    path = next((folder / "layout.yaml" for folder in folders if (folder / "layout.yaml").is_file()), None)
    if path is None:
        raise BadInput("no layout.yaml", where=f"layout '{layout}'", expected="name, version and sections in it")
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"no readable YAML: {error}", where=str(path)) from error
    if not isinstance(found, dict) or set(found) - _KEYS or not {"name", "version", "sections"} <= set(found):
        raise BadInput(f"{found!r:.80}", where=str(path), expected="the keys name, version, sections (and extends)")
    if not isinstance(found["sections"], list) or not all(isinstance(one, str) for one in found["sections"]):
        raise BadInput("sections that are no list of names", where=str(path), expected="a list of section ids")
    return found


def _ordered(page: Page, settings: dict[str, Any], layout: str) -> tuple[Section, ...]:
    """The sections of the page in the layout's order. A layout may leave out what is not required."""
    order: list[str] = settings["sections"]
    missing = [one.id for one in page.sections if one.required and one.id not in order]
    if missing:
        raise BadInput(
            f"no section '{missing[0]}'", where=f"layout '{layout}'", expected="every required section",
            advice=f"Add {', '.join(missing)} to layout.yaml.",
        )  # fmt: skip
    by_id = {one.id: one for one in page.sections}
    return tuple(by_id[name] for name in dict.fromkeys(order) if name in by_id)


def _environment(folders: list[Path]) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([str(folder) for folder in folders]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=_tidied,
    )  # fmt: skip
    environment.globals = {"draw": _drawn, "words": {verdict.value: word for verdict, word in wording.WORDS.items()}}
    return environment


def _tidied(value: Any) -> Any:
    """Last line against control and direction characters, whatever put them on the page."""
    return tidy_text(value, longest=10_000) if type(value) is str else value


def _drawn(figure: Figure) -> Markup:
    return Markup(draw(figure))  # noqa: S704  (escaped by charts.svg, checked by finish)


def _section(environment: ImmutableSandboxedEnvironment, one: Section) -> str:
    template = environment.select_template([f"sections/{one.id}.html.j2", "sections/section.html.j2"])
    return template.render(section=one)


def _css(folders: list[Path], layout: str) -> Markup:
    path = next((folder / "page.css" for folder in folders if (folder / "page.css").is_file()), None)
    if path is None:
        raise BadInput("no page.css", where=f"layout '{layout}'", expected="a style sheet")
    text = path.read_text(encoding="utf-8")
    active = next((word for word in _NO_CSS if word in text.lower()), None)
    if active:
        raise BadInput(
            f"'{active}' in the style sheet", where=str(path), expected="plain rules without outside sources"
        )
    return Markup(text)  # noqa: S704  (checked above)


class _Seen(HTMLParser):
    """Collects ids, and names the first thing that acts or asks for something outside."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.active = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            outside = name in ("src", "srcset", "data", "action", "poster") or (
                name in ("href", "xlink:href") and not (value or "").startswith("#")
            )
            if name.startswith("on") or outside:
                self.active = self.active or f'<{tag} {name}="...">'
        if tag in ("script", "iframe", "object", "embed", "link", "base", "form", "img", "foreignobject"):
            self.active = self.active or f"<{tag}>"


def _check(html: str, page: Page, layout: str, bodies: dict[str, Markup]) -> None:
    seen = _Seen()
    seen.feed(html)
    where = f"layout '{layout}'"
    if seen.active:
        raise BadInput(f"{seen.active} in the page", where=where, expected="nothing that acts or asks outside")
    missing = [one.id for one in page.sections if one.required and one.id not in seen.ids]
    if missing:
        raise BadInput(f"no section '{missing[0]}' in the page", where=where, expected="every required section")
    twice = {one for one in seen.ids if seen.ids.count(one) > 1}
    if twice:
        raise BadInput(f"the id '{min(twice)}' twice", where=where, expected="every id once")
    size = len(html.encode())
    if size > MOST_BYTES:
        parts = ", ".join(f"{name} {len(body.encode()):,}" for name, body in bodies.items())
        raise BadInput(f"a page of {size:,} bytes ({parts})", where=where, expected=f"at most {MOST_BYTES:,} bytes")
