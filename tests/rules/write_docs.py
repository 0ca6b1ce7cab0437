"""Writes the generated pages of docs/ from the code: settings, errors, limits. ``make docs`` runs it; a test compares."""

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

from app import errors
from app.limits import floors, operators, profiles
from app.settings import Settings, known_variables

DOCS = Path(__file__).parents[2] / "docs"
_MADE = "<!-- Written by `make docs` from the code; change the code, not this page. -->\n"


def settings_page() -> str:
    """All settings, section by section."""
    lines = [
        "# Settings",
        "",
        _MADE,
        "Environment variables; a `.env` file in the working folder is read too, the environment wins. All mistakes are "
        "reported together at start; an unknown `POSTCARD_` variable is a warning. Secrets have no default: `postcard run` "
        "makes its own once, mode 0600, in the data folder.",
        "",
        "AWS credentials are found as boto3 finds them: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, a profile, or the "
        "role of the instance.",
    ]
    hints = get_type_hints(Settings)
    for section in dataclasses.fields(Settings):
        kind = hints[section.name]
        lines += ["", f'<a id="{section.name}"></a>', f"## {section.name}", "", inspect.getdoc(kind) or "", ""]
        lines += ["| variable | default | meaning |", "|---|---|---|"]
        for name, (section_name, each) in known_variables().items():
            if section_name == section.name:
                lines.append(f"| `{name}` | {_default(each)} | {each.metadata['doc']} |")
    return "\n".join(lines) + "\n"


def _default(each: "dataclasses.Field[Any]") -> str:
    value = each.default
    if each.metadata["secret"] and not value:
        return "none"
    if value in {"", ()}:
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(value)}`" if isinstance(value, tuple) else f"`{value}`"


def error_classes() -> list[type[errors.PostcardError]]:
    """Every error that can reach a caller, in the order of the module."""
    families = {errors.PostcardError, errors.Rejected, errors.Unavailable, errors.Broken}
    return [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PostcardError) and kind not in families
    ]


def errors_page() -> str:
    """Every error with its title, what it means and what to do."""
    lines = [
        "# Errors",
        "",
        _MADE,
        "Every answer that is not a success is `application/problem+json` (RFC 9457): `type` ends with the name of the error "
        "below, `title` and `detail` say what happened, `remedy` what to do, and further fields carry the facts. Pages show the "
        "same words. Errors of the family *Rejected* are the caller's to mend and are never retried; *Unavailable* may pass by "
        "itself; *Broken* is Postcard's own and raises an alarm.",
    ]
    for kind in error_classes():
        family = next(base.__name__ for base in kind.__mro__ if base in errors.PostcardError.__subclasses__())
        lines += [
            "",
            f'<a id="{kind.slug}"></a>',
            f"## {kind.slug}",
            "",
            f"**{kind.title}** ({family}). {inspect.getdoc(kind)}",
        ]
        lines += ["", f"What to do: {kind.remedy}"]
    return "\n".join(lines) + "\n"


def limits_page() -> str:
    """Profiles and operators with source and date."""
    lines = [
        "# Limits",
        "",
        _MADE,
        "Figures are starting data, not law; an admin edits an operator with `PUT /operators/{id}`. A limit is for the whole "
        "message: every part, text and headers. Postcard keeps 4,096 bytes of it for text and headers, so a lone picture may "
        "have the rest.",
        "",
        "Without a known operator, `auto` takes the smallest limit among the operators of the recipient's country and the kind "
        "of sender. An operator without a profile for the kind of sender counts with universal, also for those recipients: name "
        "its profiles when you add one. A profile is never more than the operator takes: the largest within that takes the place "
        "of a larger one.",
        "",
        "## Profiles",
        "",
        "| profile | bytes | side, px | for | source | date |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f'| <a id="{profile.name}"></a>{profile.name} | {profile.max_bytes:,} | {profile.side_pixels:,} '
        f"| {profile.purpose} | {profile.source} | {profile.dated} |"
        for profile in profiles().values()
    ]
    lines += [
        "",
        "## Floors",
        "",
        "What nothing is made worse than. What does not fit above them is refused, with what to choose instead.",
        "",
        "| floor | value | for | source | date |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.name} | {each.value:g} {each.unit} | {each.purpose} | {each.source} | {each.dated} |"
        for each in floors().values()
    ]
    lines += [
        "",
        "## Operators",
        "",
        "| id | name | country | OpenMarket id | bytes | side, px | profile by kind of sender | source | date |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in operators().values():
        kinds = ", ".join(f"{kind}: {name}" for kind, name in each.profile_by_kind.items())
        lines.append(
            f"| {each.id} | {each.name} | {each.country} | {each.openmarket_id or 'unknown'} | {each.max_bytes:,} "
            f"| {each.side_pixels or 'as the profile'} | {kinds} | {each.source} | {each.dated} |"
        )
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "limits.md": limits_page,
}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (DOCS / page).write_text(write())
