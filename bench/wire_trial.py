# One trial on the wire: frames into one memif port at a steady rate, and what comes out of the other counted, or timed.
# The order is kept (one worker), so the n-th frame out is of the n-th in: timing needs no stamp in a packet, which
# encryption would hide.
#
# The generator never makes up for what it did not send in time (it may itself have been kept from running): more than
# MAX_BURST frames at once are not sent, so a loss is never the echo of a pause here. The rate of a trial is what was
# offered, not what was wanted.
import array
import bisect
import dataclasses
import gc
import time

from memif import HEAD, TAIL

MAX_BURST = 64
STARVED_NS = 60_000_000_000  # the same where the worker has not taken everything yet
SETTLE_NS = 3_000_000_000  # nothing has come for so long, longer than a worker is kept from its core: nothing will


@dataclasses.dataclass
class Result:
    offered: int = 0
    received: int = 0        # packets, of which each may have come in several frames
    refused: int = 0         # that found the daemon's receive ring full, as a NIC's would be
    seconds: float = 0.0
    latencies: list = dataclasses.field(default_factory=list)  # (nanoseconds, packets), in the order of the former

    @property
    def rate(self):
        return self.offered / self.seconds if self.seconds else 0.0


class Path:
    """Frames from one port to the other; `frames_out` is how many come out for the frame of each slot of the ring."""

    def __init__(self, sender, receiver, frames, frames_out):
        self.sender, self.receiver = sender, receiver
        sender.load(frames)
        size = sender.ring.size
        self.out_by_slot = [frames_out[len(frames[slot % len(frames)])] for slot in range(size)]
        self.bytes_by_slot = [len(frames[slot % len(frames)]) for slot in range(size)]

    def cumulated(self):
        """Frames that have come out when 1, 2, … of the next ring's packets have."""
        first = self.sender.head & self.sender.ring.mask
        totals, total = [], 0
        for slot in range(len(self.out_by_slot)):
            total += self.out_by_slot[(first + slot) & self.sender.ring.mask]
            totals.append(total)
        return totals

    def may_come(self, silent_ns):
        """Whether there is something to wait for after such a silence: longer where the worker has not yet taken all."""
        return silent_ns < (SETTLE_NS if self.sender.room() == self.sender.ring.size else STARVED_NS)

    def settle(self):
        """What an earlier trial did not wait for is none of the next one's."""
        began = time.perf_counter_ns()
        while self.receiver.receive() or self.sender.room() < self.sender.ring.size:
            if time.perf_counter_ns() - began > STARVED_NS:
                raise SystemExit("bench/wire.py: the gateway takes no packets")
            time.sleep(0.001)

    def steady(self, rate, seconds, timed=False):
        """Offers `rate` packets a second. Ends at the first that is refused."""
        self.settle()
        totals, result = self.cumulated(), Result()
        gc.disable()
        try:
            stamps = self.offer(rate / 1e9, int(seconds * 1e9), timed, totals, result)
        finally:
            gc.enable()
        if timed and result.received == result.offered:
            result.latencies = latencies(*stamps, totals)
        return result

    def offer(self, per_ns, length_ns, timed, totals, result):
        words, mask, size = self.sender.words, 0xffff, self.sender.ring.size
        receive, clock, head = self.receiver.receive, time.perf_counter_ns, self.sender.head
        sent = came = 0
        sent_count, sent_at, came_count, came_at = (array.array("q") for _ in range(4))
        begin = base = now = clock()
        while now - begin < length_ns:
            due = int((now - base) * per_ns) - sent
            if due > 0:
                if due > MAX_BURST:
                    base += int((due - MAX_BURST) / per_ns)
                    due = MAX_BURST
                room = size - ((head - words[TAIL // 2]) & mask)
                if due > room:
                    result.refused = due - room
                    break
                head = (head + due) & mask
                words[HEAD // 2] = head
                sent += due
                if timed:
                    sent_count.append(sent)
                    sent_at.append(now)
            count = receive()
            if count:
                came += count
                if timed:
                    came_count.append(came)
                    came_at.append(clock())
            now = clock()
        self.sender.head = head
        result.offered, result.seconds = sent, (now - begin) / 1e9
        expected, last = frames_of(sent, totals), clock()
        while came < expected and self.may_come(clock() - last):
            count = receive()
            if count:
                came, last = came + count, clock()
                if timed:
                    came_count.append(came)
                    came_at.append(last)
        result.received = packets_of(came, totals)
        return sent_count, sent_at, came_count, came_at

    def flood(self, seconds):
        """Keeps the daemon's receive ring full. Nothing is lost: what finds no room waits here. Returns packets a
        second, of those that came out."""
        self.settle()
        totals, result, words = self.cumulated(), Result(), self.sender.words
        size, receive, clock = self.sender.ring.size, self.receiver.receive, time.perf_counter_ns
        begin, came, sent = clock(), 0, 0
        while clock() - begin < seconds * 1e9:
            room = size - ((self.sender.head - words[TAIL // 2]) & 0xffff)
            if room:
                self.sender.send(room)
                sent += room
            came += receive()
        result.seconds, result.offered = (clock() - begin) / 1e9, sent
        in_time, last, expected = came, clock(), frames_of(sent, totals)
        while came < expected and self.may_come(clock() - last):
            count = receive()
            if count:
                came, last = came + count, clock()
        result.received = packets_of(came, totals)
        return packets_of(in_time, totals) / result.seconds, result

    def burst(self, count):
        """Sends `count` packets at once, and nothing behind them. Returns when the first and the last had come, in ns;
        None where one has not."""
        expected, receive, clock = frames_of(count, self.cumulated()), self.receiver.receive, time.perf_counter_ns
        came, first = 0, None
        begin = clock()
        self.sender.send(count)
        while came < expected:
            new = receive()
            now = clock() - begin
            if new:
                came += new
                first = first or now
            elif not self.may_come(now):
                return None
        return first, now


def frames_of(packets, totals):
    whole, part = divmod(packets, len(totals))
    return whole * totals[-1] + (totals[part - 1] if part else 0)


def packets_of(frames, totals):
    whole, part = divmod(frames, totals[-1])
    return whole * len(totals) + bisect.bisect_right(totals, part)


def latencies(sent_count, sent_at, came_count, came_at, totals):
    """(ns, packets) in order of ns. A group of packets that was sent together and seen together is one entry."""
    counted, sending, done = {}, 0, 0
    for frames, at in zip(came_count, came_at):
        packets = packets_of(frames, totals)
        while done < packets:
            upto = min(packets, sent_count[sending])
            spent = at - sent_at[sending]
            counted[spent] = counted.get(spent, 0) + upto - done
            done = upto
            if done == sent_count[sending]:
                sending += 1
    return sorted(counted.items())
