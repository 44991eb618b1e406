# Packets that do not fit: what the gateway fragments is put together and decrypted by scapy. The ports are pcap ports:
# behind others the kernel would put fragments together before the gateway sees them.
import struct

import peer
from gateway import (FAR_HOST, FAR_HOST6, LAN_HOST, LAN_HOST6, GatewayTest, default_group, plain)
from scapy.layers.inet import IP, defragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, defragment6


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
