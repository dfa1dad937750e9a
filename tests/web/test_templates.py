"""What the strict Content-Security-Policy and the vendoring ask of every template and static file."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OUR_FILES = [*TEMPLATES, *sorted((ROOT / "cxloop/static").glob("[cj]s*/*"))]
VENDOR = ROOT / "cxloop/static/vendor"


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_a_template_carries_no_inline_style_handler_or_script(path: Path) -> None:
    markup = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"\sstyle\s*=|<style|\son[a-z]+\s*=|hx-on|javascript:|\bjs:", markup)
    for script in re.findall(r"<script\b[^>]*>(?s:.*?)</script>", markup):
        assert 'nonce="{{ csp_nonce() }}"' in script, script
        assert "src=" in script, script


@pytest.mark.parametrize("path", TEMPLATES, ids=named)
def test_every_form_that_posts_carries_the_csrf_token(path: Path) -> None:
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", path.read_text(encoding="utf-8"), flags=re.DOTALL):
        assert "csrf()" in form, form


@pytest.mark.parametrize("path", OUR_FILES, ids=named)
def test_a_page_loads_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(?:src|href|action)=[\"'](?:https?:)?//|url\([\"']?(?:https?:)?//|@import", text)


def test_vendored_files_are_the_ones_whose_checksum_is_written_down() -> None:
    listed = dict(re.findall(r"\| `([^`]+)` \|[^|]*\| `([0-9a-f]{64})` \|", (VENDOR / "README.md").read_text()))
    found = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*.min.*")}
    assert set(listed) == found
    for name, digest in listed.items():
        assert sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_every_vendored_folder_has_its_licence() -> None:
    assert all((folder / "LICENSE").is_file() for folder in VENDOR.iterdir() if folder.is_dir())
