#!/usr/bin/python3 -B
# Clients of the soak's gateways that change nothing, in a process of their own: listings by pages and `save`, which are
# checked for what must be in them and what must not; monitors that read, and monitors that never read.
#
# Is given a JSON object on a line, and ends when its input does; then it prints what it has found, as JSON.
import collections
import json
import random
import sys
import threading
import time

from findings import Findings
from soak_gateway import Connection, Cut

LISTS = ("sa", "group", "eroute", "interface", "address", "route", "neighbour", "path_mtu")


class Bystanders:
    def __init__(self, task):
        self.task, self.findings, self.counts = task, Findings(), collections.Counter()
        self.ending, self.opened = threading.Event(), set()
        self.chance = random.Random(task["seed"])

    def run(self):
        threads = [threading.Thread(target=self.repeat, args=(step, path), daemon=True)
                   for path in self.task["sockets"] for step in (self.look, self.read_events, self.do_not_read)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self.ending.set()
        for connection in list(self.opened):  # who waits for an event waits no more
            connection.wake()
        for thread in threads:
            thread.join(30)
        print(json.dumps({"counts": self.counts, "findings": self.findings.counts, "texts": self.findings.texts}))

    def repeat(self, step, path):
        while not self.ending.is_set():
            try:
                connection = Connection(path)
                self.opened.add(connection)
                try:
                    step(connection, path)
                finally:
                    self.opened.discard(connection)
                    connection.close()
            except Cut:
                time.sleep(0.05)
            except Exception as error:
                self.findings.add("bystanders", f"{step.__name__}: {error!r}")
                time.sleep(0.5)

    def look(self, connection, path):
        while not self.ending.is_set():
            if self.chance.random() < 0.3:
                keys = bool(self.chance.randrange(2))
                self.check_saved(list(connection.pages("save", {"keys": keys}, "lines", self.limit())), keys)
            else:
                kind = self.chance.choice(LISTS)
                self.check_rows(kind, list(connection.pages(f"{kind}.list", limit=self.limit())), path)
            self.counts["listings"] += 1
            time.sleep(0.02)

    def limit(self):
        return self.chance.choice((1, 7, 100, 1000)) if self.chance.random() < 0.1 else 500

    def check_rows(self, kind, rows, path):
        """What is there all the time is listed exactly once; what never was is not listed."""
        names = collections.Counter(row["id"] if kind == "sa" else row["members"][0] if kind == "group" else
                                    row["target"] if kind == "eroute" else json.dumps(row) for row in rows)
        if kind in ("sa", "group", "eroute"):
            wrong = {name: names[name] for name in self.task["always"][path] if names[name] != 1}
            strange = [name for name in names if name.startswith("esp.9")]
            if wrong or strange:
                self.findings.add("listings", f"{kind}: must be there once: {wrong}, never: {strange}")
        elif kind != "path_mtu" and not rows:
            self.findings.add("listings", f"{kind}: nothing is listed")

    def check_saved(self, lines, keys):
        """It shows one moment, so a set that is made and deleted as a whole is there as a whole or not at all."""
        sets = collections.Counter()
        for line in lines:
            if "@10.77.0.2" in line:
                name = line.split("@10.77.0.2")[0].rpartition(".")[2]
                sets[int(name, 16) >> 16] += 1
            if "@10.77.0.1" in line:
                self.findings.add("listings", f"save has what was never made: {line.split('key')[0]}")
        if any(count != self.task["set_lines"] for count in sets.values()):
            self.findings.add("listings", f"save has parts of sets: lines {dict(sets)}, not {self.task['set_lines']}")
        if len(set(lines)) != len(lines):
            self.findings.add("listings", "save has a line twice")
        if any("key 0x" in line for line in lines) != keys:
            self.findings.add("listings", f"save: keys asked for: {keys}, and the answer is otherwise")

    def read_events(self, connection, path):
        """Generations grow; what was not told is said to be lost."""
        connection.get("monitor", {})
        generation = 0
        while not self.ending.is_set():
            event = connection.read()["params"]
            self.counts["events"] += 1
            if event["event"] == "lost":
                self.counts["events lost"] += event["count"]
            elif event["event"] == "change":
                if event["generation"] <= generation:
                    self.findings.add("events", f"generation {event['generation']} after {generation}")
                generation = event["generation"]

    def do_not_read(self, connection, path):
        connection.get("monitor", {})
        self.counts["monitors that do not read"] += 1
        self.ending.wait(self.chance.uniform(1, 20))


if __name__ == "__main__":
    Bystanders(json.loads(sys.stdin.readline())).run()
