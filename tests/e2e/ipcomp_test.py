# IPComp with zlib as the other gateway: comp at several places of a group, both families, both directions; packets
# that are left as they are; and what a hostile peer may send (HAZARDS 10, 16).
import os
import re
import struct
import zlib

import lab
import peer
from gateway import (FAR_GATEWAY, FAR_GATEWAY6, FAR_HOST, FAR_HOST6, GATEWAY, GATEWAY6, LAN_GATEWAY, LAN_GATEWAY6,
                     LAN_HOST, LAN_HOST6, GatewayTest, echo_reply_words, echo_request, echo_words, group_lines, plain)

SHAPES = [("tun", "comp"), ("tun", "comp", "esp"), ("tun", "comp", "ah"), ("tun", "comp", "esp", "ah"),
          ("tun", "comp", "ah", "esp"), ("tun", "esp", "comp"), ("tun", "esp", "comp", "ah"), ("comp", "tun", "esp"),
          ("comp", "tun"), ("comp", "tun", "comp", "esp")]
TO_GATEWAY_SHAPES = [("comp",), ("comp", "esp"), ("comp", "esp", "ah"), ("esp", "comp")]
WORDS = b"a packet that matches an eroute goes through the transforms of its group in order ".split(b" ")
SIZES = (0, 1, 50, 89, 90, 91, 200, 576, 1000, 1400)


def text(size):
    return b" ".join(WORDS[byte % len(WORDS)] for byte in os.urandom(size))[:size]


def make_group(shape, near_host, far_host, inbound, family, esp_algorithm="aes128gcm16"):
    """Like interop_test's: what stands outside of tun is between the gateways, the others between the hosts."""
    near, far = (GATEWAY, FAR_GATEWAY) if family == 4 else (GATEWAY6, FAR_GATEWAY6)
    ends, tunnel = (near_host, far_host), (near, far)
    if inbound:
        ends, tunnel = ends[::-1], tunnel[::-1]
    group = []
    for number, protocol in enumerate(shape):
        spi = 0x1000 + number
        if protocol == "tun":
            ends = tunnel
            group.append(peer.Tunnel(spi, *ends))
        elif protocol == "comp":
            group.append(peer.Comp(spi, *ends, level=1 + number))
        elif protocol == "esp":
            group.append(peer.Esp(spi, *ends, esp_algorithm))
        else:
            group.append(peer.Ah(spi, *ends))
    return group


def hosts(family, to_gateway=False):
    near = (LAN_GATEWAY if family == 4 else LAN_GATEWAY6) if to_gateway else (LAN_HOST if family == 4 else LAN_HOST6)
    return near, FAR_HOST if family == 4 else FAR_HOST6


def selector(near_host, far_host):
    bits = 32 if "." in near_host else 128
    return f"{near_host}/{bits} {far_host}/{bits}"


class InteropTest(GatewayTest):
    mtu = 2000  # so that no inner packet, with any group around it, is too big

    def both_groups(self, shape, family, outer_family=None, to_gateway=False):
        near_host, far_host = hosts(family, to_gateway)
        outbound, inbound = (make_group(shape, near_host, far_host, way, outer_family or family)
                             for way in (False, True))
        self.gateway.batch(group_lines(outbound, selector(near_host, far_host)) + group_lines(inbound))
        return outbound, inbound

    def check_outbound(self, shape, family, outer_family=None):
        """What leaves is what zlib inflates to the packets sent; text is shorter than it would be without comp."""
        near_host, far_host = hosts(family)
        outbound, _ = self.both_groups(shape, family, outer_family)
        for make, shrinks in ((text, True), (os.urandom, False), (text, True)):
            for size in SIZES:
                packet = plain(near_host, far_host, make(size))
                self.lan.send(packet)
                captured = self.wan.receive(1)[0]
                self.assertEqual(peer.decap(outbound, captured), peer.forwarded(packet))
                compressible = "esp" not in shape or shape.index("comp") < shape.index("esp")
                if shrinks and compressible and size >= 200:
                    self.assertLess(len(captured), self.size_without_comp(outbound, packet), size)
            self.forget_failures(outbound, near_host, far_host)
        self.assertEqual(self.lan.packets(), [])

    def size_without_comp(self, group, packet):
        sas = [sa for sa in group if sa.proto != "comp"]
        return len(peer.encap(sas, packet, 1))

    def forget_failures(self, group, near_host, far_host):
        """Text until it is compressed again: random data before it has made compressing seem not worth trying."""
        def compressed():
            packet = plain(near_host, far_host, text(1000))
            self.lan.send(packet)
            captured = self.wan.receive(1)[0]
            self.assertEqual(peer.decap(group, captured), peer.forwarded(packet))
            return len(captured) < 1000

        shape = [sa.proto for sa in group]
        if "esp" not in shape or shape.index("comp") < shape.index("esp"):
            lab.wait_until(compressed, "text is compressed again")

    def check_inbound(self, shape, family, outer_family=None):
        """What zlib and scapy make, compressed or not, comes out of the LAN as it was, one hop older."""
        near_host, far_host = hosts(family)
        _, inbound = self.both_groups(shape, family, outer_family)
        for make in (text, os.urandom):
            for size in SIZES:
                packet = plain(far_host, near_host, make(size))
                self.wan.send(peer.encap(inbound, packet))
                self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])
        self.assertEqual(self.wan.packets(), [])

    def check_to_gateway(self, shape, family):
        """A group without tun ends at the gateway itself, which answers echoes through its own group."""
        near_host, far_host = hosts(family, to_gateway=True)
        outbound, inbound = self.both_groups(shape, family, to_gateway=True)
        for make in (text, os.urandom):
            for size in SIZES:
                packet = echo_request(far_host, near_host, size, make(size))
                self.wan.send(peer.encap(inbound, packet))
                captured = self.wan.receive(1)[0]
                self.assertEqual(echo_words(peer.decap(outbound, captured)), echo_reply_words(packet))
        self.assertEqual(self.lan.packets(), [])

    def check_never_compressed(self, shape, family):
        """A peer that never compresses (RFC 3173 section 2.2) is understood: only IPComp may be absent."""
        near_host, far_host = hosts(family)
        _, inbound = self.both_groups(shape, family)
        packet = plain(far_host, near_host, text(1000))
        self.wan.send(peer.encap([sa for sa in inbound if sa.proto != "comp"], packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])

    def check_well_known_cpi(self, shape, family):
        near_host, far_host = hosts(family)
        _, inbound = self.both_groups(shape, family)
        for sa in inbound:
            if sa.proto == "comp":
                sa.cpi = 2
        packet = plain(far_host, near_host, text(1000))
        self.wan.send(peer.encap(inbound, packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])

    def sweep(self, family):
        outbound, inbound = self.both_groups(("tun", "comp", "esp"), family)
        near_host, far_host = hosts(family)
        for first in range(0, 1400, 8):
            payloads = [text(size) for size in range(first, first + 8)]
            sent = [plain(near_host, far_host, payload) for payload in payloads]
            self.lan.send(*sent)
            received = [peer.decap(outbound, packet) for packet in self.wan.receive(len(sent))]
            self.assertEqual(received, [peer.forwarded(packet) for packet in sent])

            sent = [plain(far_host, near_host, payload) for payload in payloads]
            self.wan.send(*(peer.encap(inbound, packet) for packet in sent))
            self.assertEqual(self.lan.receive(len(sent)), [peer.forwarded(packet) for packet in sent])

    def test_every_size_over_ipv4(self):
        self.sweep(4)

    def test_every_size_over_ipv6(self):
        self.sweep(6)

    def test_packets_stay_in_order_whether_they_are_compressed_or_not(self):
        for shape in (("tun", "comp"), ("tun", "comp", "esp"), ("tun", "esp", "comp")):
            self.setUp()
            outbound, inbound = self.both_groups(shape, 4)
            payloads = [text(size) for size in (500, 10, 600, 20, 700, 30, 800, 40)]
            sent = [plain(LAN_HOST, FAR_HOST, payload) for payload in payloads]
            self.lan.send(*sent)
            self.assertEqual([peer.decap(outbound, packet) for packet in self.wan.receive(len(sent))],
                             [peer.forwarded(packet) for packet in sent])
            sent = [plain(FAR_HOST, LAN_HOST, payload) for payload in payloads]
            self.wan.send(*(peer.encap(inbound, packet) for packet in sent))
            self.assertEqual(self.lan.receive(len(sent)), [peer.forwarded(packet) for packet in sent])

    def test_the_listing_shows_what_compression_is_worth(self):
        outbound, inbound = self.both_groups(("tun", "comp", "esp"), 4)
        self.lan.send(plain(LAN_HOST, FAR_HOST, text(1000)))
        self.wan.receive(1)
        self.wan.send(peer.encap(inbound, plain(FAR_HOST, LAN_HOST, os.urandom(50))))
        self.lan.receive(1)
        lines = {line.split()[0]: line for line in self.gateway.do("spi").splitlines()}
        line = lines[outbound[1].said]
        self.assertIn(" COMP_DEFLATE: dir=out ", line)
        before, after = map(int, re.search(r" ratio=(\d+):(\d+)$", line).groups())
        self.assertEqual(before, 1040)
        self.assertLess(after, 700)
        self.assertRegex(lines[inbound[1].said], r"packets\(1,0,0\) .*ratio=90:90$")
        rows = {row["id"]: row for row in self.gateway.list("spi")}
        self.assertEqual((rows[outbound[1].said]["bytes"], rows[outbound[1].said]["compressed_bytes"]), (before, after))
        self.assertIn("deflate", self.gateway.do("spi --algorithms"))


def add_tests():
    def add(name, check, *arguments):
        def test(self):
            check(self, *arguments)
        setattr(InteropTest, f"test_{name}", test)

    for family in (4, 6):
        for shape in SHAPES:
            words = "_".join(shape) + f"_ipv{family}"
            add(f"{words}_outbound", InteropTest.check_outbound, shape, family)
            add(f"{words}_inbound", InteropTest.check_inbound, shape, family)
            add(f"{words}_inbound_not_compressed", InteropTest.check_never_compressed, shape, family)
            add(f"{words}_inbound_well_known_cpi", InteropTest.check_well_known_cpi, shape, family)
        for shape in TO_GATEWAY_SHAPES:
            add(f"{'_'.join(shape)}_ipv{family}_to_gateway", InteropTest.check_to_gateway, shape, family)
    for shape in (("tun", "comp", "esp"), ("tun", "comp", "esp", "ah")):
        for family in (4, 6):
            words = "_".join(shape) + f"_ipv{family}_in_ipv{10 - family}"
            add(f"{words}_outbound", InteropTest.check_outbound, shape, family, 10 - family)
            add(f"{words}_inbound", InteropTest.check_inbound, shape, family, 10 - family)


add_tests()


class HostileTest(GatewayTest):
    """What a peer with the keys, or anybody where comp is outermost, may send."""

    def setUp(self):
        super().setUp()
        self.group = make_group(("tun", "comp", "esp"), LAN_HOST, FAR_HOST, True, 4)
        self.add_group(self.group)
        self.tun, self.comp, self.esp = self.group
        self.packet = plain(FAR_HOST, LAN_HOST, text(600))

    def tearDown(self):
        """Whatever was done, a good packet still passes."""
        self.wan.send(peer.encap(self.group, self.packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(self.packet)])
        super().tearDown()

    def ipcomp(self, payload):
        """ESP over these bytes where the IPComp header and the stream should be."""
        return self.esp.encap(peer.with_payload(self.tun.encap(self.packet), 108, payload))

    def streamed(self, stream):
        return self.ipcomp(self.comp.header(4) + stream)

    def test_a_bomb_is_dropped(self):
        """HAZARDS 10: a thousandfold, more than a buffer holds, and more than an IP packet."""
        for size in (17000, 65000, 1_000_000):
            self.assert_dropped("inflated_too_big", 1, lambda: self.wan.send(
                self.streamed(peer.raw_deflate(bytes(size), 9))))

    def test_ipcomp_within_ipcomp_is_dropped(self):
        """HAZARDS 10: however deep."""
        payload, protocol = self.packet, 4
        for depth in range(1, 6):
            payload, protocol = self.comp.header(protocol) + peer.raw_deflate(payload), 108
            if depth > 1:
                self.assert_dropped("bad_compression", 1, lambda: self.wan.send(self.ipcomp(payload)))

    def test_a_stream_cut_short_is_dropped(self):
        stream = peer.raw_deflate(self.packet)
        packets = [self.streamed(stream[:size]) for size in range(0, len(stream), 7)]
        self.assert_dropped("bad_compression", len(packets), lambda: self.wan.send(*packets))

    def test_garbage_behind_a_stream_is_dropped(self):
        stream = peer.raw_deflate(self.packet)
        packets = [self.streamed(stream + bytes(size)) for size in (1, 2, 3, 4, 8, 100)]
        packets.append(self.streamed(stream + stream))
        self.assert_dropped("bad_compression", len(packets), lambda: self.wan.send(*packets))

    def test_a_header_cut_short_is_a_runt(self):
        packets = [self.ipcomp(self.comp.header(4)[:size]) for size in range(4)]
        self.assert_dropped("runt", 4, lambda: self.wan.send(*packets))

    def test_zlibs_own_format_is_no_raw_stream(self):
        self.assert_dropped("bad_compression", 1, lambda: self.wan.send(self.streamed(zlib.compress(self.packet))))

    def test_another_cpi_is_none_of_the_groups(self):
        for cpi in (0, 3, 0x777, 0xffff):
            payload = struct.pack("!BBH", 4, 0, cpi) + peer.raw_deflate(self.packet)
            self.assert_dropped("group_mismatch", 1, lambda: self.wan.send(self.ipcomp(payload)))

    def test_flags_are_ignored(self):
        """RFC 3173 section 3.3"""
        self.wan.send(self.ipcomp(struct.pack("!BBH", 4, 0xff, self.comp.spi) + peer.raw_deflate(self.packet)))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(self.packet)])

    def test_what_is_inflated_is_checked_like_what_comes_from_the_wire(self):
        for inner in (b"", b"\x45", self.packet[:19], self.packet[:-1], b"\0" * 100):
            before = self.gateway.totals()["dropped"]
            self.wan.send(self.streamed(peer.raw_deflate(inner)))
            lab.wait_until(lambda: sum(self.gateway.totals()["dropped"].values()) == sum(before.values()) + 1,
                           f"{len(inner)} bytes are dropped")
        self.assertEqual(self.lan.packets(), [])

    def test_the_other_sas_may_not_be_absent(self):
        """HAZARDS 16, invariant 2: only IPComp may be."""
        self.assert_dropped("group_mismatch", 1, lambda: self.wan.send(
            peer.encap((self.tun, self.comp), self.packet)))
        self.assert_dropped("group_mismatch", 1, lambda: self.wan.send(
            peer.encap((self.comp, self.esp), plain(FAR_GATEWAY, GATEWAY, text(600)))))
        self.assert_dropped("no_sa", 1, lambda: self.wan.send(self.tun.encap(self.packet)))

    def test_a_stranger_cannot_use_the_well_known_cpi(self):
        self.comp.cpi = 2
        wire = peer.encap((self.tun, self.comp), self.packet)
        self.comp.cpi = 0
        self.assert_dropped("no_sa", 1, lambda: self.wan.send(wire))

    def test_every_bit_of_a_stream_flipped_does_no_harm(self):
        """Invariant 6. IPComp has no checksum: what inflates to a packet is one."""
        stream = peer.raw_deflate(self.packet)
        for first in range(0, len(stream), 16):
            packets = []
            for place in range(first, min(first + 16, len(stream))):
                wrong = bytearray(stream)
                wrong[place] ^= 1 << place % 8
                packets.append(self.streamed(bytes(wrong)))
            self.wan.send(*packets)
            self.gateway.check_accounting()
        self.lan.frames()
        self.wan.frames()

    def test_random_bytes_do_no_harm(self):
        """Invariant 6: behind a header that is right, with ESP and, to an SA that is alone, in the clear."""
        alone = peer.Comp(0x2000, FAR_GATEWAY, GATEWAY)
        self.gateway.do(alone.command())
        for size in range(0, 1400, 20):
            noise = os.urandom(size)
            self.wan.send(self.streamed(noise),
                          peer.with_payload(plain(FAR_GATEWAY, GATEWAY, b""), 108, alone.header(4) + noise))
        self.gateway.check_accounting()
        self.lan.frames()
        self.wan.frames()


class SizeTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.group = make_group(("tun", "comp", "esp"), LAN_HOST, FAR_HOST, False, 4)
        self.add_group(self.group, f"{LAN_HOST}/32 {FAR_HOST}/32")

    def test_a_packet_that_has_room_only_when_compressed_is_sent_whole(self):
        packet = plain(LAN_HOST, FAR_HOST, text(1480))
        self.lan.send(packet)
        self.assertEqual(peer.decap(self.group, self.wan.receive(1)[0]), peer.forwarded(packet))

    def test_what_must_stay_whole_is_refused_by_its_size_before_compression(self):
        """Else it would depend on the bytes whether a path takes a size, and path MTU discovery would find none."""
        packet = bytearray(plain(LAN_HOST, FAR_HOST, text(1480)))
        packet[6] |= 0x40
        packet[10:12] = b"\0\0"
        packet[10:12] = struct.pack("!H", peer.checksum(bytes(packet[:20])))
        self.lan.send(bytes(packet))
        answer = self.lan.receive(1)[0]
        self.assertEqual((answer[9], answer[20], answer[21]), (1, 3, 4))  # ICMP: fragmentation needed
        fitting = struct.unpack("!H", answer[26:28])[0]
        self.assertEqual(len(peer.encap([self.group[0], self.group[2]], bytes(packet[:fitting]))), 1500)


class PlainTest(GatewayTest):
    """An eroute that leads to comp alone asks for nothing that a packet as it is would lack."""

    def test_what_is_not_compressed_comes_back_in_the_clear(self):
        self.add_group([peer.Comp(0x200, LAN_HOST, FAR_HOST)], f"{LAN_HOST}/32 {FAR_HOST}/32")
        packet = plain(FAR_HOST, LAN_HOST, b"too small")
        self.wan.send(packet)
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])
        small, large = plain(LAN_HOST, FAR_HOST, b"too small"), plain(LAN_HOST, FAR_HOST, text(1000))
        self.lan.send(small, large)
        out = self.wan.receive(2)
        self.assertEqual(out[0], peer.forwarded(small))
        self.assertLess(len(out[1]), 700)
        self.assertEqual(peer.Comp(0x200, LAN_HOST, FAR_HOST).decap(out[1]), peer.forwarded(large))

    def test_what_has_another_sa_beside_comp_does_not(self):
        self.add_group(make_group(("tun", "comp"), LAN_HOST, FAR_HOST, False, 4), f"{LAN_HOST}/32 {FAR_HOST}/32")
        self.assert_dropped("unprotected", 1, lambda: self.wan.send(plain(FAR_HOST, LAN_HOST, b"in the clear")))
