# The other commands, as their pages describe them: spi, eroute, tncfg, look, address, route, neigh, stats, batch and
# klipsdebug; what they print, what they refuse, and with which exit status.
import re
import socket as sockets

import lab
import peer
from gateway import (FAR_GATEWAY, FAR_HOST, GATEWAY, LAN_HOST, GatewayTest, default_group, echo_reply_words,
                     echo_request, echo_words, eroute_line, plain, udp)

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"


class CommandsTest(GatewayTest):
    def refused(self, line, *texts, status=1, stdin=None):
        result = self.gateway.run(line, stdin)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)

    # spi

    def test_spi_lists_an_sa_a_line_without_keys(self):
        group = default_group(first_spi=0x713)  # with keys that nothing else has used
        self.gateway.batch([sa.command() for sa in group])
        lines = {line.split()[0]: line for line in self.gateway.do("spi").splitlines()}
        self.assertEqual(set(lines), {sa.said for sa in group})
        esp = lines[group[1].said]
        for word in ("dir=out", f"src={GATEWAY}", "ooowin=64", "seq=0", "alen=96", "aklen=160", "eklen=128"):
            self.assertIn(word, esp)
        self.assertNotIn(group[1].encryption_key.hex(), esp)

    def test_spi_shows_the_direction_and_what_passed(self):
        group = default_group(inbound=True)
        self.add_group(group)
        self.wan.send(peer.encap(group, plain(FAR_HOST, LAN_HOST, bytes(100))))
        self.lan.receive(1)
        line = next(line for line in self.gateway.do("spi").splitlines() if line.startswith(group[1].said))
        self.assertIn("dir=in", line)
        self.assertRegex(line, r"\bseq=1\b")
        self.assertRegex(line, r"packets\(1,")

    def test_spi_refuses_what_exists(self):
        sa = default_group()[1]
        self.gateway.do(sa.command())
        self.refused(sa.command(), sa.said)

    def test_spi_refuses_wrong_keys_without_repeating_them(self):
        sa = default_group()[1]
        line = sa.command().replace(sa.encryption_key.hex(), sa.encryption_key.hex()[2:])
        result = self.gateway.run(line)
        self.assertEqual(result.returncode, 1)
        self.assertIn(sa.said, result.stderr)
        self.assertIn("16", result.stderr)  # bytes that AES-128 wants
        self.assertNotIn(sa.encryption_key.hex()[2:10], result.stderr)

    def test_spi_refuses_an_unknown_algorithm_and_says_where_they_are_listed(self):
        sa = default_group()[1]
        self.refused(sa.command().replace("aes128-sha1-96", "rot13"), "rot13", "spi --algorithms")

    def test_spi_reads_keys_from_a_file_and_from_standard_input(self):
        sa = peer.Esp(0x222, GATEWAY, FAR_GATEWAY, "aes128gcm16")
        file = self.gateway.folder / "key"
        file.write_text(f"0x{sa.encryption_key.hex()}\n")
        start = f"spi {sa.sa_words} --src {GATEWAY} --esp aes128gcm16 --enckey"
        for key, stdin in ((f"@{file}", None), ("-", file.read_text())):
            self.gateway.do(f"{start} {key}", stdin)
            self.gateway.do(eroute_line(SELECTOR, sa, "--replace"))
            packet = plain(LAN_HOST, FAR_HOST, b"keys from elsewhere")
            self.lan.send(packet)
            self.assertEqual(sa.decap(self.wan.receive(1)[0]), peer.forwarded(packet))
            self.gateway.do(f"spi {sa.sa_words} --del")

    def test_spi_deletes_and_clears(self):
        group = default_group()
        self.gateway.batch([sa.command() for sa in group])
        self.gateway.do(f"spi --said {group[1].said} --del")
        self.assertEqual(len(self.gateway.do("spi").splitlines()), 2)
        self.refused(f"spi --said {group[1].said} --del", group[1].said)
        self.gateway.do("spi --clear")
        self.assertEqual(self.gateway.do("spi"), "")

    def test_spi_algorithms_lists_all_with_their_key_lengths(self):
        text = self.gateway.do("spi --algorithms")
        for cipher in ("aes128", "aes192", "aes256", "3des", "null"):
            for authenticator in peer.AUTHENTICATORS:
                self.assertIn(f"{cipher}-{authenticator}", text)
        of_ah = [name if name.startswith("aes") else "hmac-" + name for name in peer.AUTHENTICATORS]
        for name in ("aes128gcm16", "aes192gcm16", "aes256gcm16", "chacha20poly1305", *of_ah):
            self.assertIn(name, text)
        row = next(line for line in text.splitlines() if re.match(r"\s*aes256gcm16\b", line))
        self.assertIn("288", row)  # bits: 256 and a salt of 32

    def test_the_names_of_freeswan_work(self):
        for number, (name, key) in enumerate((("3des-md5-96", (24, 16)), ("3des-sha1-96", (24, 20)),
                                              ("aes128-sha1-96", (16, 20)), ("aes128-md5-96", (16, 16)),
                                              ("aes-sha1-96", (32, 20)), ("3des", (24, 0)))):
            spi = 0x300 + number
            line = (f"spi --af inet --edst {FAR_GATEWAY} --spi 0x{spi:x} --proto esp --src {GATEWAY} --esp {name} "
                    f"--enckey 0x{peer.key_bytes(name, key[0]).hex()}")
            if key[1]:
                line += f" --authkey 0x{peer.key_bytes('a', key[1]).hex()}"
            self.gateway.do(line)
        self.assertEqual(len(self.gateway.do("spi").splitlines()), 6)

    # eroute

    def test_eroute_lists_count_selector_and_target(self):
        group = default_group()
        self.add_group(group, SELECTOR)
        self.lan.send(*[plain(LAN_HOST, FAR_HOST, b"x")] * 3)
        self.wan.receive(3)
        lab.wait_until(lambda: self.gateway.do("eroute").split()[0] == "3",
                       lambda: f"three are counted: {self.gateway.do('eroute')}")
        self.assertRegex(self.gateway.do("eroute"),
                         rf"^3\s+{LAN_HOST}/32:0\s+->\s+{FAR_HOST}/32:0\s+=>\s+{re.escape(group[0].said)}:0\n$")

    def test_eroute_add_of_an_existing_selector_is_refused_and_replace_is_not(self):
        group = default_group()
        self.add_group(group, SELECTOR)
        self.refused(eroute_line(SELECTOR, "%drop"), f"{LAN_HOST}/32", "--replace")
        self.gateway.do(eroute_line(SELECTOR, "%drop", "--replace"))
        self.assert_dropped("eroute_drop", 1, lambda: self.lan.send(plain(LAN_HOST, FAR_HOST, b"x")))

    def test_eroute_replace_adds_where_there_was_none(self):
        self.gateway.do(eroute_line(SELECTOR, "%drop", "--replace"))
        self.assertEqual(len(self.gateway.do("eroute").splitlines()), 1)

    def test_eroute_deletes_and_clears(self):
        self.gateway.do(eroute_line(SELECTOR, "%drop"))
        delete = f"eroute --del --eraf inet --src {LAN_HOST}/32 --dst {FAR_HOST}/32"
        self.gateway.do(delete)
        self.refused(delete, LAN_HOST)
        self.gateway.batch([eroute_line(SELECTOR, "%drop"), eroute_line("10.1.0.0/24 10.2.9.0/24", "%pass")])
        self.gateway.do("eroute --clear")
        self.assertEqual(self.gateway.do("eroute"), "")

    def test_eroute_to_an_sa_that_does_not_exist_is_refused(self):
        self.refused(eroute_line(SELECTOR, default_group()[0]), "tun.113@192.0.2.2")

    def test_eroute_refuses_host_bits_and_mixed_families(self):
        for line in ("eroute --add --eraf inet --src 10.1.0.1/24 --dst 10.2.0.0/24 --said %drop",
                     "eroute --add --eraf inet --src 10.1.0.0/24 --dst fd00::/64 --said %drop",
                     "eroute --add --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/24 --src-port 7 --said %drop"):
            self.assertIn(self.gateway.run(line).returncode, (1, 2), line)
        self.assertEqual(self.gateway.do("eroute"), "")

    def test_the_most_specific_eroute_wins(self):
        self.gateway.batch([
            "eroute --add --eraf inet --src 10.1.0.0/24 --dst 10.2.0.0/16 --said %drop",
            f"eroute --add --eraf inet --src 10.1.0.0/24 --dst {FAR_HOST}/32 --said %pass",
            f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst 10.2.0.0/16 --transport-proto udp --dst-port 53 "
            "--said %drop",
        ])
        packet = plain(LAN_HOST, FAR_HOST, b"x")
        self.lan.send(packet)
        self.assertEqual(self.wan.receive(1), [peer.forwarded(packet)])  # the longer destination of equal sources
        self.assert_dropped("eroute_drop", 1, lambda: self.lan.send(udp(LAN_HOST, FAR_HOST, b"q", dport=53)))
        passed = udp(LAN_HOST, FAR_HOST, b"q", dport=54)
        self.lan.send(passed)
        self.assertEqual(self.wan.receive(1), [peer.forwarded(passed)])

    def test_eroute_knows_services_and_protocols_by_name(self):
        self.gateway.do(f"eroute --add --eraf inet --src {LAN_HOST}/32 --dst {FAR_HOST}/32 --transport-proto tcp "
                        "--dst-port https --said %drop")
        self.assertIn(f"{FAR_HOST}/32:443", self.gateway.do("eroute"))

    # tncfg

    def test_tncfg_attaches_detaches_and_lists(self):
        self.assertRegex(self.gateway.do("tncfg"), r"^ipsec0\s+->\s+wan\b")
        self.gateway.do("tncfg --create ipsec7")
        self.gateway.do("tncfg --attach --virtual ipsec7 --physical lan")
        self.assertEqual(len(self.gateway.do("tncfg").splitlines()), 2)
        self.gateway.do("tncfg --detach --virtual ipsec7")
        self.gateway.do("tncfg --delete ipsec7")
        self.refused("tncfg --attach --virtual ipsec0 --physical nosuch", "nosuch")
        self.refused("tncfg --delete ipsec7", "ipsec7")

    def test_packets_to_a_detached_interface_are_dropped(self):
        self.add_group(default_group(), SELECTOR)
        self.gateway.do("tncfg --detach --virtual ipsec0")
        try:
            self.assert_dropped("interface_detached", 1, lambda: self.lan.send(plain(LAN_HOST, FAR_HOST, b"x")))
        finally:
            self.gateway.do("tncfg --attach --virtual ipsec0 --physical wan")

    # look

    def test_look_shows_host_eroutes_with_groups_interfaces_sas_and_routes(self):
        group = default_group()
        self.add_group(group, SELECTOR)
        text = self.gateway.do("look")
        self.assertIn(sockets.gethostname(), text.splitlines()[0])
        self.assertTrue(any(LAN_HOST in line and all(sa.said in line for sa in group) for line in text.splitlines()),
                        text)
        for word in ("ipsec0", "10.2.0.0/16"):
            self.assertIn(word, text)
        page = self.gateway.list("look")
        self.assertEqual(page["host"], sockets.gethostname())
        self.assertEqual([sa["id"] for sa in page["sas"]], sorted(sa.said for sa in group)[::-1])
        self.assertEqual(len(page["eroutes"]), 1)
        self.assertIn("10.2.0.0/16", [route["destination"] for route in page["routes"]])

    # stats of SAs

    def test_stats_count_by_sa(self):
        group, inbound = default_group(), default_group(first_spi=0x213, inbound=True)
        self.add_group(group, SELECTOR)
        self.add_group(inbound)
        self.lan.send(*[plain(LAN_HOST, FAR_HOST, b"x")] * 3)
        self.wan.receive(3)
        forged = bytearray(peer.encap(inbound, plain(FAR_HOST, LAN_HOST, b"y")))
        forged[-1] ^= 1
        self.assert_dropped("authentication_failed", 1, lambda: self.wan.send(bytes(forged)))
        esp, ah = group[1].said, inbound[2].said
        rows = {row["id"]: row for row in self.gateway.list("stats --sas")}
        self.assertEqual(set(rows), {sa.said for sa in group + inbound})
        self.assertEqual((rows[esp]["packets"], rows[ah]["authentication_failures"]), (3, 1))
        self.assertIn(esp, self.gateway.do(f"stats --said {esp}"))
        self.assertNotIn(ah, self.gateway.do(f"stats --said {esp}"))
        self.assertEqual(self.gateway.run("stats --said esp.999@192.0.2.9").returncode, 1)

    # address, route, neigh

    def test_address_adds_answers_lists_and_deletes(self):
        self.gateway.do("address --add 10.1.0.99/24 --dev lan")
        self.assertIn("10.1.0.99/24", self.gateway.do("address"))
        request = echo_request(LAN_HOST, "10.1.0.99", 3, b"a second address")
        self.lan.send(request)
        self.assertEqual(echo_words(self.lan.receive(1)[0]), echo_reply_words(request))
        self.gateway.do("address --del 10.1.0.99/24 --dev lan")
        self.assertNotIn("10.1.0.99/24", self.gateway.do("address"))

    def test_route_adds_forwards_lists_and_deletes(self):
        self.gateway.do(f"route --add --dst 10.8.0.0/16 --via {FAR_GATEWAY} --dev wan")
        self.assertIn("10.8.0.0/16", self.gateway.do("route"))
        packet = plain(LAN_HOST, "10.8.1.2", b"plain forwarding")
        self.lan.send(packet)
        self.assertEqual(self.wan.receive(1), [peer.forwarded(packet)])
        self.gateway.do("route --del --dst 10.8.0.0/16")
        self.assert_dropped("no_route", 1, lambda: self.lan.send(packet))
        self.refused("route --del --dst 10.8.0.0/16", "10.8.0.0/16")

    def test_what_an_eroute_protects_does_not_leave_by_a_plain_route(self):
        """Invariant 2, from the side of routing."""
        self.add_group(default_group(), f"{LAN_HOST}/32 10.8.0.0/16")
        self.gateway.do(f"route --add --dst 10.8.0.0/16 --via {FAR_GATEWAY} --dev wan")
        try:
            self.assert_dropped("bypasses_eroute", 1, lambda: self.lan.send(plain(LAN_HOST, "10.8.1.2", b"x")))
        finally:
            self.gateway.do("route --del --dst 10.8.0.0/16")

    def test_neigh_lists_static_neighbours(self):
        self.assertIn(self.wan.test_mac, self.gateway.do("neigh"))

    # stats, klipsdebug, batch

    def test_stats_names_every_reason_that_occurred(self):
        self.assert_dropped("no_eroute", 1, lambda: self.lan.send(plain(LAN_HOST, FAR_HOST, b"x")))
        text = self.gateway.do("stats")
        for word in ("received", "sent", "no_eroute", "lan", "wan"):
            self.assertIn(word, text)

    def test_klipsdebug_takes_the_old_flags(self):
        for line in ("klipsdebug --set esp", "klipsdebug --clear esp", "klipsdebug --all", "klipsdebug --none"):
            self.gateway.do(line)
        self.assertIn(self.gateway.run("klipsdebug --set nosuch").returncode, (1, 2))

    def test_a_batch_is_all_or_nothing_and_names_the_line(self):
        """HAZARDS 19"""
        group = default_group()
        lines = [sa.command() for sa in group] + ["# a comment", "", "spigrp inet 192.0.2.2 0x113 tun inet 192.0.2.2 "
                                                  "0x999 esp"]
        self.refused("batch -", ":6", "esp.999@192.0.2.2", stdin="\n".join(lines) + "\n")
        self.assertEqual(self.gateway.do("spi"), "")
        self.assertEqual(self.gateway.run("batch -", "spi --nonsense\n").returncode, 2)
        file = self.gateway.folder / "batch"
        file.write_text("\n".join(lines[:3]) + "\nipsec spigrp " + " ".join(sa.words for sa in group) + "\n")
        self.gateway.do(f"batch {file}")
        self.assertEqual(self.gateway.do("spigrp"), " ".join(sa.said for sa in group) + "\n")

    # what all of them take

    def test_every_command_has_help_and_version(self):
        for command in lab.COMMANDS:
            self.assertIn(command, self.gateway.do(f"{command} --help"))
            self.assertRegex(self.gateway.do(f"{command} --version"), r"\d+\.\d+")

    def test_every_list_has_json(self):
        self.add_group(default_group(), SELECTOR)
        for line in ("spi", "spigrp", "eroute", "tncfg", "address", "route", "neigh", "stats", "spi --algorithms"):
            self.assertTrue(self.gateway.list(line), line)

    def test_every_command_says_when_there_is_no_daemon(self):
        for line in ("spi", "spigrp", "eroute", "tncfg", "look", "address", "route", "neigh", "stats"):
            result = self.gateway.run(line, environment={"SPIGRP_SOCKET": "/nonexistent/socket"})
            self.assertEqual((result.returncode, result.stdout), (3, ""), line)
            self.assertIn("/nonexistent/socket", result.stderr)

    def test_an_unknown_option_is_wrong_usage(self):
        for command in lab.COMMANDS:
            self.assertEqual(self.gateway.run(f"{command} --nosuch").returncode, 2, command)
