"""Where the parts that are not Python modules of the package are: the checkout's top level, or the wheel's bundle.

The wheel carries `templates/`, `migrations/`, `models/tagger/`, `config.py` and `wsgi.py` in `cxloop/_bundle`
(force-include in pyproject.toml); a checkout, also an editable install, has them beside the package.
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from cxloop.errors import CxloopError

_PACKAGE = Path(__file__).resolve().parent


def top() -> Path:
    """The folder that holds templates, migrations, models, config.py and wsgi.py."""
    bundle = _PACKAGE / "_bundle"
    return bundle if bundle.is_dir() else _PACKAGE.parent


def templates() -> Path:
    return top() / "templates"


def migrations() -> Path:
    return top() / "migrations"


def tagger_models() -> Path:
    """The folder with one sub-folder per shipped version of the tagger."""
    return top() / "models" / "tagger"


def model_folder(name: str | None = None) -> Path:
    """The folder of the tagger that serves: `name` (a path, or a shipped version), else the newest shipped one.

    Raises CxloopError if there is none.
    """
    if name:
        for folder in (Path(name), tagger_models() / name):
            if folder.is_dir():
                return folder
        raise CxloopError(f"No tagger at {name!r}: set CXLOOP_MODEL to a folder that holds a manifest.json.")
    shipped = sorted(path.parent for path in tagger_models().glob("*/manifest.json"))
    if not shipped:
        raise CxloopError(f"No tagger under {tagger_models()}: make one with `cxloop model train`.")
    return shipped[-1]


def load_config() -> Any:
    """The class `Config` of config.py, whichever folder Python was started from."""
    if "config" in sys.modules and hasattr(sys.modules["config"], "Config"):
        return sys.modules["config"].Config
    spec = importlib.util.spec_from_file_location("config", top() / "config.py")
    if spec is None or spec.loader is None:
        raise CxloopError(f"No config.py in {top()}: the installation is not complete, install cxloop again.")
    module = importlib.util.module_from_spec(spec)
    sys.modules["config"] = module
    spec.loader.exec_module(module)
    return module.Config


def data_folder(configured: str | os.PathLike[str]) -> Path:
    """The installation's own folder, made if absent, readable by its owner only."""
    folder = Path(configured).expanduser().resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
