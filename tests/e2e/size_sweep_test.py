# Every payload size from 1 to 1400 bytes through the whole group tun → esp → ah, both directions, both families, with a
# block cipher (whose padding goes through all its lengths) and a counter mode, and some sizes up to jumbo packets, these
# through groups without tunnel too. scapy is the other gateway. (Every size to 9600 through every shape:
# unit/engine/size_sweep_test.)
import os

import peer
from gateway import (FAR_HOST, FAR_HOST6, LAN_GATEWAY, LAN_GATEWAY6, LAN_HOST, LAN_HOST6, GatewayTest, default_group,
                     echo_reply_words, echo_request, echo_words, plain)


class SweepTest(GatewayTest):
    sizes = range(1, 1401)
    flood = 100  # packets under way at once; less than the port's ring
    mtu = 2000   # so that no inner packet, with the group around it, is too big

    def hosts(self, family):
        return (LAN_HOST, FAR_HOST) if family == 4 else (LAN_HOST6, FAR_HOST6)

    def sweep(self, family, algorithm):
        near, far = self.hosts(family)
        outbound = default_group(algorithm, family=family)
        inbound = default_group(algorithm, family=family, inbound=True)
        bits = 32 if family == 4 else 128
        self.add_group(outbound, f"{near}/{bits} {far}/{bits}")
        self.add_group(inbound)
        for start in range(0, len(self.sizes), self.flood):
            payloads = [os.urandom(size) for size in self.sizes[start:start + self.flood]]
            sent = [plain(near, far, payload) for payload in payloads]
            self.lan.send(*sent)
            received = [peer.decap(outbound, packet) for packet in self.wan.receive(len(sent))]
            self.assertEqual(received, [peer.forwarded(packet) for packet in sent])

            sent = [plain(far, near, payload) for payload in payloads]
            self.wan.send(*(peer.encap(inbound, packet) for packet in sent))
            self.assertEqual(self.lan.receive(len(sent)), [peer.forwarded(packet) for packet in sent])


class SizeSweepTest(SweepTest):
    def test_every_size_with_aes_cbc_over_ipv4(self):
        self.sweep(4, "aes128-sha1-96")

    def test_every_size_with_aes_cbc_over_ipv6(self):
        self.sweep(6, "aes256-sha2_512-256")

    def test_every_size_with_aes_gcm_over_ipv4(self):
        self.sweep(4, "aes128gcm16")

    def test_every_size_with_aes_gcm_over_ipv6(self):
        self.sweep(6, "aes256gcm16")

    def test_every_size_with_3des_over_ipv4(self):
        self.sweep(4, "3des-md5-96")


class JumboSweepTest(SweepTest):
    sizes = range(1501, 9400, 263)
    flood = 8
    mtu = 9600

    def test_jumbo_packets_with_aes_cbc_over_ipv4(self):
        self.sweep(4, "aes128-sha1-96")

    def test_jumbo_packets_with_aes_gcm_over_ipv6(self):
        self.sweep(6, "aes256gcm16")


class TransportSweepTest(GatewayTest):
    """Groups without a tun SA end at the gateway itself, which answers an echo through its own group."""
    mtu = 9600
    sizes = (*range(0, 1500, 61), *range(1501, 9300, 655))
    flood = 8

    def check(self, family, shape):
        near, far = (LAN_GATEWAY, FAR_HOST) if family == 4 else (LAN_GATEWAY6, FAR_HOST6)
        outbound, inbound = ([make(*ends) for make in shape] for ends in ((near, far), (far, near)))
        bits = 32 if family == 4 else 128
        self.add_group(outbound, f"{near}/{bits} {far}/{bits}")
        self.add_group(inbound)
        for start in range(0, len(self.sizes), self.flood):
            requests = [echo_request(far, near, 7, os.urandom(size)) for size in self.sizes[start:start + self.flood]]
            self.wan.send(*(peer.encap(inbound, request) for request in requests))
            replies = [echo_words(peer.decap(outbound, packet)) for packet in self.wan.receive(len(requests))]
            self.assertEqual(replies, [echo_reply_words(request) for request in requests])

    def test_esp(self):
        for family in (4, 6):
            self.check(family, [lambda *ends: peer.Esp(0x2001, *ends, "aes128-sha1-96")])
            self.setUp()

    def test_ah(self):
        for family in (4, 6):
            self.check(family, [lambda *ends: peer.Ah(0x3001, *ends)])
            self.setUp()

    def test_esp_and_ah(self):
        for family in (4, 6):
            self.check(family, [lambda *ends: peer.Esp(0x2001, *ends, "aes256gcm16"),
                                lambda *ends: peer.Ah(0x3001, *ends, "hmac-sha2_256-128")])
            self.setUp()

    def test_comp_and_esp(self):
        for family in (4, 6):
            self.check(family, [lambda *ends: peer.Comp(0x1001, *ends), lambda *ends: peer.Esp(0x2001, *ends)])
            self.setUp()
