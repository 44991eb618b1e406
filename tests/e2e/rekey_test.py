# docs/examples/rekey, step by step under load: no packet is lost, each has the old key or the new one.
import os
import pathlib
import struct
import subprocess

import lab
import peer
from gateway import FAR_GATEWAY, FAR_HOST, GATEWAY, LAN_HOST, GatewayTest, plain, udp
from traffic import Sink, Stream

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "docs/examples/rekey"
SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"


def group(tunnel_spi, esp_spi, source, destination):
    return [peer.Tunnel(tunnel_spi, source, destination), peer.Esp(esp_spi, source, destination, "aes128gcm16")]


class RekeyTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.old_out, self.new_out = (group(0x113, spi, GATEWAY, FAR_GATEWAY) for spi in (0x115, 0x215))
        self.old_in = group(0x115, 0x115, FAR_GATEWAY, GATEWAY)
        self.new_in = group(0x215, 0x215, FAR_GATEWAY, GATEWAY)
        self.add_group(self.old_out, SELECTOR)
        self.add_group(self.old_in)

    def key_file(self, sas):
        path = self.gateway.folder / f"{sas[1].said}.key"
        path.write_text("0x" + sas[1].encryption_key.hex())
        return str(path)

    def rekey(self, *words):
        subprocess.run([SCRIPT, *words], check=True, timeout=60, env={
            **os.environ, "SPIGRP_SOCKET": str(self.gateway.socket_path), "PATH": f"{self.tools()}:{os.environ['PATH']}"})

    def tools(self):
        link = self.gateway.links / "spigrpctl"
        if not link.exists():
            link.symlink_to(lab.find_program("spigrpctl"))
        return self.gateway.links

    def receive_inside(self, sas, sequence):
        self.wan.send(peer.encap(sas, udp(FAR_HOST, LAN_HOST), sequence))
        self.assertEqual(len(self.lan.receive(1)), 1)

    def test_both_directions_lose_nothing(self):
        self.receive_inside(self.old_in, 1)
        with Sink(self.wan) as sink:
            with Stream(self.lan, lambda number: plain(LAN_HOST, FAR_HOST, struct.pack("!I", number)), 1000) as stream:
                lab.wait_until(lambda: stream.sent > 100, "packets flow")
                self.rekey("accept", "215", GATEWAY, FAR_GATEWAY, self.key_file(self.new_in))
                self.receive_inside(self.old_in, 2)
                self.receive_inside(self.new_in, 1)
                self.rekey("send", "215", GATEWAY, FAR_GATEWAY, self.key_file(self.new_out), "113")
                after = stream.sent + 100
                lab.wait_until(lambda: stream.sent > after, "packets flow with the new key")
                self.receive_inside(self.old_in, 3)
                self.receive_inside(self.new_in, 2)
                self.rekey("forget", "115", GATEWAY, FAR_GATEWAY)
                after = stream.sent + 100
                lab.wait_until(lambda: stream.sent > after, "packets flow on")
            lab.wait_until(lambda: len(sink.collected) >= stream.sent, lambda: f"{len(sink.collected)} of {stream.sent}")
        came = []
        used = set()
        for packet in sink.collected:
            sas = self.new_out if struct.unpack("!I", packet[20:24])[0] == 0x215 else self.old_out
            used.add(sas[1].spi)
            came.append(struct.unpack("!I", peer.decap(sas, packet)[-4:])[0])
        self.assertEqual(came, list(range(stream.sent)))
        self.assertEqual(used, {0x115, 0x215})
        self.receive_inside(self.new_in, 3)
        self.assert_dropped("no_sa", 1, lambda: self.wan.send(peer.encap(self.old_in, udp(FAR_HOST, LAN_HOST), 4)))

    def test_replace_gives_an_sa_new_keys_in_its_group(self):
        self.lan.send(udp(LAN_HOST, FAR_HOST))
        peer.decap(self.old_out, self.wan.receive()[0])
        renewed = group(0x113, 0x115, GATEWAY, FAR_GATEWAY)
        renewed[1] = peer.Esp(0x115, GATEWAY, FAR_GATEWAY, "aes128gcm16", key_name="renewed")
        self.gateway.do(renewed[1].command() + " --replace")
        self.lan.send(udp(LAN_HOST, FAR_HOST))
        packet = self.wan.receive()[0]
        peer.decap(renewed, packet)
        self.assertEqual(peer.sequence_number(packet)[2], 1)
        self.gateway.do(renewed[1].command() + " --replace")  # the same keys: the numbers go on
        self.lan.send(udp(LAN_HOST, FAR_HOST))
        packet = self.wan.receive()[0]
        peer.decap(renewed, packet)
        self.assertGreater(peer.sequence_number(packet)[2], 1)
