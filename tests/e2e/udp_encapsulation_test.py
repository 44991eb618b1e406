# ESP in UDP (RFC 3948) with scapy at the other end, which sits behind a translator that gives it other ports. The ports
# are pcap ports: behind others the kernel would put fragments together before the gateway sees them.
import itertools

import lab
import peer
from fragments_test import fragments_of, joined
from gateway import (FAR_GATEWAY, FAR_GATEWAY6, FAR_HOST, FAR_HOST6, GATEWAY, GATEWAY6, LAN_HOST, LAN_HOST6,
                     GatewayTest, plain, udp)
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

ALGORITHMS = ("aes128gcm16", "aes128-sha1-96", "null-sha2_256-128", "chacha20poly1305")
PEER_PORT = 40001  # where the translator shows the peer when the SAs are made
SELECTORS = (f"{LAN_HOST}/32 {FAR_HOST}/32", f"{LAN_HOST6}/128 {FAR_HOST6}/128")


def gateways(family, inbound):
    near, far = (GATEWAY, FAR_GATEWAY) if family == 4 else (GATEWAY6, FAR_GATEWAY6)
    return (far, near) if inbound else (near, far)


def group_in_udp(family, inbound, shape=("tun", "udp"), algorithm="aes128gcm16", first_spi=0x113):
    source, destination = gateways(family, inbound)
    ports = (PEER_PORT, 4500) if inbound else (4500, PEER_PORT)
    make = {"tun": lambda spi: peer.Tunnel(spi, source, destination),
            "comp": lambda spi: peer.Comp(spi, source, destination),
            "esp": lambda spi: peer.Esp(spi, source, destination, algorithm),
            "udp": lambda spi: peer.EspInUdp(spi, source, destination, algorithm, ports=ports)}
    return [make[kind](first_spi + place) for place, kind in enumerate(shape)]


def inner_packets():
    return (udp(LAN_HOST, FAR_HOST, b"to the peer" * 20), udp(LAN_HOST6, FAR_HOST6, bytes(201)))


def back(packet):
    """The same packet from the far host to the near one."""
    parsed = peer.parse(packet)
    return udp(parsed.dst, parsed.src, bytes(parsed[UDP].payload))


def from_gateway(family, payload, dport=4500, sport=PEER_PORT, source=None):
    near, far = gateways(family, False)
    return udp(source or far, near, payload, sport=sport, dport=dport)


class UdpEncapsulationTest(GatewayTest):
    driver = "pcap"

    def add_both_ways(self, family=4, **words):
        self.outbound = group_in_udp(family, False, first_spi=0x113, **words)
        self.inbound = group_in_udp(family, True, first_spi=0x213, **words)
        self.add_group(self.outbound, *SELECTORS)
        self.add_group(self.inbound)

    def check_both_ways(self):
        for packet in inner_packets():
            self.lan.send(packet)
            wire = self.wan.receive(1)[0]
            self.assertEqual(peer.decap(self.outbound, wire), peer.forwarded(packet))
            self.wan.send(peer.encap(self.inbound, back(packet)))
            self.assertEqual(self.lan.receive(1), [peer.forwarded(back(packet))])

    def destination_port(self):
        """Where the gateway sends the peer's packets now."""
        self.lan.send(inner_packets()[0])
        return peer.parse(self.wan.receive(1)[0])[UDP].dport

    def test_what_the_gateway_sends_scapy_reads_and_the_other_way_round(self):
        """HAZARDS 15"""
        shapes = (("tun", "udp"), ("tun", "comp", "udp"), ("tun", "esp", "tun", "udp"), ("tun", "udp", "tun"))
        for family, algorithm, shape in itertools.product((4, 6), ALGORITHMS, shapes):
            with self.subTest(family=family, algorithm=algorithm, shape=shape):
                self.gateway.batch(["eroute --clear", "spi --clear"])
                self.add_both_ways(family, shape=shape, algorithm=algorithm)
                self.check_both_ways()

    def test_the_listing_shows_the_encapsulation(self):
        self.add_both_ways()
        line = next(line for line in self.gateway.run("spi").stdout.splitlines() if line.startswith("esp.114@"))
        self.assertTrue(line.endswith(f" natencap=nonesp sport=4500 dport={PEER_PORT}"), line)

    def test_keepalives_and_ike_end_under_names_of_their_own(self):
        """RFC 3948 section 2.2, 2.3: with SAs and without, whatever eroutes there are."""
        for add in (lambda: None, self.add_both_ways):
            add()
            for family in (4, 6):
                for payload, reason in ((b"\xff", "nat_keepalive"), (bytes(4), "ike_unhandled"),
                                        (bytes(4) + b"IKE" * 50, "ike_unhandled"), (b"\0", "runt"), (b"", "runt"),
                                        (b"\xff\xff", "runt"), (b"\x01\x02\x03\x04\0\0\0", "runt"),
                                        (b"\x01\x02\x03\x04\0\0\0\1" + bytes(40), "no_sa")):
                    self.assert_dropped(reason, 1, lambda: self.wan.send(from_gateway(family, payload)))

    def test_a_peer_that_moves_to_another_port_is_followed_once_it_has_proved_itself(self):
        for family in (4, 6):
            self.gateway.batch(["eroute --clear", "spi --clear"])
            self.add_both_ways(family)
            self.check_both_ways()
            late = peer.encap(self.inbound, back(inner_packets()[0]))
            self.inbound[1].move_to((50007, 4500))
            self.wan.send(peer.encap(self.inbound, back(inner_packets()[0])))
            self.lan.receive(1)
            self.assertEqual(self.destination_port(), 50007)
            self.wan.send(late)
            self.lan.receive(1)
            self.assertEqual(self.destination_port(), 50007)
            self.outbound[1].move_to((4500, 50007))
            self.check_both_ways()
            rows = {row["id"]: row for row in self.gateway.list("spi")}
            self.assertEqual([rows[group[1].said].get("peer_port") for group in (self.inbound, self.outbound)],
                             [50007, 50007])

    def test_forged_and_replayed_packets_do_not_move_the_peer(self):
        """Invariant 7: wrong ICV, replay, before the window, keepalive, unknown SPI."""
        self.add_both_ways()
        esp = self.inbound[1]
        packet = back(inner_packets()[0])
        oldest, first = peer.encap(self.inbound, packet, 1), peer.encap(self.inbound, packet, 100)
        self.wan.send(first)
        self.lan.receive(1)
        esp.move_to((50007, 4500))

        def from_another_port(wire):
            moved = IP(wire)
            moved[UDP].sport = 50007
            return bytes(moved)

        forged = bytearray(peer.encap(self.inbound, packet, 101))
        forged[-1] ^= 1
        unknown = bytearray(peer.encap(self.inbound, packet, 102))
        unknown[28] ^= 1
        for wire, reason in ((bytes(forged), "authentication_failed"), (from_another_port(first), "replayed"),
                             (from_another_port(oldest), "outside_window"), (bytes(unknown), "no_sa"),
                             (from_gateway(4, b"\xff", sport=50007), "nat_keepalive")):
            self.assert_dropped(reason, 1, lambda: self.wan.send(wire))
            self.assertEqual(self.destination_port(), PEER_PORT)
        self.wan.send(peer.encap(self.inbound, packet, 99))  # new, but not the newest
        self.lan.receive(1)
        self.assertEqual(self.destination_port(), PEER_PORT)

    def test_esp_without_udp_and_udp_around_other_esp_are_refused(self):
        self.add_both_ways()
        bare = peer.Esp(0x314, FAR_GATEWAY, GATEWAY, "aes128gcm16")
        self.gateway.do(bare.command())
        in_udp = self.inbound[1].encap(self.inbound[0].encap(back(inner_packets()[0])))
        other = peer.EspInUdp(0x314, FAR_GATEWAY, GATEWAY, "aes128gcm16")
        for wire in (peer.with_payload(in_udp, 50, in_udp[28:]), other.encap(self.inbound[0].encap(inner_packets()[0]))):
            self.assert_dropped("encapsulation_mismatch", 1, lambda: self.wan.send(wire))
        row = next(row for row in self.gateway.list("spi") if row["id"] == self.inbound[1].said)
        self.assertEqual(row["malformed"], 1)

    def test_no_length_is_believed(self):
        """HAZARDS 1"""
        self.add_both_ways()
        wire = peer.encap(self.inbound, back(inner_packets()[0]))
        for length in (0, 7, 8, len(wire) - 21, len(wire) - 19, 65535):
            broken = bytearray(wire)
            broken[24:26] = length.to_bytes(2, "big")
            reason = "malformed" if length < len(wire) - 20 else "runt"
            self.assert_dropped(reason, 1, lambda: self.wan.send(bytes(broken)))
        for kept in (0, 7, 8, 9, 11, 12, 20, 30, 45):
            cut = peer.with_payload(wire, 17, wire[20:20 + kept])
            # with fewer than eight bytes it does not even show its port
            self.assert_dropped("local_unhandled" if kept < 8 else "runt", 1, lambda: self.wan.send(cut))
        self.check_both_ways()

    def test_fragments_of_esp_in_udp_are_put_together_both_ways(self):
        for family in (4, 6):
            self.gateway.batch(["eroute --clear", "spi --clear"])
            self.add_both_ways(family)
            source, destination = (FAR_HOST, LAN_HOST) if family == 4 else (FAR_HOST6, LAN_HOST6)
            large = plain(source, destination, bytes(range(256)) * 4)
            for order in (1, -1):
                self.wan.send(*fragments_of(peer.encap(self.inbound, large), 400, 7 + order)[::order])
                self.assertEqual(self.lan.receive(1), [peer.forwarded(large)])
            large = plain(LAN_HOST, FAR_HOST, bytes(1460))
            self.lan.send(large)
            self.assertEqual(peer.decap(self.outbound, joined(self.wan.receive(2))), peer.forwarded(large))

    def test_transport_mode_is_taken_off_for_the_gateway_itself(self):
        esp = group_in_udp(4, True, ("udp",), first_spi=0x413)
        self.add_group([esp[0]])
        sent = bytes(IP(src=FAR_GATEWAY, dst=GATEWAY) / UDP(sport=7, dport=9) / b"for the gateway itself")
        self.assert_dropped("local_unhandled", 1, lambda: self.wan.send(esp[0].encap(sent)))

    def test_a_sender_is_told_what_fits_with_the_udp_header(self):
        self.add_both_ways()
        packet = bytes(IP(src=LAN_HOST, dst=FAR_HOST, flags="DF", proto=253) / bytes(1460))
        self.lan.send(packet)
        fitting = int.from_bytes(self.lan.receive(1)[0][26:28], "big")
        for size, wire in ((fitting, self.wan), (fitting + 1, self.lan)):
            self.lan.send(bytes(IP(src=LAN_HOST, dst=FAR_HOST, flags="DF", proto=253) / bytes(size - 20)))
            self.assertLessEqual(len(wire.receive(1)[0]), self.mtu)
        self.assertEqual(self.wan.packets(), [])

    def test_ah_is_refused_around_it_with_the_reason(self):
        self.add_both_ways()
        self.gateway.batch(["spi --clear"])
        group = group_in_udp(4, False)
        ah = peer.Ah(0x116, GATEWAY, FAR_GATEWAY)
        self.gateway.batch([sa.command() for sa in (*group, ah)])
        done = self.gateway.run("spigrp " + " ".join(sa.words for sa in (*group, ah)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("ah.116@192.0.2.2: would protect the IP header of esp.114@192.0.2.2", done.stderr)
