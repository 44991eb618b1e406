# Packets that do not fit: what the gateway fragments is put together and decrypted by scapy, what scapy fragments is put
# together by the gateway. The ports are pcap ports: behind others the kernel would put fragments together before the
# gateway sees them.
import struct

import lab
import peer
from gateway import (FAR_HOST, FAR_HOST6, LAN_GATEWAY, LAN_GATEWAY6, LAN_HOST, LAN_HOST6, GatewayTest, default_group,
                     echo_reply_words, echo_request, echo_words, eroute_line, plain)
from hostile_packets_test import GroupedGatewayTest
from scapy.layers.inet import IP, defragment, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN, defragment6, fragment6
from scapy.packet import Raw


def joined(packets):
    """The one packet that these fragments are of, as scapy puts it together."""
    if packets[0][0] >> 4 == 6:
        return bytes(defragment6([IPv6(packet) for packet in packets]))
    whole = [bytes(packet) for packet in defragment([IP(packet) for packet in packets])]
    assert len(whole) == 1, f"scapy makes {len(whole)} packets of {len(packets)} fragments"
    return whole[0]


def without_df(packet):
    assert packet[6] & 0x40 == 0
    return packet


class FragmentingTest(GatewayTest):
    driver = "pcap"

    def check_fits(self, packets):
        for packet in packets:
            self.assertLessEqual(len(packet), self.mtu)
            peer.check_ip_header(packet)

    def group_to(self, family, words=""):
        group = default_group("aes128-sha1-96", family=family)
        lines = [sa.command() + (" " + words if sa.proto == "tun" and words else "") for sa in group]
        lines.append("spigrp " + " ".join(sa.words for sa in group))
        for near, far in ((f"{LAN_HOST}/32", f"{FAR_HOST}/32"), (f"{LAN_HOST6}/128", f"{FAR_HOST6}/128")):
            lines.append(f"eroute --add --eraf {'inet6' if ':' in near else 'inet'} --src {near} --dst {far} "
                         f"{group[0].sa_words}")
        self.gateway.batch(lines)
        return group

    def check_after(self, family):
        group = self.group_to(family)
        for size in range(1330, 1480, 7):
            sent = without_df(plain(LAN_HOST, FAR_HOST, bytes(range(256)) * 5 + bytes(size - 1280)))
            self.lan.send(sent)
            count = 1 if len(peer.encap(group, sent, 1)) <= self.mtu else 2
            packets = self.wan.receive(count)
            self.check_fits(packets)
            whole = packets[0] if count == 1 else joined(packets)
            self.assertEqual(peer.decap(group, whole), peer.forwarded(sent))

    def test_outer_ipv4_packets_are_fragmented_after_encryption(self):
        self.check_after(4)

    def test_outer_ipv6_packets_are_fragmented_after_encryption(self):
        self.check_after(6)

    def check_before(self, family):
        group = self.group_to(family, "--fragment before")
        for size in (1400, 1440, 1470):
            sent = without_df(plain(LAN_HOST, FAR_HOST, bytes(range(256)) * 5 + bytes(size - 1280)))
            self.lan.send(sent)
            packets = self.wan.receive(2)
            self.check_fits(packets)
            inner = [peer.decap(group, packet) for packet in packets]
            self.check_fits(inner)
            self.assertEqual(joined(inner), peer.forwarded(sent))

    def test_inner_packets_are_fragmented_before_encryption_into_ipv4(self):
        self.check_before(4)

    def test_inner_packets_are_fragmented_before_encryption_into_ipv6(self):
        self.check_before(6)

    def test_ipv6_fragments_have_a_fragment_header_behind_the_fixed_header(self):
        self.group_to(6)
        self.lan.send(plain(LAN_HOST, FAR_HOST, bytes(1450)))
        headers = [IPv6(packet)[IPv6ExtHdrFragment] for packet in self.wan.receive(2)]
        self.assertEqual([(header.offset, header.m, header.nh) for header in headers], [(0, 1, 51), (181, 0, 51)])
        self.assertEqual(headers[0].id, headers[1].id)

    def test_answers_leave_a_group_without_tunnel_in_fragments(self):
        """The gateway is their source, so over IPv6 too."""
        for near, far in ((LAN_GATEWAY, FAR_HOST), (LAN_GATEWAY6, FAR_HOST6)):
            outbound, inbound = peer.Esp(0x2001, near, far, "aes128gcm16"), peer.Esp(0x2002, far, near, "aes128gcm16")
            self.gateway.batch([outbound.command(), inbound.command(), eroute_line(f"{near} {far}", outbound)])
            for size in (1400, 1450, 3000, 9000):
                request = echo_request(far, near, 7, bytes(range(250)) * (size // 250))
                esp = inbound.encap(request)
                self.wan.send(*fragments_of(esp, 1200, size))
                header_bytes, piece_bytes = (20, 1480) if esp[0] >> 4 == 4 else (40, 1448)
                fits = len(esp) <= self.mtu  # the answer is as long
                packets = self.wan.receive(1 if fits else -(-(len(esp) - header_bytes) // piece_bytes))
                self.check_fits(packets)
                whole = packets[0] if len(packets) == 1 else joined(packets)
                self.assertEqual(echo_words(outbound.decap(whole)), echo_reply_words(request))

    def test_what_must_stay_whole_is_not_fragmented_and_its_sender_learns_what_fits(self):
        """RFC 1191, RFC 4443: to the byte, over either outer header and with either choice."""
        for family in (4, 6):
            for words in ("", "--fragment before"):
                self.gateway.batch(["eroute --clear", "spi --clear"])
                group = self.group_to(family, words)
                self.check_told(group, lambda size: bytes(IP(src=LAN_HOST, dst=FAR_HOST, proto=253, flags="DF")
                                                          / bytes(size - 20)),
                                lambda answer: struct.unpack("!H", answer[26:28])[0])
                self.check_told(group, lambda size: plain(LAN_HOST6, FAR_HOST6, bytes(size - 40)),
                                lambda answer: struct.unpack("!I", answer[44:48])[0])

    def check_told(self, group, packet, told):
        self.lan.send(packet(1480))
        fitting = told(self.lan.receive(1)[0])
        self.lan.send(packet(fitting))
        wire = self.wan.receive(1)[0]
        self.assertLessEqual(len(wire), self.mtu)
        self.assertEqual(peer.decap(group, wire), peer.forwarded(packet(fitting)))
        self.lan.send(packet(fitting + 1))
        self.assertEqual(told(self.lan.receive(1)[0]), fitting)
        self.assertEqual(self.wan.packets(), [])


def fragments_of(packet, piece, identification):
    """As scapy cuts it: pieces of so many bytes of the payload, in order. IPv4 packets keep the identification that they
    have: AH protects it."""
    if packet[0] >> 4 == 4:
        return [bytes(part) for part in fragment(IP(packet), piece)]
    whole = IPv6(packet)
    header = IPv6(src=whole.src, dst=whole.dst, hlim=whole.hlim)
    parts = fragment6(header / IPv6ExtHdrFragment(nh=packet[6], id=identification) / Raw(packet[40:]), piece + 48)
    return [bytes(part) for part in parts]


class ReassemblyTest(GroupedGatewayTest):
    driver = "pcap"

    def setUp(self):
        super().setUp()
        self.identification = 0
        self.inbound6 = default_group("aes128-sha1-96", first_spi=0x213, inbound=True, family=6)
        self.inbound_esp = default_group("aes128-sha1-96", ("tun", "esp"), 0x413, inbound=True)
        for group in (self.inbound6, self.inbound_esp):
            self.add_group(group)

    def tearDown(self):
        super().tearDown()
        lab.wait_until(lambda: self.gateway.totals()["held"] == 0, "no fragment is held")
        self.gateway.check_accounting()

    def inner(self, group):
        """Where the eroute protects IPv4 traffic with the IPv4 peer, only that one may send it."""
        source, destination = (FAR_HOST, LAN_HOST) if group[0].af == "inet" else (FAR_HOST6, LAN_HOST6)
        return plain(source, destination, bytes(range(256)) * 4)

    def fragments(self, group, piece=400):
        self.identification += 1
        return fragments_of(peer.encap(group, self.inner(group)), piece, self.identification)

    def check_passes(self, group, change=lambda fragments: fragments, piece=400):
        fragments = change(self.fragments(group, piece))
        joined_before = self.gateway.totals()["joined"]
        self.wan.send(*fragments)
        self.assertEqual(self.lan.receive(1), [peer.forwarded(self.inner(group))])
        self.assertEqual(self.gateway.totals()["joined"] - joined_before, len(fragments) - 1)

    def both_families(self):
        return self.inbound, self.inbound_esp, self.inbound6

    def test_fragments_in_order_are_put_together(self):
        for group in self.both_families():
            for piece in (200, 400, 1096):
                self.check_passes(group, piece=piece)

    def test_ipv6_fragments_that_begin_with_destination_options_are_put_together(self):
        group = default_group("aes128-sha1-96", ("tun", "esp"), 0x513, inbound=True, family=6)
        self.add_group(group)
        esp = IPv6(peer.encap(group, self.inner(group)))
        whole = (IPv6(src=esp.src, dst=esp.dst) / IPv6ExtHdrFragment(id=9) /
                 IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))], nh=50) / Raw(bytes(esp)[40:]))
        fragments = [bytes(part) for part in fragment6(whole, 448)]
        self.assertGreater(len(fragments), 2)
        self.wan.send(*fragments)
        self.assertEqual(self.lan.receive(1), [peer.forwarded(self.inner(group))])

    def test_fragments_in_reverse_order_are_put_together(self):
        for group in self.both_families():
            self.check_passes(group, lambda fragments: fragments[::-1])

    def test_fragments_of_several_packets_may_be_mixed(self):
        one, other = self.fragments(self.inbound), self.fragments(self.inbound6)
        third = [with_identification(part, 7) for part in self.fragments(self.inbound_esp)]
        mixed = [part for parts in zip(one, other[::-1], third) for part in parts]
        self.wan.send(*mixed)
        due = [peer.forwarded(self.inner(group)) for group in (self.inbound, self.inbound, self.inbound6)]
        self.assertEqual(sorted(self.lan.receive(3)), sorted(due))

    def test_a_bare_tunnel_and_ah_alone_are_put_together_too(self):
        for shape in (("tun",), ("tun", "ah"), ("tun", "esp")):
            group = default_group(shape=shape, first_spi=0x313, inbound=True)
            self.gateway.batch(["eroute --clear", "spi --clear"])  # a bare tunnel is no match for an eroute's group
            self.add_group(group)
            self.check_passes(group)
        self.add_group(self.inbound)

    def test_overlapping_fragments_are_dropped_with_their_packet(self):
        """RFC 5722"""
        for group in self.both_families():
            wire = peer.encap(group, self.inner(group))
            self.identification += 1
            parts = [fragments_of(wire, piece, self.identification) for piece in (400, 200)]
            self.send_all_dropped([parts[0][0], parts[1][1], *parts[0][1:]], ("fragment_overlap",))

    def test_a_packet_whose_last_fragment_is_missing_is_given_up_in_time(self):
        for group in self.both_families():
            parts = self.fragments(group)[:-1]
            before = self.gateway.drops("reassembly_timeout")
            self.wan.send(*parts)
            lab.wait_until(lambda: self.gateway.totals()["held"] == len(parts), "fragments are held")
            self.gateway.check_accounting()
            lab.wait_until(lambda: self.gateway.drops("reassembly_timeout") == before + len(parts), "they time out")
            self.assertEqual((self.lan.packets(), self.wan.packets()), ([], []))

    def test_a_flood_of_first_fragments_keeps_no_packet_out(self):
        first = self.fragments(self.inbound)[0]
        full_before = self.gateway.drops("reassembly_full")
        sent = 0
        while self.gateway.drops("reassembly_full") < full_before + 50:
            before = self.gateway.totals()["received"]
            self.wan.send(*(with_identification(first, 1000 + sent + i) for i in range(10)))
            sent += 10
            lab.wait_until(lambda: self.gateway.totals()["received"] >= before + 10, "the flood arrives")
        self.check_passes(self.inbound)
        self.check_passes(self.inbound6, lambda fragments: fragments[::-1])
        self.gateway.check_accounting()

    def test_fragments_that_wait_are_accounted_for_at_the_end(self):
        self.wan.send(*self.fragments(self.inbound)[1:])
        lab.wait_until(lambda: self.gateway.totals()["held"] > 0, "fragments are held")
        self.gateway.check_accounting()


def with_identification(packet, identification):
    header = bytearray(packet[:20])
    header[4:6] = struct.pack("!H", identification)
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", peer.checksum(bytes(header)))
    return bytes(header) + packet[20:]
