# A steady stream of packets from a thread of its own, so that a test can edit the gateway while packets flow.
import threading
import time


class Stream:
    """Sends `packet(number)` into a wire, `rate` a second, from start to stop. Each number is sent once."""

    def __init__(self, wire, packet, rate=2000):
        self.wire, self.packet, self.rate = wire, packet, rate
        self.sent = 0
        self.error = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.send, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *problem):
        self.ending.set()
        self.thread.join()
        if self.error:
            raise self.error

    def send(self):
        start = time.monotonic()
        try:
            while not self.ending.is_set():
                due = int((time.monotonic() - start) * self.rate)
                # After a pause of ours (one processor, many tests) the port's ring must not be flooded.
                for _ in range(min(due - self.sent, 64)):
                    self.wire.send(self.packet(self.sent))
                    self.sent += 1
                if due - self.sent > 64:
                    start = time.monotonic() - self.sent / self.rate
                time.sleep(0.001)
        except Exception as error:  # shown by the test's own thread
            self.error = error


class Sink(threading.Thread):
    """Collects what comes out of a wire, so that no socket buffer overflows while a test does other things."""

    def __init__(self, wire):
        super().__init__(daemon=True)
        self.wire = wire
        self.collected = []
        self.ending = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *problem):
        self.ending.set()
        self.join()

    def run(self):
        while not self.ending.is_set():
            self.collected += self.wire.packets()
            time.sleep(0.002)
        self.collected += self.wire.packets()
