# Every payload size from 1 to 1400 bytes through the whole group tun → esp → ah, both directions, both families, with a
# block cipher (whose padding goes through all its lengths) and a counter mode, and some sizes up to jumbo packets. scapy
# is the other gateway. (Every size to 9600 through every shape: unit/engine/size_sweep_test.)
import os

import peer
from gateway import FAR_HOST, FAR_HOST6, LAN_HOST, LAN_HOST6, GatewayTest, default_group, plain



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
