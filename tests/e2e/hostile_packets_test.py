# What an attacker or a broken peer sends in on the WAN, and plain traffic that policy forbids: it is dropped under the
# right reason, nothing of it comes out, and the traffic after it is as before.
import os
import struct

import lab
import peer
from gateway import (FAR_GATEWAY, FAR_GATEWAY6, FAR_HOST, FAR_HOST6, GATEWAY, GATEWAY6, LAN_GATEWAY, LAN_HOST,
                     LAN_HOST6, GatewayTest, default_group, echo_reply_words, echo_request, echo_words, eroute_line,
                     plain, udp)
from scapy.layers.inet import IP, fragment as fragment_ip
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, PadN


class GroupedGatewayTest(GatewayTest):
    """A group each way, and an eroute to the one outwards."""

    def setUp(self):
        super().setUp()
        self.inbound = default_group("aes128-sha1-96", inbound=True)
        self.outbound = default_group("aes128-sha1-96")
        self.add_group(self.outbound, f"{LAN_HOST}/32 {FAR_HOST}/32")
        self.add_group(self.inbound)
        self.packet = plain(FAR_HOST, LAN_HOST, b"a good packet")

    def tearDown(self):
        """Whatever was done, a good packet still passes."""
        self.wan.send(peer.encap(self.inbound, self.packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(self.packet)])
        super().tearDown()

    def send_all_dropped(self, packets, reasons):
        """Every one of these ends under one of the reasons, and nothing comes out."""
        before = self.gateway.totals()
        self.wan.send(*packets)
        grown = {}

        def all_in():
            now = self.gateway.totals()
            grown.clear()
            grown.update({reason: count - before["dropped"].get(reason, 0) for reason, count in now["dropped"].items()
                          if count != before["dropped"].get(reason, 0)})
            return sum(grown.values()) >= len(packets)

        lab.wait_until(all_in, lambda: f"{len(packets)} packets dropped as {reasons}: {grown}")
        self.assertEqual(sum(grown.values()), len(packets))
        self.assertLessEqual(set(grown), set(reasons))
        self.assertEqual((self.lan.packets(), self.wan.packets()), ([], []))
        return grown


class HostilePacketsTest(GroupedGatewayTest):
    # Lengths: HAZARDS 1

    def test_esp_and_ah_of_every_length_below_the_least_are_dropped(self):
        """HAZARDS 1: with an SPI that exists, so that only the length can be wrong."""
        packets = []
        ah, esp = self.inbound[2], default_group(inbound=True, first_spi=0x413)[1]
        self.gateway.do(esp.command())
        for length in range(0, 44):
            esp_bytes = (struct.pack("!II", esp.spi, 7) + bytes(64))[:length]
            packets.append(bytes(IP(src=FAR_GATEWAY, dst=GATEWAY, proto=50) / esp_bytes))
        for length in range(0, 24):
            ah_bytes = (struct.pack("!BBHII", 50, 4, 0, ah.spi, 7) + bytes(64))[:length]
            packets.append(bytes(IP(src=FAR_GATEWAY, dst=GATEWAY, proto=51) / ah_bytes))
        grown = self.send_all_dropped(packets, ("runt", "bad_length"))
        self.assertGreater(grown["runt"], 0)

    def test_empty_esp_and_ah_over_ipv6_are_runts(self):
        self.send_all_dropped([bytes(IPv6(src=FAR_GATEWAY6, dst=GATEWAY6, nh=protocol) / bytes(length))
                               for protocol in (50, 51) for length in range(8)], ("runt",))

    def test_ah_that_announces_another_length_than_its_algorithm_has_is_dropped(self):
        """HAZARDS 1: the length field is believed for nothing but comparing it."""
        good = peer.encap(self.inbound, self.packet)
        self.send_all_dropped([good[:21] + bytes([length]) + good[22:] for length in (0, 1, 3, 5, 64, 255)],
                              ("runt", "bad_length", "malformed"))

    def test_packets_shorter_than_their_ip_header_says_are_dropped(self):
        good = peer.encap(self.inbound, self.packet)
        self.send_all_dropped([self.with_total_length(good, len(good) + more) for more in (1, 100, 40000)], ("runt",))
        self.send_all_dropped([good[:20] for _ in range(3)], ("runt",))

    def with_total_length(self, packet, length):
        header = bytearray(packet[:20])
        header[2:4] = struct.pack("!H", length)
        header[10:12] = b"\0\0"
        header[10:12] = struct.pack("!H", peer.checksum(bytes(header)))
        return bytes(header) + packet[20:]

    def test_wrong_ip_headers_are_malformed(self):
        good = plain(FAR_GATEWAY, GATEWAY, bytes(40), protocol=50)
        bad_checksum = good[:10] + bytes([good[10] ^ 1]) + good[11:]
        self.send_all_dropped([bad_checksum], ("malformed",))
        for first in (0x44, 0x40):  # a header length below five words
            self.send_all_dropped([bytes([first]) + good[1:]], ("malformed", "runt"))

    # Padding: HAZARDS 2

    def forged(self, plaintext, sequence):
        return self.esp_only.forge(FAR_GATEWAY, GATEWAY, sequence, plaintext)

    def esp_alone(self):
        group = default_group("aes128-sha1-96", ("tun", "esp"), 0x513, inbound=True)
        self.add_group(group)
        self.esp_only = group[1]
        return group

    def test_a_pad_length_beyond_the_payload_is_dropped_though_the_icv_is_right(self):
        """HAZARDS 2"""
        self.esp_alone()
        self.send_all_dropped([self.forged(bytes(14) + bytes([pad, 4]), 1 + number)
                               for number, pad in enumerate((15, 16, 100, 254, 255))], ("bad_padding",))

    def test_padding_bytes_must_count_up(self):
        """HAZARDS 2"""
        group = self.esp_alone()
        inner = plain(FAR_HOST, LAN_HOST, bytes(6))
        right = inner + bytes([1, 2, 3, 4]) + bytes([4, 4])
        self.assertEqual(len(right), 32)
        for number, place in enumerate((26, 27, 28, 29)):
            wrong = bytearray(right)
            wrong[place] ^= 0x80
            self.send_all_dropped([self.forged(bytes(wrong), 1 + number)], ("bad_padding",))
        tunnelled = group[0].encap(inner)[20:]
        self.wan.send(self.forged(right, 10))  # the same by hand, without the mistake
        self.assertEqual(self.lan.receive(1), [peer.forwarded(tunnelled)])

    def test_an_inner_packet_that_lies_about_its_length_is_dropped(self):
        """What an authenticated peer puts inside is checked like what comes from the wire."""
        self.esp_alone()
        inner = self.with_total_length(plain(FAR_HOST, LAN_HOST, bytes(10)), 500)
        self.send_all_dropped([self.forged(inner + bytes([0, 4]), 1)], ("runt", "malformed"))
        self.send_all_dropped([self.forged(bytes(14) + bytes([0, protocol]), 2 + number)
                               for number, protocol in enumerate((4, 41, 50, 51, 6, 17, 0, 255))],
                              ("runt", "malformed", "bad_next_header", "group_mismatch", "tunnel_mismatch"))

    # Authentication: HAZARDS 16

    def test_every_flipped_bit_of_a_packet_is_noticed(self):
        """HAZARDS 16: a failed packet never continues, whichever byte was touched."""
        good = peer.encap(self.inbound, self.packet)
        packets = []
        for place in range(20, len(good)):
            wrong = bytearray(good)
            wrong[place] ^= 1 << (place % 8)
            packets.append(bytes(wrong))
        grown = self.send_all_dropped(packets, ("authentication_failed", "no_sa", "bad_length", "runt", "malformed",
                                                "outside_window", "replayed", "bad_next_header"))
        self.assertGreater(grown["authentication_failed"], len(packets) * 3 // 4)

    def test_an_unauthenticated_packet_does_not_move_the_replay_window(self):
        """HAZARDS 4, invariant 7"""
        forged = bytearray(peer.encap(self.inbound, self.packet, sequence=1_000_000))
        forged[-1] ^= 1
        self.send_all_dropped([bytes(forged)], ("authentication_failed",))
        for sequence in range(1, 4):
            self.wan.send(peer.encap(self.inbound, self.packet, sequence=sequence))
        self.assertEqual(len(self.lan.receive(3)), 3)
        self.gateway_sequences(3)

    def gateway_sequences(self, highest):
        for sa in self.inbound[1:]:
            sa.scapy.seq_num = highest + 1  # tearDown's packet comes after these

    # Replay: HAZARDS 4, 5

    def test_a_replayed_packet_is_dropped(self):
        """HAZARDS 4"""
        wire = peer.encap(self.inbound, self.packet)
        self.wan.send(wire)
        self.assertEqual(self.lan.receive(1), [peer.forwarded(self.packet)])
        self.assert_dropped("replayed", 3, lambda: self.wan.send(wire, wire, wire))

    def test_of_many_copies_in_one_burst_one_passes(self):
        """HAZARDS 5"""
        for _ in range(20):
            wire = peer.encap(self.inbound, self.packet)
            before = self.gateway.drops("replayed")
            self.wan.send(*[wire] * 32)
            self.assertEqual(self.lan.receive(1), [peer.forwarded(self.packet)])
            lab.wait_until(lambda: self.gateway.drops("replayed") == before + 31, "31 copies are dropped")
        self.assertEqual(self.lan.packets(), [])

    def test_a_packet_before_the_window_is_dropped_and_one_within_it_is_not(self):
        """HAZARDS 3, 4"""
        def arrive(sequence):
            self.wan.send(peer.encap(self.inbound, self.packet, sequence=sequence))
            return self.lan.receive(1)

        arrive(1000)
        arrive(1000 - 63)  # the oldest of a window of 64
        self.assert_dropped("outside_window", 1, lambda: self.wan.send(
            peer.encap(self.inbound, self.packet, sequence=1000 - 64)))
        arrive(970)
        self.assert_dropped("replayed", 1, lambda: self.wan.send(
            peer.encap(self.inbound, self.packet, sequence=970)))
        self.gateway_sequences(1000)

    def test_windows_of_every_kind_keep_their_size(self):
        """HAZARDS 3: nothing is a 32-bit shift."""
        for number, window in enumerate((1, 31, 32, 33, 63, 65, 128, 1000, 4095, 4096)):
            group = default_group("aes128-sha1-96", ("tun", "esp"), 0x1000 + 16 * number, inbound=True)
            group[1].replay_window = window
            self.add_group(group)
            highest = 5000
            self.wan.send(peer.encap(group, self.packet, sequence=highest))
            self.lan.receive(1)
            if window > 1:
                self.wan.send(peer.encap(group, self.packet, sequence=highest - window + 1))
                self.lan.receive(1)
            self.assert_dropped("outside_window", 1, lambda: self.wan.send(
                peer.encap(group, self.packet, sequence=highest - window)))
            self.assert_dropped("replayed", 1, lambda: self.wan.send(
                peer.encap(group, self.packet, sequence=highest)))

    def test_a_window_of_zero_checks_nothing(self):
        group = default_group("aes128-sha1-96", ("tun", "esp"), 0x1000, inbound=True)
        group[1].replay_window = 0
        self.add_group(group)
        self.wan.send(*[peer.encap(group, self.packet, sequence=7)] * 3)
        self.assertEqual(self.lan.receive(3), [peer.forwarded(self.packet)] * 3)

    # The group check

    def test_only_exactly_the_group_in_reverse_is_accepted(self):
        tun, esp, ah = self.inbound
        for sas in ([tun, esp], [tun, ah, esp], [tun, ah]):
            self.send_all_dropped([peer.encap(sas, self.packet)], ("group_mismatch",))
        self.gateway_sequences(10)

    def test_an_unknown_spi_is_counted(self):
        stranger = default_group("aes128-sha1-96", ("tun", "esp"), 0x7777, inbound=True)
        self.assert_dropped("no_sa", 1, lambda: self.wan.send(peer.encap(stranger, self.packet)))

    def test_ah_within_ah_without_end_is_dropped(self):
        """HAZARDS 11: more AH than the group has, each with a good ICV."""
        packet = self.packet
        packet = self.inbound[0].encap(packet)
        for _ in range(20):
            packet = self.inbound[2].encap(packet)
        self.send_all_dropped([packet], ("group_mismatch", "too_many_headers", "replayed", "outside_window"))
        self.gateway_sequences(40)

    def test_tunnels_within_tunnels_without_end_are_dropped(self):
        """HAZARDS 11"""
        packet = self.packet
        for _ in range(40):
            packet = self.inbound[0].encap(packet)
        self.send_all_dropped([packet], ("group_mismatch", "too_many_headers", "tunnel_mismatch", "no_sa"))

    def test_ipv6_extension_headers_without_end_are_dropped(self):
        """HAZARDS 11"""
        packets = []
        for count in (9, 20, 60):
            header = IPv6(src=FAR_GATEWAY6, dst=GATEWAY6)
            for _ in range(count):
                header /= IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
            packets.append(bytes(header / udp(FAR_HOST6, LAN_HOST6)))
        self.send_all_dropped(packets, ("too_many_headers",))

    def test_an_ipv6_extension_header_longer_than_the_packet_is_a_runt(self):
        """HAZARDS 11"""
        packet = bytearray(bytes(IPv6(src=FAR_GATEWAY6, dst=GATEWAY6)
                                 / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]) / b"rest"))
        packet[41] = 255
        self.send_all_dropped([bytes(packet)], ("runt", "malformed"))

    def test_a_tunnel_from_another_gateway_is_refused(self):
        stranger = default_group("aes128-sha1-96", inbound=True)  # keys follow from SAID and algorithm: the same
        for sa in stranger:
            sa.source = "192.0.2.99"
        for ours, theirs in zip(self.inbound[1:], stranger[1:]):
            theirs.scapy.seq_num = 500
            ours.scapy.seq_num = 600
        self.send_all_dropped([peer.encap(stranger, self.packet)], ("tunnel_mismatch", "group_mismatch"))

    # Policy for plain traffic

    def test_plain_packets_that_an_eroute_says_must_be_protected_are_dropped(self):
        self.assert_dropped("unprotected", 1, lambda: self.wan.send(self.packet))

    def test_a_packet_on_a_protected_interface_without_eroute_is_dropped(self):
        self.assert_dropped("no_eroute", 1, lambda: self.lan.send(plain(LAN_HOST, "10.2.9.9", b"to nobody")))

    def test_magic_eroutes_drop_and_pass(self):
        self.gateway.batch([eroute_line(f"{LAN_HOST}/32 10.2.3.0/24", "%drop"),
                            eroute_line(f"{LAN_HOST}/32 10.2.4.0/24", "%pass")])
        self.assert_dropped("eroute_drop", 1, lambda: self.lan.send(plain(LAN_HOST, "10.2.3.4", b"x")))
        packet = plain(LAN_HOST, "10.2.4.4", b"in the clear, as asked")
        self.lan.send(packet)
        self.assertEqual(self.wan.receive(1), [peer.forwarded(packet)])

    def test_random_bytes_do_no_harm(self):
        """Invariant 6: IP headers to the gateway over noise, and noise alone."""
        packets = [bytes(IP(src=FAR_GATEWAY, dst=GATEWAY, proto=os.urandom(1)[0]) / os.urandom(size))
                   for size in range(0, 600, 3)]
        self.wan.send(*packets)
        for size in range(0, 300, 3):
            noise = os.urandom(size)
            self.wan.send_frame(bytes.fromhex(self.wan.daemon_mac.replace(":", "")) + os.urandom(6)
                                + (b"\x08\x00" if size % 2 else b"\x86\xdd") + noise)
        self.gateway.check_accounting()
        self.lan.frames()
        self.wan.frames()

    def test_headers_that_routers_may_change_do_not_break_ah(self):
        """RFC 4302 section 3.3.3.1: TOS, flags, TTL and checksum are mutable."""
        wire = bytearray(peer.encap(self.inbound, self.packet))
        wire[1], wire[8] = 0x28, 17
        wire[6] |= 0x40
        wire[10:12] = b"\0\0"
        wire[10:12] = struct.pack("!H", peer.checksum(bytes(wire[:20])))
        self.wan.send(bytes(wire))
        self.assertEqual(len(self.lan.receive(1)), 1)

    def test_echo_for_the_lan_address_is_answered_in_the_clear_on_the_lan(self):
        request = echo_request(LAN_HOST, LAN_GATEWAY, 7, b"are you there")
        self.lan.send(request)
        self.assertEqual(echo_words(self.lan.receive(1)[0]), echo_reply_words(request))


class FragmentsTest(GroupedGatewayTest):
    driver = "pcap"  # the kernel would put them together

    def test_later_fragments_do_not_slip_past_an_eroute_of_ports(self):
        """Invariant 2: which port they are for is unknown, and another port is protected."""
        self.gateway.batch([f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst 10.2.3.0/24 --said %pass",
                            f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst 10.2.3.0/24 --transport-proto udp "
                            f"--dst-port 5000 {self.outbound[0].sa_words}"])
        whole = IP(udp(LAN_HOST, "10.2.3.4", bytes(64), dport=5000))
        first, later = (bytes(fragment) for fragment in fragment_ip(whole, 40))
        self.assert_dropped("fragment", 1, lambda: self.lan.send(later))
