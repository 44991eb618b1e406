# The far end of a memif port, in Python alone: packets through memory shared with the daemon, by the memif protocol,
# version 2.0, as its client. The daemon's port is "net_memif0,role=server,id=N,socket=PATH,socket-abstract=no".
#
# The frames that are sent lie in the buffers before the first leaves, so that sending N is one store, and so is
# receiving: that is how an interpreter keeps up with a worker. One queue each way; a frame is in one buffer.
import array
import fcntl
import mmap
import os
import socket
import struct
import time

COOKIE, VERSION = 0x3E31F20, 0x200
ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)
MESSAGE_BYTES = 128
RING_TO_DAEMON, RING_FROM_DAEMON = 1, 0  # flag of ADD_RING
NO_INTERRUPTS = 1                         # flag of a ring: both ends poll
HEAD, TAIL, DESCRIPTORS, DESCRIPTOR_BYTES = 6, 64, 128, 16
BUFFER_BYTES = 2048
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 2


class Refused(Exception):
    """The daemon's end does not want us."""


class Ring:
    """One ring of descriptors and its buffers. Head and tail count modulo 65536; this end moves the head, either way."""

    def __init__(self, memory, offset, buffers_at, log2_size):
        self.offset, self.buffers_at, self.log2_size = offset, buffers_at, log2_size
        self.size, self.mask = 1 << log2_size, (1 << log2_size) - 1
        view = memoryview(memory)
        self.words = view[offset:offset + DESCRIPTORS].cast("H")
        self.descriptors = view[offset + DESCRIPTORS:offset + self.bytes_of(log2_size)]
        self.buffers = view[buffers_at:buffers_at + self.size * BUFFER_BYTES]
        struct.pack_into("=IHH", memory, offset, COOKIE, NO_INTERRUPTS, 0)
        self.empty = b"".join(self.descriptor(slot, BUFFER_BYTES) for slot in range(self.size))
        self.descriptors[:] = self.empty

    @staticmethod
    def bytes_of(log2_size):
        return DESCRIPTORS + (DESCRIPTOR_BYTES << log2_size)

    def descriptor(self, slot, length):
        return struct.pack("=HHIII", 0, 0, length, self.buffers_at + slot * BUFFER_BYTES, 0)


class Sender:
    """The ring to the daemon. The daemon moves the tail over what it has taken."""

    def __init__(self, ring):
        self.ring, self.words = ring, ring.words
        self.head = 0

    def load(self, frames):
        """Fills all buffers with the frames in turn; slot 0 has the first. Nothing may be on its way."""
        for slot in range(self.ring.size):
            frame = frames[slot % len(frames)]
            self.ring.buffers[slot * BUFFER_BYTES:slot * BUFFER_BYTES + len(frame)] = frame
            self.ring.descriptors[slot * DESCRIPTOR_BYTES:(slot + 1) * DESCRIPTOR_BYTES] = \
                self.ring.descriptor(slot, len(frame))

    def room(self):
        return self.ring.size - ((self.head - self.words[TAIL // 2]) & 0xffff)

    def send(self, count):
        self.head = (self.head + count) & 0xffff
        self.words[HEAD // 2] = self.head


class Receiver:
    """The ring from the daemon, which moves the tail over what it has filled; this end gives buffers back."""

    def __init__(self, ring):
        self.ring, self.words = ring, ring.words
        self.seen = self.given_back = 0

    def start(self):
        """Gives all buffers to the daemon, which clears head and tail while it connects."""
        self.words[HEAD // 2] = self.ring.size

    def receive(self):
        """How many frames have come since the last call."""
        tail = self.words[TAIL // 2]
        count = (tail - self.seen) & 0xffff
        if count:
            self.seen = tail
            if ((tail - self.given_back) & 0xffff) > self.ring.size // 4:
                self.give_back()
        return count

    def give_back(self):
        count = (self.seen - self.given_back) & 0xffff
        first = self.given_back & self.ring.mask
        for begin, end in ((first, min(first + count, self.ring.size)), (0, max(0, first + count - self.ring.size))):
            span = slice(begin * DESCRIPTOR_BYTES, end * DESCRIPTOR_BYTES)
            self.ring.descriptors[span] = self.ring.empty[span]
        self.given_back = self.seen
        self.words[HEAD // 2] = (self.seen + self.ring.size) & 0xffff

    def frames(self):
        """What has come, as bytes, with the buffers given back."""
        self.seen = self.words[TAIL // 2]
        found = []
        while self.given_back + len(found) & 0xffff != self.seen:
            slot = (self.given_back + len(found)) & self.ring.mask
            length = struct.unpack_from("=I", self.ring.descriptors, slot * DESCRIPTOR_BYTES + 4)[0]
            found.append(bytes(self.ring.buffers[slot * BUFFER_BYTES:slot * BUFFER_BYTES + length]))
        self.give_back()
        return found


class Port:
    """A connection, and its two rings: `sender` and `receiver`. The way back may be longer than the way there."""

    def __init__(self, path, identity=0, log2_to_daemon=10, log2_from_daemon=12):
        rings = [0, Ring.bytes_of(log2_to_daemon)]
        buffers = (rings[1] + Ring.bytes_of(log2_from_daemon) + 4095) & ~4095
        size = buffers + (BUFFER_BYTES << log2_to_daemon) + (BUFFER_BYTES << log2_from_daemon)
        self.region = os.memfd_create("memif", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.region, size)
        fcntl.fcntl(self.region, F_ADD_SEALS, F_SEAL_SHRINK)
        self.memory = mmap.mmap(self.region, size)
        to_daemon = Ring(self.memory, rings[0], buffers, log2_to_daemon)
        from_daemon = Ring(self.memory, rings[1], buffers + (BUFFER_BYTES << log2_to_daemon), log2_from_daemon)
        self.sender, self.receiver = Sender(to_daemon), Receiver(from_daemon)
        self.events = [os.eventfd(0), os.eventfd(0)]
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(10)
        self.connect(path, identity, size, ((RING_TO_DAEMON, to_daemon), (RING_FROM_DAEMON, from_daemon)))

    def connect(self, path, identity, size, rings):
        deadline = time.monotonic() + 10
        while True:
            try:
                self.socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self.expect(HELLO)
        self.ask(struct.pack("=HHIB24s32s", INIT, VERSION, identity, 0, b"", b"spigrp-bench"))
        self.ask(struct.pack("=HHQ", ADD_REGION, 0, size), self.region)
        for event, (flag, ring) in zip(self.events, rings):
            self.ask(struct.pack("=HHHHIBH", ADD_RING, flag, 0, 0, ring.offset, ring.log2_size, 0), event)
        self.tell(struct.pack("=H32s", CONNECT, b"bench"))
        self.expect(CONNECTED)
        self.receiver.start()

    def tell(self, message, descriptor=None):
        rights = [] if descriptor is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        self.socket.sendmsg([message.ljust(MESSAGE_BYTES, b"\0")], rights)

    def ask(self, message, descriptor=None):
        self.tell(message, descriptor)
        self.expect(ACK)

    def expect(self, kind):
        message = self.socket.recv(MESSAGE_BYTES)
        got = struct.unpack_from("=H", message)[0] if len(message) >= 2 else 0
        if got == DISCONNECT:
            raise Refused(message[6:102].split(b"\0")[0].decode(errors="replace"))
        if got != kind:
            raise Refused(f"message {got} where {kind} was due")

    def close(self):
        self.socket.close()
        for descriptor in (*self.events, self.region):
            os.close(descriptor)
