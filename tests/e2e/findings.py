# What a long test has found wrong, by kind: how often, and the first few in words. Threads add, the end reads.
import collections
import threading

SHOWN, TOLD = 6, 2


class Findings:
    def __init__(self, tell=None):
        self.tell = tell  # is called with the first two of each kind, when they are found
        self.lock = threading.Lock()
        self.counts, self.texts = collections.Counter(), collections.defaultdict(list)

    def add(self, kind, text, count=1):
        with self.lock:
            if len(self.texts[kind]) < TOLD and self.tell:
                self.tell(f"WRONG: {kind}: {text() if callable(text) else text}")
            self.counts[kind] += count
            if len(self.texts[kind]) < SHOWN:
                self.texts[kind].append(text() if callable(text) else text)

    def lines(self):
        for kind, texts in self.texts.items():
            yield f"{kind}: {self.counts[kind]}"
            yield from (f"    {text}" for text in texts)
            if self.counts[kind] > len(texts):
                yield "    ..."
