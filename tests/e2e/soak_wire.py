# Between the gateways, and behind each of them: the far ends of four memif ports, in one loop. It numbers packets and
# puts them into one gateway, looks at every frame on the wire to the other and hands it on, and knows each packet that
# comes out there. Only the loop's own thread touches rings; others see positions, or ask it to call something.
import pathlib
import queue
import random
import struct
import sys
import threading
import time

import peer
from gateway import plain
from soak_tunnels import LEAP, NEVER

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import memif  # the far end of a memif port
from memif import BUFFER_BYTES, DESCRIPTOR_BYTES, TAIL

MARKER = b"never in clear!!"  # begins every payload
NUMBER_AT = len(MARKER) + 4
SIZES = (64, 128, 80, 256, 576, 100, 1024, 1350)
FLOWS = 4  # of each tunnel
LOG2_TO_LAN, LOG2_TO_WAN, LOG2_FROM = 10, 12, 12
NOT_ABOVE = 1024  # frames that wait in a ring of the wire: more are not sent behind them, so that no ring overflows
IPV4, IPV6 = b"\x08\x00", b"\x86\xdd"
length_of, words_of, number_of = (struct.Struct(form).unpack_from for form in ("=I", ">II", ">IQ"))
put_length, put_number = struct.Struct("=I").pack_into, struct.Struct(">Q").pack_into


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class Flow:
    """One sender of the soak: its frame, and what must come out of the other gateway for it."""

    def __init__(self, index, tunnel, host):
        size, family = SIZES[index % len(SIZES)], tunnel.inner
        chance = random.Random(index)
        filler = size - (20 if family == 4 else 40) - NUMBER_AT - 8
        filler = (b"all work and no play " * 70)[:max(0, filler)] if index % 3 else chance.randbytes(max(0, filler))
        packet = plain(tunnel.source.host(family, tunnel.number, host), tunnel.destination.host(family, tunnel.number, host),
                       MARKER + struct.pack(">IQ", index, 0) + filler)
        out = peer.forwarded(peer.forwarded(packet))
        kind = IPV4 if family == 4 else IPV6
        self.number_at = 14 + (20 if family == 4 else 40) + NUMBER_AT
        source, destination = tunnel.source, tunnel.destination
        self.frame = mac_bytes(source.mac("lan")) + mac_bytes(source.mac("lan", ours=True)) + kind + packet
        arrives = mac_bytes(destination.mac("lan", ours=True)) + mac_bytes(destination.mac("lan")) + kind + out
        self.length, self.head, self.tail = len(arrives), arrives[:self.number_at], arrives[self.number_at + 8:]

    def sent_on(self, number):
        """The packet as the first gateway puts it into the tunnel."""
        packet = self.frame[14:self.number_at] + struct.pack(">Q", number) + self.frame[self.number_at + 8:]
        return peer.forwarded(packet)


class Ports:
    """The two memif ports of one gateway, in one life of it."""

    def __init__(self, folder):
        self.lan, self.wan = (memif.Port(str(folder / f"{name}.sock"), number, log2, LOG2_FROM)
                              for number, (name, log2) in enumerate((("lan", LOG2_TO_LAN), ("wan", LOG2_TO_WAN))))
        self.put = {"lan": 0, "wan": 0}    # frames given to the gateway
        self.taken = {"lan": 0, "wan": 0}  # frames it gave

    def close(self):
        self.lan.close()
        self.wan.close()

    def waiting(self):
        """Frames that the gateway has not taken yet, and those it has sent that have not been looked at."""
        return sum(port.sender.ring.size - port.sender.room() for port in (self.lan, self.wan)) + sum(
            (port.receiver.words[TAIL // 2] - port.receiver.given_back) & 0xffff for port in (self.lan, self.wan))

    def not_taken(self, name):
        sender = getattr(self, name).sender
        return sender.ring.size - sender.room()


class Direction:
    """All that goes from one gateway to the other."""

    def __init__(self, name, findings):
        self.name, self.findings = name, findings
        self.flows, self.seen = [], {}
        self.source = self.destination = None  # Ports
        self.sent, self.delivered_count, self.delivered = 0, 0, bytearray()
        self.carried = self.to_nobody = self.others = 0
        self.kills = 0  # of the gateway that sends
        self.mark = None  # (receiver, frames of the wire before its `word`, word): replaced as a whole
        self.samples, self.sample_at = queue.SimpleQueue(), 0

    def connect(self, source, destination):
        self.source, self.destination = source, destination
        if source:
            source.lan.sender.load([flow.frame for flow in self.flows])
            at = source.lan.sender.ring.buffers_at
            self.number_at = [at + slot * BUFFER_BYTES + self.flows[slot % len(self.flows)].number_at
                              for slot in range(source.lan.sender.ring.size)]
            self.mark = (source.wan.receiver, self.carried, source.wan.receiver.given_back)

    def position(self):
        """How many frames the first gateway has put on the wire by now; any thread may ask."""
        receiver, before, word = self.mark
        return before + ((receiver.words[TAIL // 2] - word) & 0xffff)

    def undelivered(self, first, end):
        return end - first - self.delivered.count(1, first, end)

    def send(self):
        """New packets, as many as find room."""
        source, port = self.source, self.source.lan
        sender = port.sender
        if source.not_taken("lan") >= NOT_ABOVE or self.destination.not_taken("wan") >= NOT_ABOVE:
            return 0
        room, mask, memory, places, number = sender.room(), sender.ring.mask, port.memory, self.number_at, self.sent
        for slot in range(sender.head, sender.head + room):
            put_number(memory, places[slot & mask], number)
            number += 1
        self.delivered.extend(bytes(room))
        self.sent = number
        source.put["lan"] += room
        sender.send(room)
        return room

    def carry(self):
        """What is on the wire, looked at and handed on: to nobody where the second gateway is dead."""
        port = self.source.wan
        receiver, memory, ring = port.receiver, port.memory, port.receiver.ring
        first = receiver.given_back
        count = (receiver.words[TAIL // 2] - first) & 0xffff
        to = self.destination.wan if self.destination else None
        if to:
            count = min(count, to.sender.room())
            to_memory, head, to_ring = to.memory, to.sender.head, to.sender.ring
        if not count:
            return 0
        for index in range(count):
            slot = (first + index) & ring.mask
            length = length_of(ring.descriptors, slot * DESCRIPTOR_BYTES + 4)[0]
            at = ring.buffers_at + slot * BUFFER_BYTES
            frame = memory[at:at + length]
            self.look(frame, self.carried + index)
            if to:
                slot = (head + index) & to_ring.mask
                at = to_ring.buffers_at + slot * BUFFER_BYTES
                to_memory[at:at + length] = frame
                put_length(to_ring.descriptors, slot * DESCRIPTOR_BYTES + 4, length)
        if to:
            to.sender.send(count)
            self.destination.put["wan"] += count
        else:
            self.to_nobody += count
        self.source.taken["wan"] += count
        self.carried += count
        receiver.seen = (first + count) & 0xffff
        receiver.give_back()
        self.mark = (receiver, self.carried, receiver.given_back)
        return count

    def look(self, frame, position):
        """One frame on the wire: protected by what may be in force, with numbers that were not used."""
        if MARKER in frame:
            self.findings.add("bare", lambda: f"{self.name}, frame {position}: {frame[:120].hex()}")
        kind = frame[12:14]
        if kind == IPV4:
            protocol, at, addresses = frame[23], 34, frame[26:34]
        elif kind == IPV6:
            protocol, at, addresses = frame[20], 54, frame[22:54]
        else:
            self.others += 1
            return
        if protocol == 50:
            spi, number = words_of(frame, at)
        elif protocol == 51:
            spi, number = words_of(frame, at + 4)
        else:
            self.findings.add("bare", lambda: f"{self.name}, frame {position}: protocol {protocol}: {frame[:120].hex()}")
            return
        seen = self.seen.get(spi)
        if seen is None or seen.protocol != protocol or seen.addresses != addresses:
            self.wrong(frame, position, seen, "no such SA")
            return
        first, until = seen.spans[-1]
        if not first <= position < until and not seen.may_be_at(position):
            self.wrong(frame, position, seen, f"may be there in {seen.spans}")
        if number == seen.last + 1:
            seen.last = number
        else:
            self.jump(seen, number, position)
        if protocol == 51:
            self.look_inside(frame, position, seen.inner, at)
        if position >= self.sample_at:
            self.samples.put((frame, seen.variant))
            self.sample_at = NEVER

    def look_inside(self, frame, position, inner, at):
        """The ESP behind an AH."""
        spi, number = words_of(frame, at + (frame[at + 1] + 2) * 4)
        if frame[at] != 50 or spi != inner.spi:
            self.wrong(frame, position, inner, f"next header {frame[at]}, SPI {spi:#x} behind the AH")
        elif number == inner.last + 1:
            inner.last = number
        else:
            self.jump(inner, number, position)

    def jump(self, seen, number, position):
        last = seen.last
        if not seen.jump(number):
            self.findings.add("number used twice", lambda: f"{self.name}, frame {position}: {seen.said}: {number}, last "
                              f"{last}")
        elif number > last:
            seen.left_out += number - last - 1
            if seen.left_out > (self.kills + seen.variant.renewals) * LEAP:
                self.findings.add("numbers left out", lambda: f"{self.name}, frame {position}: {seen.said}: {number} after "
                                  f"{last}; {self.kills} kills, {seen.variant.renewals} renewals")
        else:
            self.findings.add("numbers out of order", lambda: f"{self.name}, frame {position}: {seen.said}: {number} after "
                              f"{last}")

    def wrong(self, frame, position, seen, text):
        self.findings.add("wrong transforms", lambda: f"{self.name}, frame {position}: {seen and seen.variant}: {text}: "
                          f"{frame[:100].hex()}")

    def deliver(self):
        """What comes out of the second gateway's LAN."""
        frames = self.destination.lan.receiver.frames()
        for frame in frames:
            self.arrived(frame)
        self.destination.taken["lan"] += len(frames)
        return len(frames)

    def arrived(self, frame):
        at = 34 if frame[12:14] == IPV4 else 54
        at += len(MARKER)
        if len(frame) < at + 12:
            self.findings.add("strange packets", lambda: f"{self.name}: {frame.hex()}")
            return
        index, number = number_of(frame, at)
        flow = self.flows[index] if index < len(self.flows) else None
        if (flow is None or number >= self.sent or len(frame) != flow.length or not frame.startswith(flow.head)
                or not frame.endswith(flow.tail)):
            self.findings.add("strange packets", lambda: f"{self.name}: {frame.hex()}")
        elif self.delivered[number]:
            self.findings.add("twice", lambda: f"{self.name}: packet {number} of flow {index}")
        else:
            self.delivered[number] = 1
            self.delivered_count += 1


class Exchange:
    """The loop. `out` goes from the near gateway to the far one, `back` the other way."""

    def __init__(self, findings):
        self.out, self.back = Direction("out", findings), Direction("back", findings)
        self.near = self.far = None
        self.sending = self.ending = False
        self.asked = queue.SimpleQueue()

    def call(self, function, *words):
        """Has the loop call it between two rounds; returns what it returns."""
        done, answer = threading.Event(), []
        self.asked.put((function, words, answer, done))
        if not done.wait(60):
            raise RuntimeError("the exchange does not answer")
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    def connect(self, near, far):
        """Ports of the gateways; None for one that is dead."""
        self.near, self.far = near, far
        self.out.connect(near, far)
        self.back.connect(far, near)

    def near_died(self):
        """What it had sent is taken; returns its ports, which are not served any more."""
        while self.out.carry():
            pass
        while self.back.deliver():
            pass
        ports, self.near = self.near, None
        self.out.source = self.back.destination = None
        return ports

    def near_lives(self, ports):
        self.near = ports
        self.out.connect(ports, self.far)
        self.back.destination = ports

    def run(self):
        while not self.ending:
            moved = self.round()
            while not self.asked.empty():
                function, words, answer, done = self.asked.get()
                try:
                    answer.append(function(*words))
                except Exception as error:  # raised where it was asked for
                    answer.append(error)
                done.set()
            if not moved:
                time.sleep(0.0002)

    def round(self):
        moved = 0
        if self.far:
            moved += self.back.carry() + self.out.deliver()
        if self.near:
            moved += self.out.carry() + self.back.deliver()
            if self.sending:
                moved += self.out.send() + self.back.send()
        return moved
