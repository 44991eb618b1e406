# Every payload size from 1 to 1400 bytes through the whole group tun → esp → ah, both directions, both families, with a
# block cipher (whose padding goes through all its lengths) and a counter mode. scapy is the other gateway.
import os

import peer
from gateway import FAR_HOST, FAR_HOST6, LAN_HOST, LAN_HOST6, GatewayTest, default_group, plain

SIZES = range(1, 1401)
FLOOD = 100  # packets under way at once; less than the port's ring


class SizeSweepTest(GatewayTest):
    mtu = 2000  # so that no inner packet, with the group around it, is too big

    def hosts(self, family):
        return (LAN_HOST, FAR_HOST) if family == 4 else (LAN_HOST6, FAR_HOST6)

    def sweep(self, family, algorithm):
        near, far = self.hosts(family)
        outbound = default_group(algorithm, family=family)
        inbound = default_group(algorithm, family=family, inbound=True)
        bits = 32 if family == 4 else 128
        self.add_group(outbound, f"{near}/{bits} {far}/{bits}")
        self.add_group(inbound)
        for start in range(SIZES.start, SIZES.stop, FLOOD):
            payloads = [os.urandom(size) for size in range(start, min(start + FLOOD, SIZES.stop))]
            sent = [plain(near, far, payload) for payload in payloads]
            self.lan.send(*sent)
            received = [peer.decap(outbound, packet) for packet in self.wan.receive(len(sent))]
            self.assertEqual(received, [peer.forwarded(packet) for packet in sent])

            sent = [plain(far, near, payload) for payload in payloads]
            self.wan.send(*(peer.encap(inbound, packet) for packet in sent))
            self.assertEqual(self.lan.receive(len(sent)), [peer.forwarded(packet) for packet in sent])

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
