# One of the soak's gateways as those who edit it see it: the daemon, and a model of its state, line by line as `save`
# shows it. Each edit says beforehand what it takes away and adds, so that after a kill every one that was not answered
# can be found to be made, or not made, and nothing in between.
import collections
import contextlib
import json
import socket
import threading

import lab

ANSWER_LIMIT_S = 60


class Cut(Exception):
    """The daemon went away before it answered."""


class Connection:
    """One client of the control socket."""

    def __init__(self, path, limit_s=ANSWER_LIMIT_S):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(limit_s)
        self.last_id, self.lines = 0, None
        try:
            self.socket.connect(str(path))
        except OSError as error:
            self.close()
            raise Cut(str(error)) from error
        self.lines = self.socket.makefile("rb")

    def send(self, method, params=None):
        self.last_id += 1
        message = {"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params or {}}
        try:
            self.socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Cut(str(error)) from error

    def read(self):
        """The next line, of whatever it is."""
        try:
            line = self.lines.readline()
        except OSError as error:
            raise Cut(str(error)) from error
        if not line.endswith(b"\n"):
            raise Cut("closed")
        return json.loads(line)

    def ask(self, method, params=None):
        """(result, error); one of them is None."""
        self.send(method, params)
        answer = self.read()
        return answer.get("result"), answer.get("error")

    def get(self, method, params=None):
        result, error = self.ask(method, params)
        if error:
            raise lab.Refused(f"{method}: {error}")
        return result

    def pages(self, method, params=None, key="rows", limit=1000):
        cursor = 0
        while cursor is not None:
            page = self.get(method, {**(params or {}), "cursor": cursor, "limit": limit})
            yield from page[key]
            cursor = page["next"]

    def transaction(self, lines, end="commit"):
        """Command lines as one transaction; the error of what refused it, or None."""
        for method, params in (("begin", {}), ("lines", {"text": "\n".join(lines)}), (end, {})):
            error = self.ask(method, params)[1]
            if error:
                if method == "lines":
                    self.ask("abort")
                return error
        return None

    def wake(self):
        """For another thread: whoever waits for an answer is told that there is none."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        if self.lines:  # which holds the socket open
            self.lines.close()
        self.socket.close()


def without_numbers(line):
    """Of a saved SA, what it is, without how far it has counted."""
    words = line.split()
    for option in ("--sent", "--received", "--made-at"):
        if option in words:
            at = words.index(option)
            del words[at:at + 2]
    return " ".join(words)


class Edit:
    def __init__(self, removed, added, settle):
        self.removed, self.added, self.settle = frozenset(removed), frozenset(added), settle
        self.cut, self.resolved, self.made = threading.Event(), threading.Event(), None

    def is_in(self, lines):
        return self.added <= lines and not self.removed & lines

    def is_not_in(self, lines):
        return self.removed <= lines and not self.added & lines


class SoakGateway:
    def __init__(self, side, daemon, findings):
        self.side, self.daemon, self.findings = side, daemon, findings
        self.model, self.pending, self.lock = set(), set(), threading.Lock()
        self.up = threading.Event()
        self.own = threading.local()
        self.life = 0
        self.counts = collections.Counter()  # of edits: made, refused, cut

    def connection(self):
        """Of this thread, in this life."""
        if getattr(self.own, "life", None) != self.life:
            self.forget_connection()
            self.own.connection, self.own.life = Connection(self.daemon.socket_path), self.life
        return self.own.connection

    def forget_connection(self):
        if getattr(self.own, "connection", None):
            self.own.connection.close()
        self.own.connection = self.own.life = None

    def edit(self, request, removed=(), added=(), settle=lambda made: None):
        """request(gateway) makes the edit and returns an error or None. Whoever finds out calls settle(made), before
        packets flow on. Returns whether it was made."""
        self.up.wait()
        edit = Edit(removed, added, settle)
        with self.lock:
            self.pending.add(edit)
        try:
            error = request(self)
        except Cut:
            self.forget_connection()
            self.counts["cut"] += 1
            edit.cut.set()
            if not edit.resolved.wait(ANSWER_LIMIT_S):
                self.findings.add("silence", f"{self.side.name}: a connection ended, and it was no kill")
                raise
            return edit.made
        with self.lock:
            self.pending.discard(edit)
            if error is None:
                self.model -= edit.removed
                self.model |= edit.added
        edit.settle(error is None)
        if error is not None:
            self.findings.add("edits refused", f"{self.side.name}: {error}")
        self.counts["made"] += error is None
        return error is None

    def lines(self, lines, removed=(), added=(), settle=lambda made: None):
        return self.edit(lambda gateway: gateway.connection().transaction(lines), removed, added, settle)

    def refused(self, request, expected):
        """An edit that must be refused in these words, and change nothing."""
        self.up.wait()
        try:
            error = request(self)
        except Cut:
            self.forget_connection()
            self.counts["cut"] += 1
            return
        if error is None or expected not in json.dumps(error):
            self.findings.add("edits not refused", f"{self.side.name}: {expected!r} expected, answer: {error}")
        else:
            self.counts["refused"] += 1

    def saved(self):
        connection = Connection(self.daemon.socket_path)
        try:
            return {without_numbers(line) for line in connection.pages("save", {"keys": True}, "lines", 10000)}
        finally:
            connection.close()

    def stats(self):
        connection = Connection(self.daemon.socket_path)
        try:
            return connection.get("stats")
        finally:
            connection.close()

    def resolve_cut(self):
        """After a restart: what is there must be the model, with each edit that was cut off or without it."""
        lines = self.saved()
        with self.lock:
            pending, self.pending = self.pending, set()
        for edit in pending:
            edit.made = edit.is_in(lines)
            if not edit.made and not edit.is_not_in(lines):
                self.findings.add("half an edit", f"{self.side.name}: there: {sorted(edit.added & lines)[:4]}, not there: "
                                  f"{sorted(edit.added - lines)[:4]}, not gone: {sorted(edit.removed & lines)[:4]}")
            if edit.made:
                self.model -= edit.removed
                self.model |= edit.added
        self.compare(lines)
        for edit in pending:
            edit.settle(edit.made)
            edit.resolved.set()
        return len(pending)

    def compare(self, lines):
        if lines != self.model:
            self.findings.add("state", f"{self.side.name}, life {self.life}: missing {hidden(self.model - lines)}, too much "
                              f"{hidden(lines - self.model)}")
            self.model = lines

    def resident_kib(self):
        with open(f"/proc/{self.daemon.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def hidden(lines):
    """How many, and the first few without their keys."""
    return f"{len(lines)}: " + "; ".join(line.split(" --enckey")[0].split(" --authkey")[0] for line in sorted(lines)[:5])
