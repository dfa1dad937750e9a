"""Real exports through the whole loop: import, work until idle, look at what is left.

    python bench/real_feedback.py FILE… [--database URL]

Each file is imported by the real command into a new installation (an embedded database, unless a URL names an empty
one), then `cxloop work --until-idle` reads all of it. Prints one JSON object. Beside each figure stands a floor of
the same run on the same machine: for the import, the same rows parsed and inserted bare by sqlite3, one transaction
a file; for the work, the same texts read by the tagger alone. A ratio is our seconds over the floor's.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from cxloop import paths
from cxloop.tagging.model import OnnxTagger
from cxloop.tagging.tagger import Text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--database", default="", help="URL of an empty database; default: an embedded one")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(asked.files, asked.database, Path(folder)), indent=1))


def measure(files: list[Path], database: str, folder: Path) -> dict[str, Any]:
    environment = os.environ | {"CXLOOP_DATA": str(folder / "data"), "CXLOOP_DATABASE_URL": database}
    environment.setdefault("CXLOOP_SECRET_KEY", "b" * 40)

    def cxloop(*arguments: str) -> tuple[str, float]:
        began = time.perf_counter()
        command = [sys.executable, "-m", "cxloop", *arguments]
        done = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout, time.perf_counter() - began

    cxloop("migrate")
    imports = {}
    for file in files:
        said, seconds = cxloop("import", str(file.resolve()), "--kind", "other", "--source", file.stem)
        imports[file.name] = {"seconds": round(seconds, 2), "summary": said.strip().splitlines()[-3:]}
    work, working = cxloop("work", "--until-idle")
    status = json.loads(cxloop("status", "--json")[0])
    texts = [json.loads(line) for line in cxloop("export", "feedback", "--format", "jsonl")[0].splitlines()]
    importing = sum(entry["seconds"] for entry in imports.values())
    inserting = floor_of_import(texts, folder / "floor.sqlite3")
    tagging = floor_of_work([row["text"] for row in texts if row.get("text")])
    return {
        "database": database.partition("://")[0] or "sqlite",
        "imports": imports,
        "import": {
            "seconds": round(importing, 1),
            "floor": round(inserting, 2),
            "ratio": round(importing / inserting, 1),
        },
        "work": {"seconds": round(working, 1), "floor": round(tagging, 1), "ratio": round(working / tagging, 2)},
        "worked": dict(line.split(": ") for line in work.strip().splitlines()),
        "status": status,
    }


def floor_of_import(rows: list[dict[str, Any]], file: Path) -> float:
    """Seconds to put the same rows into a bare table with the same unique key."""
    began = time.perf_counter()
    with sqlite3.connect(file) as connection:
        connection.execute(
            "CREATE TABLE feedback "
            "(id INTEGER PRIMARY KEY, source, external_id, text, score, said, UNIQUE (source, external_id))"
        )
        values = [
            (row.get("source"), row.get("external_id"), row.get("text"), row.get("score"), row.get("occurred_at"))
            for row in rows
        ]
        connection.executemany(
            "INSERT INTO feedback (source, external_id, text, score, said) VALUES (?, ?, ?, ?, ?)", values
        )
    return time.perf_counter() - began


def floor_of_work(texts: list[str]) -> float:
    """Seconds for the tagger alone, one text at a time, on one thread."""
    tagger = OnnxTagger(paths.model_folder())
    began = time.perf_counter()
    for text in texts:
        tagger.suggest([Text(text)])
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
