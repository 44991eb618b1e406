# Other generators than our own for bench/wire.py, and what runs out of a capture file.
import struct
import time


def write_capture(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame)


def until_quiet(receiver, expected, quiet_s=0.05, limit_s=10):
    """All frames that come: at least as many as expected, or until the limit, and then until none has come for a while."""
    frames, last, began = [], time.monotonic(), time.monotonic()
    while time.monotonic() - (last if len(frames) >= expected else began) < (quiet_s if len(frames) >= expected else limit_s):
        new = receiver.frames()
        if new:
            frames, last = frames + new, time.monotonic()
    return frames


def worker_rate(gateway, seconds):
    """Packets a second by the worker's own counters, its busy cycles for each, and what it dropped."""
    time.sleep(min(0.2, seconds))
    before, began = gateway.counters(), time.monotonic()
    time.sleep(seconds)
    after, spent = gateway.counters(), time.monotonic() - began
    received = after["received"] - before["received"]
    return (received / spent, (after["busy_cycles"] - before["busy_cycles"]) / max(1, received),
            grown(before["dropped"], after["dropped"]))


def grown(before, after):
    """Of counters by name: those that count more now, and how much."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}
