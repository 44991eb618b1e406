# scapy as the other gateway: every ordered subset of {tun, esp, ah}, both families, one algorithm of each kind, both
# directions. One transaction makes all algorithms of a shape, an eroute to each, and their packets come as one flood,
# so that a burst holds many SAs (HAZARDS 15: never our encoder against our decoder). Every algorithm that there is:
# interop_algorithms_test.py.
import itertools
import os
import struct

import peer
from gateway import (FAR_GATEWAY, FAR_GATEWAY6, GATEWAY, GATEWAY6, LAN_GATEWAY, LAN_GATEWAY6, LAN_HOST, LAN_HOST6,
                     GatewayTest, echo_reply_words, echo_request, echo_words, group_lines, plain)

SHAPES = [shape for count in (1, 2, 3) for shape in itertools.permutations(("tun", "esp", "ah"), count)]
# One algorithm of each kind; each ESP beside another AH.
ALGORITHMS = [
    ("aes128-sha1-96", "hmac-md5-96"), ("aes192-sha2_256-128", "hmac-sha1-96"),
    ("aes256-sha2_512-256", "hmac-sha2_256-128"), ("aes128-sha2_384-192", "hmac-sha2_384-192"),
    ("3des-md5-96", "hmac-sha2_512-256"), ("null-sha1-96", "hmac-sha1-96"), ("aes256ctr-aes_cmac-96", "aes_cmac-96"),
    ("aes128gcm16", "hmac-sha2_256-128"), ("chacha20poly1305", "hmac-sha2_384-192"),
    ("aes256gcm16", "hmac-sha2_512-256"),
    ("aes128ccm16", "aes128gmac"), ("3des", "aes256gmac"),
]
PAYLOAD_BYTES = (1, 2, 7, 8, 15, 16, 17, 64, 100, 576, 1399, 1400)


def far_host(family, number):
    return f"10.2.0.{10 + number}" if family == 4 else f"fd00:2::{10 + number:x}"


def make_group(shape, algorithms, number, tunnel, host_source, host_destination, **options):
    """SAs of a shape. Those outside of tun protect packets between the gateways, the others those between hosts.
    `options`: of each esp and ah SA."""
    esp_algorithm, ah_algorithm = algorithms
    group = []
    ends = (host_source, host_destination)
    for protocol in shape:
        if protocol == "tun":
            ends = tunnel
            group.append(peer.Tunnel(0x1000 + number, *ends))
        elif protocol == "esp":
            group.append(peer.Esp(0x2000 + number, *ends, esp_algorithm, **options))
        else:
            group.append(peer.Ah(0x3000 + number, *ends, ah_algorithm, **options))
    return group


def spi_or_host(packet, groups_by):
    """Which group a packet on the wire belongs to: by the first SPI found under IP headers, else by the inner host."""
    while True:
        is_ipv4 = packet[0] >> 4 == 4
        protocol = packet[9] if is_ipv4 else packet[6]
        payload = packet[20:] if is_ipv4 else packet[40:]
        if protocol == 50:
            return groups_by[struct.unpack("!I", payload[:4])[0] & 0xff]
        if protocol == 51:
            return groups_by[struct.unpack("!I", payload[4:8])[0] & 0xff]
        if protocol not in (4, 41):
            return groups_by[(packet[19] if is_ipv4 else packet[39]) - 10]
        packet = payload


AT_ONCE = 4  # packets that a port's ring holds for sure, together with what has just left by the port


def in_parts(items):
    for start in range(0, len(items), AT_ONCE):
        yield items[start:start + AT_ONCE]


class ExchangeTest(GatewayTest):
    """What goes through groups of a shape, one for each pair of algorithms, in either direction."""
    algorithms = ALGORITHMS
    turns = len(PAYLOAD_BYTES)  # packets that go through each group
    sa_options = {}

    def payload_bytes(self, turn, number):
        return PAYLOAD_BYTES[turn]

    def both_groups(self, shape, inner_family, outer_family, near_host):
        """For each pair of algorithms an outbound and an inbound group, with eroutes for the outbound traffic."""
        near, far = (GATEWAY, FAR_GATEWAY) if outer_family == 4 else (GATEWAY6, FAR_GATEWAY6)
        outbound, inbound, lines = [], [], []
        # Nothing tells bare tunnels between the same gateways apart, so of those there is one.
        for number, algorithms in enumerate(self.algorithms if shape != ("tun",) else self.algorithms[:1]):
            host = far_host(inner_family, number)
            outbound.append(make_group(shape, algorithms, number, (near, far), near_host, host, **self.sa_options))
            inbound.append(make_group(shape, algorithms, number, (far, near), host, near_host, **self.sa_options))
            bits = 32 if inner_family == 4 else 128
            lines += group_lines(outbound[-1], f"{near_host}/{bits} {host}/{bits}") + group_lines(inbound[-1])
        self.gateway.batch(lines)
        return outbound, inbound

    def check_outbound(self, shape, inner_family, outer_family=None):
        """Plain packets from the LAN; what leaves on the WAN is what scapy decrypts to them."""
        host = LAN_HOST if inner_family == 4 else LAN_HOST6
        outbound, _ = self.both_groups(shape, inner_family, outer_family or inner_family, host)
        expected, captured = [], []
        for turn in range(self.turns):
            now = [(number, plain(host, far_host(inner_family, number), os.urandom(self.payload_bytes(turn, number))))
                   for number in range(len(outbound))]
            for part in in_parts(now):
                self.lan.send(*(packet for _, packet in part))
                captured += self.wan.receive(len(part))
            expected += now
        decoded = []
        for packet in captured:
            group = spi_or_host(packet, outbound)
            decoded.append((outbound.index(group), peer.decap(group, packet)))
        self.assertEqual(sorted(decoded), sorted((number, peer.forwarded(packet)) for number, packet in expected))
        self.assertEqual(self.lan.packets(), [])

    def check_inbound_forwarded(self, shape, inner_family, outer_family=None):
        """What scapy encrypts, sent in on the WAN, comes out of the LAN as it was, one hop older."""
        host = LAN_HOST if inner_family == 4 else LAN_HOST6
        _, inbound = self.both_groups(shape, inner_family, outer_family or inner_family, host)
        inner, captured = [], []
        for turn in range(self.turns):
            for part in in_parts(list(enumerate(inbound))):
                for number, group in part:
                    packet = plain(far_host(inner_family, number), host, os.urandom(self.payload_bytes(turn, number)))
                    inner.append(packet)
                    self.wan.send(peer.encap(group, packet))
                captured += self.lan.receive(len(part))
        self.assertEqual(sorted(captured), sorted(peer.forwarded(packet) for packet in inner))
        self.assertEqual(self.wan.packets(), [])

    def check_inbound_to_gateway(self, shape, family):
        """A group whose innermost SA is no tunnel ends at the gateway itself: it answers an echo, through its own
        group."""
        near_host = LAN_GATEWAY if family == 4 else LAN_GATEWAY6
        outbound, inbound = self.both_groups(shape, family, family, near_host)
        requests, replies = [], []
        for turn in range(self.turns):
            for part in in_parts(list(enumerate(inbound))):
                for number, group in part:
                    data = os.urandom(self.payload_bytes(turn, number))
                    packet = echo_request(far_host(family, number), near_host, number, data)
                    requests.append((number, packet))
                    self.wan.send(peer.encap(group, packet))
                for packet in self.wan.receive(len(part)):
                    group = spi_or_host(packet, outbound)
                    replies.append((outbound.index(group), echo_words(peer.decap(group, packet))))
        expected = [(number, echo_reply_words(packet)) for number, packet in requests]
        self.assertEqual(sorted(replies), sorted(expected))
        self.assertEqual(self.lan.packets(), [])


class InteropTest(ExchangeTest):
    mtu = 2000  # so that no inner packet, with any group around it, is too big


class ExtendedNumbersTest(GatewayTest):
    def test_combined_modes_authenticate_the_upper_half(self):
        for number, algorithm in enumerate(("aes128gcm16", "aes256ccm16", "chacha20poly1305")):
            outbound = [peer.Tunnel(0x1000 + number, GATEWAY, FAR_GATEWAY),
                        peer.Esp(0x2000 + number, GATEWAY, FAR_GATEWAY, algorithm, extended=True)]
            inbound = [peer.Tunnel(0x1000 + number, FAR_GATEWAY, GATEWAY),
                       peer.Esp(0x2000 + number, FAR_GATEWAY, GATEWAY, algorithm, extended=True)]
            host = far_host(4, number)
            self.gateway.batch(group_lines(outbound, f"{LAN_HOST}/32 {host}/32") + group_lines(inbound))
            self.assertIn(" esn ", self.gateway.do("spi"))
            there, back = plain(LAN_HOST, host, os.urandom(99)), plain(host, LAN_HOST, os.urandom(99))
            self.lan.send(there)
            self.assertEqual(peer.decap(outbound, self.wan.receive(1)[0]), peer.forwarded(there))
            self.wan.send(peer.encap(inbound, back))
            self.assertEqual(self.lan.receive(1), [peer.forwarded(back)])
            inbound[1].scapy.esn = 1  # another upper half: not the peer's packet
            forged = peer.encap(inbound, back)
            self.assert_dropped("authentication_failed", 1, lambda: self.wan.send(forged))


def add_tests():
    def add(name, check, *arguments):
        def test(self):
            check(self, *arguments)
        setattr(InteropTest, f"test_{name}", test)

    for shape in SHAPES:
        words = "_".join(shape)
        for family in (4, 6):
            add(f"{words}_ipv{family}_outbound", InteropTest.check_outbound, shape, family)
            if shape[0] == "tun":
                other = 10 - family
                add(f"{words}_ipv{family}_inbound", InteropTest.check_inbound_forwarded, shape, family)
                add(f"{words}_ipv{family}_in_ipv{other}_outbound", InteropTest.check_outbound, shape, family, other)
                add(f"{words}_ipv{family}_in_ipv{other}_inbound", InteropTest.check_inbound_forwarded, shape, family,
                    other)
            else:
                add(f"{words}_ipv{family}_inbound", InteropTest.check_inbound_to_gateway, shape, family)


add_tests()
