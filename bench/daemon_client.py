# DaemonClient: the connection of a benchmark to the spigrpd that it has started: bench/control.py's and
# bench/wire_gateway.py's.
import json
import socket
import time


class DaemonClient:
    """`process` and `folder`, with the daemon's socket and log, are the subclass's; `program` is what messages begin with."""
    program = "bench"
    start_limit_s = 30

    def connect(self):
        deadline = time.monotonic() + self.start_limit_s
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(str(self.folder / "sock"))
                self.file = self.socket.makefile("rb")
                self.call("status")
                return
            except (FileNotFoundError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{self.program}: spigrpd does not start: " + (self.folder / "log").read_text())
                time.sleep(0.02)

    def call(self, method, **params):
        self.socket.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode() + b"\n")
        line = self.file.readline()
        if not line:
            raise ConnectionResetError
        answer = json.loads(line)
        if "error" in answer:
            raise SystemExit(f"{self.program}: {method}: {answer['error']['message']}")
        return answer["result"]
