"""A worker in a process of its own that says what it does, so that a test can begin, and kill, at the right moment.

`python actor.py notices|tagging`: says "ready", waits for a line on standard input, then works until nothing is due.
The tagger is a fake that says each text before it reads it. Ends with a line "done N".
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cxloop import drains
from cxloop.cli.installation import ready_app
from cxloop.tagging.tagger import Suggestion, Text
from tests.fakes import FakeTagger

JOBS = {"notices": drains.drain_notices, "tagging": drains.drain_tagging}


class TellingTagger(FakeTagger):
    def suggest(self, texts: Sequence[Text]) -> list[Suggestion]:
        for text in texts:
            print(text.text, flush=True)
        return super().suggest(texts)


def main() -> None:
    app = ready_app()
    kit = drains.Kit.of(app)
    kit.load_tagger = TellingTagger
    print("ready", flush=True)
    sys.stdin.readline()
    done = 0
    with app.app_context():
        while count := JOBS[sys.argv[1]](kit):
            done += count
    print("done", done, flush=True)


if __name__ == "__main__":
    main()
