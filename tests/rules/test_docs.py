import re
from pathlib import Path

import pytest

from app.errors import PostcardError
from tests.rules.write_docs import DOCS, PAGES, error_classes

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_generated_page_says_what_the_code_says(page: str) -> None:
    assert (DOCS / page).read_text() == PAGES[page](), "run `make docs`"


def test_every_error_has_its_own_slug_title_and_remedy() -> None:
    kinds = error_classes()
    assert len({kind.slug for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert kind.slug != PostcardError.slug
        assert kind.title
        assert kind.remedy.endswith(".")


def test_the_tree_in_the_docstring_names_every_error() -> None:
    from app import errors

    named = set(re.findall(r"[|`]-- (\w+)", errors.__doc__ or ""))
    assert named == {kind.__name__ for kind in error_classes()} | {"Rejected", "Unavailable", "Broken"}


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md"))]
    targets = [
        (page, target) for page in pages for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
    ]
    assert [
        f"{page.relative_to(ROOT)}: {target}"
        for page, target in targets
        if "://" not in target and not (page.parent / target).exists()
    ] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_no_page_names_a_machine() -> None:
    suspicious = re.compile(r"(?<!app)/work/|/root/|/home/\w|10\.255\.")
    tracked = [
        *ROOT.glob("*.md"),
        *DOCS.rglob("*.md"),
        *ROOT.glob("infra/**/*"),
        ROOT / "Dockerfile",
        ROOT / "Makefile",
    ]
    found = [str(page) for page in tracked if page.is_file() and suspicious.search(page.read_text(errors="ignore"))]
    assert found == []
