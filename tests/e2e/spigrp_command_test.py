# Every sentence that docs say about `spigrp`, tried with the real command: what it prints, what it refuses and with
# which words, and that nothing has changed after an error.
import os

import lab
import peer
from gateway import (FAR_GATEWAY, FAR_GATEWAY6, FAR_HOST, GATEWAY, GATEWAY6, LAN_HOST, GatewayTest, default_group,
                     eroute_line, plain)

SELECTOR = f"{LAN_HOST}/32 {FAR_HOST}/32"
NEAR, FAR = GATEWAY, FAR_GATEWAY


def words(group):
    return " ".join(sa.words for sa in group)


def saids(group):
    return " ".join(sa.said for sa in group)


class SpigrpTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.tun, self.esp, self.ah = self.group = default_group()
        self.other_esp = peer.Esp(0x225, NEAR, FAR, "aes128gcm16")
        self.other_ah = peer.Ah(0x226, NEAR, FAR)
        self.all = self.group + [self.other_esp, self.other_ah]
        self.gateway.batch([sa.command() for sa in self.all])

    def groups(self):
        return self.gateway.do("spigrp").splitlines()

    def assert_refused(self, line, *texts, status=1, stdin=None):
        """Refused with these words in its error, and neither groups, SAs nor eroutes have changed."""
        before = self.everything()
        result = self.gateway.run(line, stdin)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)
        self.assertEqual(self.everything(), before)
        return result.stderr

    def everything(self):
        groups, eroutes = self.gateway.list("spigrp"), self.gateway.list("eroute")
        sas = sorted(line.split()[0] for line in self.gateway.do("spi").splitlines())
        return groups, eroutes, sas

    def outbound(self, group):
        """One packet from the LAN leaves with exactly this group."""
        packet = plain(LAN_HOST, FAR_HOST, os.urandom(32))
        self.lan.send(packet)
        self.assertEqual(peer.decap(group, self.wan.receive(1)[0]), peer.forwarded(packet))

    def outbound_dropped(self, reason="group_dissolved"):
        self.assert_dropped(reason, 1, lambda: self.lan.send(plain(LAN_HOST, FAR_HOST, b"must not leave")))

    # Two or more SAs: they become one group

    def test_two_or_more_sas_become_one_group_listed_inside_to_outside(self):
        self.gateway.do("spigrp " + words(self.group))
        self.assertEqual(self.groups(), [saids(self.group)])

    def test_the_first_is_applied_first_to_an_outgoing_packet(self):
        for group in ([self.tun, self.esp, self.ah], [self.tun, self.ah, self.esp]):
            self.gateway.do("spigrp " + words(group))
            self.gateway.do(eroute_line(SELECTOR, self.tun, "--replace"))
            self.outbound(group)
            self.gateway.do("spigrp " + self.tun.words)

    def test_the_first_is_removed_last_from_an_incoming_packet(self):
        inbound = default_group(inbound=True)
        self.gateway.batch([sa.command() for sa in inbound] + ["spigrp " + words(inbound)])
        packet = plain(FAR_HOST, LAN_HOST, b"inwards")
        self.wan.send(peer.encap(inbound, packet))
        self.assertEqual(self.lan.receive(1), [peer.forwarded(packet)])

    def test_the_group_is_known_by_its_first_sa(self):
        self.gateway.do("spigrp " + words(self.group))
        self.assert_refused(eroute_line(SELECTOR, self.esp), self.esp.said, self.tun.said)
        self.gateway.do(eroute_line(SELECTOR, self.tun))
        self.outbound(self.group)

    def test_a_group_has_up_to_eight_sas(self):
        group = [self.tun]
        for number in range(8):
            group.append(peer.Ah(0x300 + number, NEAR, FAR, "hmac-md5-96") if number % 2
                         else peer.Esp(0x300 + number, NEAR, FAR, "aes128gcm16"))
        self.gateway.batch([sa.command() for sa in group[1:]])
        self.assert_refused("spigrp " + words(group), "8")
        self.gateway.do("spigrp " + words(group[:8]))
        self.assertEqual(self.groups(), [saids(group[:8])])
        self.gateway.do(eroute_line(SELECTOR, self.tun))
        self.outbound(group[:8])

    def test_ipv4_and_ipv6_sas_mix_in_a_group(self):
        group = [peer.Tunnel(0x401, GATEWAY6, FAR_GATEWAY6), peer.Esp(0x402, GATEWAY6, FAR_GATEWAY6),
                 peer.Tunnel(0x403, NEAR, FAR), peer.Ah(0x404, NEAR, FAR)]
        self.gateway.batch([sa.command() for sa in group])
        self.gateway.do("spigrp " + words(group))
        self.assertEqual(self.groups(), [saids(group)])
        self.gateway.do(eroute_line(SELECTOR, group[0]))
        self.outbound(group)

    def test_sas_of_a_group_may_have_different_destinations(self):
        """A tunnel within a tunnel: to a gateway behind the far gateway."""
        group = [peer.Tunnel(0x411, "10.1.0.1", "10.2.0.77"), peer.Esp(0x412, "10.1.0.1", "10.2.0.77"),
                 peer.Tunnel(0x413, NEAR, FAR), peer.Ah(0x414, NEAR, FAR)]
        self.gateway.batch([sa.command() for sa in group])
        self.gateway.do("spigrp " + words(group))
        self.gateway.do(eroute_line(SELECTOR, group[0]))
        self.outbound(group)

    # Every SA must exist and be in no group; else nothing changes and the error names the SA

    def test_an_sa_that_does_not_exist_is_named(self):
        self.assert_refused(f"spigrp {words(self.group)} inet {FAR} 0x999 esp", f"esp.999@{FAR}")

    def test_an_sa_that_is_in_a_group_is_named_with_its_group_and_what_would_work(self):
        self.gateway.do(f"spigrp {words([self.tun, self.esp])}")
        error = self.assert_refused(f"spigrp {words([self.other_esp, self.esp])}", self.esp.said, self.tun.said,
                                    "ungroup")
        self.assertIn(f"spigrp --said {self.tun.said}", error)

    def test_the_third_sa_refused_leaves_the_first_two_ungrouped(self):
        """HAZARDS 17"""
        self.gateway.do(f"spigrp {words([self.other_esp, self.other_ah])}")
        self.assert_refused(f"spigrp {words([self.tun, self.esp, self.other_ah])}", self.other_ah.said)
        self.gateway.do(f"spigrp {words([self.tun, self.esp])}")

    def test_an_sa_listed_twice_is_refused(self):
        self.assert_refused(f"spigrp {words([self.tun, self.esp, self.esp])}", self.esp.said)

    # One SA: the group that contains it is dissolved

    def test_one_sa_in_any_place_dissolves_its_group(self):
        for sa in self.group:
            self.gateway.do("spigrp " + words(self.group))
            self.gateway.do("spigrp " + sa.words)
            self.assertEqual(self.groups(), [])

    def test_only_the_group_that_contains_it_is_dissolved(self):
        self.gateway.do("spigrp " + words([self.tun, self.esp]))
        self.gateway.do("spigrp " + words([self.other_esp, self.other_ah]))
        self.gateway.do("spigrp " + self.other_ah.words)
        self.assertEqual(self.groups(), [saids([self.tun, self.esp])])

    def test_dissolving_what_is_no_group_is_refused(self):
        self.assert_refused("spigrp " + self.tun.words, self.tun.said, "group")
        self.assert_refused(f"spigrp inet {FAR} 0x999 tun", f"tun.999@{FAR}")

    def test_after_ungrouping_the_eroute_protects_nothing_and_its_packets_are_dropped(self):
        """Invariant 2, HAZARDS 16 and 18"""
        self.gateway.batch(["spigrp " + words(self.group), eroute_line(SELECTOR, self.tun)])
        self.outbound(self.group)
        self.gateway.do("spigrp " + self.tun.words)
        self.outbound_dropped()
        self.outbound_dropped()

    def test_until_its_sa_heads_a_group_again(self):
        self.gateway.batch(["spigrp " + words(self.group), eroute_line(SELECTOR, self.tun)])
        self.gateway.do("spigrp " + self.ah.words)
        self.outbound_dropped()
        self.gateway.do("spigrp " + words([self.tun, self.other_esp]))
        self.outbound([self.tun, self.other_esp])

    def test_or_until_the_eroute_is_replaced(self):
        self.gateway.batch(["spigrp " + words(self.group), eroute_line(SELECTOR, self.tun)])
        self.gateway.do("spigrp " + self.ah.words)
        self.outbound_dropped()
        self.gateway.do("spigrp " + words([self.other_esp, self.other_ah]))
        self.outbound_dropped()
        tun = peer.Tunnel(0x500, NEAR, FAR)
        self.gateway.batch([tun.command(), "spigrp " + self.other_esp.words,
                            "spigrp " + words([tun, self.other_esp]), eroute_line(SELECTOR, tun, "--replace")])
        self.outbound([tun, self.other_esp])

    def test_the_same_when_the_sa_is_deleted(self):
        self.gateway.batch(["spigrp " + words(self.group), eroute_line(SELECTOR, self.tun)])
        self.gateway.do(f"spi {self.esp.sa_words} --del")
        left = {line.split()[0] for line in self.gateway.do("spi").splitlines()}
        self.assertEqual(left, {self.other_esp.said, self.other_ah.said})  # the whole group went
        self.outbound_dropped()

    def test_a_later_place_for_an_sa_that_an_eroute_leads_to_is_refused(self):
        self.gateway.do(eroute_line(SELECTOR, self.other_esp))
        self.assert_refused(f"spigrp {words([self.tun, self.other_esp])}", self.other_esp.said)

    # --replace

    def test_replace_makes_the_group_exactly_this_list(self):
        self.gateway.batch(["spigrp " + words([self.tun, self.esp]), eroute_line(SELECTOR, self.tun)])
        for group in ([self.tun, self.esp, self.ah], [self.tun, self.ah, self.esp], [self.tun, self.other_esp],
                      [self.tun, self.other_esp, self.other_ah]):
            self.gateway.do("spigrp --replace " + words(group))
            self.assertEqual(self.groups(), [saids(group)])
            self.outbound(group)

    def test_replace_ungroups_the_sas_that_fall_out(self):
        self.gateway.do("spigrp " + words(self.group))
        self.gateway.do("spigrp --replace " + words([self.tun, self.other_esp]))
        self.gateway.do("spigrp " + words([self.esp, self.ah]))
        self.assertEqual(sorted(self.groups()), sorted([saids([self.tun, self.other_esp]), saids([self.esp, self.ah])]))

    def test_replace_refuses_new_members_that_do_not_exist_or_are_in_another_group(self):
        self.gateway.do("spigrp " + words([self.tun, self.esp]))
        self.gateway.do("spigrp " + words([self.other_esp, self.other_ah]))
        self.assert_refused(f"spigrp --replace {words([self.tun, self.esp])} inet {FAR} 0x999 ah", f"ah.999@{FAR}")
        self.assert_refused(f"spigrp --replace {words([self.tun, self.esp, self.other_ah])}", self.other_ah.said)

    def test_replace_refuses_a_first_sa_that_heads_no_group(self):
        self.assert_refused("spigrp --replace " + words([self.tun, self.esp]), self.tun.said)
        self.gateway.do("spigrp " + words([self.tun, self.esp]))
        self.assert_refused("spigrp --replace " + words([self.esp, self.ah]), self.esp.said)

    def test_replace_takes_saids(self):
        self.gateway.do("spigrp " + words([self.tun, self.esp]))
        self.gateway.do("spigrp --replace --said " + saids(self.group))
        self.assertEqual(self.groups(), [saids(self.group)])

    def test_replace_keeps_the_sequence_numbers(self):
        """HAZARDS 6, invariant 1: the SA is the same SA."""
        esp, ah = peer.Esp(0x715, NEAR, FAR), peer.Ah(0x716, NEAR, FAR)  # with keys that nothing else has used
        self.gateway.batch([esp.command(), ah.command(), "spigrp " + words([self.tun, esp]),
                            eroute_line(SELECTOR, self.tun)])
        self.outbound([self.tun, esp])
        self.gateway.do("spigrp --replace " + words([self.tun, esp, ah]))
        self.lan.send(plain(LAN_HOST, FAR_HOST, b"the second"))
        wire = self.wan.receive(1)[0]
        self.assertEqual(peer.sequence_number(wire)[2], 1)  # ah's first
        self.assertEqual(peer.sequence_number(ah.decap(wire))[2], 2)  # esp's second

    def test_the_first_sa_changes_in_one_batch(self):
        tun = peer.Tunnel(0x500, NEAR, FAR)
        self.gateway.batch(["spigrp " + words(self.group), eroute_line(SELECTOR, self.tun), tun.command()])
        self.gateway.batch(["spigrp " + self.tun.words, "spigrp " + words([tun, self.esp, self.ah]),
                            eroute_line(SELECTOR, tun, "--replace")])
        self.outbound([tun, self.esp, self.ah])

    # No argument: the list

    def test_the_list_is_one_line_a_group(self):
        self.assertEqual(self.groups(), [])
        v6 = [peer.Tunnel(0x3d0, GATEWAY6, FAR_GATEWAY6), peer.Esp(0x187a101b, GATEWAY6, FAR_GATEWAY6)]
        self.gateway.batch([sa.command() for sa in v6] + ["spigrp " + words(v6), "spigrp " + words(self.group)])
        self.assertEqual(sorted(self.groups()), sorted([
            "tun:3d0@2001:db8::2 esp:187a101b@2001:db8::2",
            "tun.113@192.0.2.2 esp.115@192.0.2.2 ah.116@192.0.2.2"]))

    def test_the_list_as_json_has_the_same_members(self):
        self.gateway.do("spigrp " + words(self.group))
        rows = self.gateway.list("spigrp")
        self.assertEqual([row["members"] for row in rows], [[sa.said for sa in self.group]])

    # Words

    def test_saids_are_taken_in_every_form(self):
        for said in (f"tun.113@{FAR}", f"tun0x113@{FAR}", f"tun275@{FAR}"):
            self.gateway.do(f"spigrp --said {said} {self.esp.said}")
            self.assertEqual(self.groups(), [saids([self.tun, self.esp])])
            self.gateway.do(f"spigrp --said {said}")
            self.assertEqual(self.groups(), [])

    def test_an_spi_is_hexadecimal_or_decimal(self):
        self.gateway.do(f"spigrp inet {FAR} 275 tun inet {FAR} 0x115 esp")
        self.assertEqual(self.groups(), [saids([self.tun, self.esp])])

    def test_names_are_looked_up_by_the_command(self):
        tun, esp = peer.Tunnel(0x601, NEAR, "127.0.0.1"), peer.Esp(0x602, NEAR, "127.0.0.1")
        self.gateway.batch([tun.command(), esp.command()])
        self.gateway.do("spigrp inet localhost 0x601 tun inet localhost 0x602 esp")
        self.assertEqual(self.groups(), ["tun.601@127.0.0.1 esp.602@127.0.0.1"])

    def test_a_name_that_nobody_knows_is_said_to_be_unknown(self):
        result = self.gateway.run("spigrp inet no-such-host.invalid 0x113 tun")
        self.assertIn(result.returncode, (1, 2))
        self.assertIn("no-such-host.invalid", result.stderr)

    def test_label_stands_before_every_error(self):
        result = self.gateway.run(f"spigrp --label night-shift inet {FAR} 0x999 tun")
        self.assertEqual(result.returncode, 1)
        for line in result.stderr.splitlines():
            self.assertTrue(line.startswith("spigrp --label night-shift: "), line)

    def test_label_stands_before_every_line_of_output(self):
        self.gateway.do("spigrp " + words(self.group))
        self.assertEqual(self.gateway.do("spigrp --label day").splitlines(),
                         ["spigrp --label day: " + saids(self.group)])

    def test_wrong_usage_exits_with_2_and_changes_nothing(self):
        for line in (f"spigrp inet {FAR} 0x113", f"spigrp inet {FAR} tun 0x113", "spigrp inet7 1.2.3.4 0x113 tun",
                     f"spigrp inet {FAR} 0x113 xyz", f"spigrp inet {FAR} zz tun", "spigrp --said tun.113",
                     "spigrp --said", "spigrp --replace", "spigrp --unknown", f"spigrp inet {FAR} 0xff tun",
                     f"spigrp inet {FAR} 0x1ffffffff tun", f"spigrp inet6 {FAR} 0x113 tun"):
            with self.subTest(line):
                self.assertNotEqual(self.assert_refused(line, status=2), "")

    def test_without_a_daemon_it_exits_with_3_and_says_so(self):
        result = self.gateway.run(f"spigrp --socket {self.gateway.folder}/nobody")
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn(f"{self.gateway.folder}/nobody", result.stderr)

    def test_socket_option_goes_before_the_environment(self):
        environment = {"SPIGRP_SOCKET": "/nonexistent"}
        self.assertEqual(self.gateway.run("spigrp", environment=environment).returncode, 3)
        result = self.gateway.run(f"spigrp --socket {self.gateway.socket_path}", environment=environment)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_help_shows_the_example_and_version_a_number(self):
        text = self.gateway.do("spigrp --help")
        self.assertIn("spigrp inet gw2 0x113 tun inet gw2 0x115 esp inet gw2 0x116 ah", text)
        self.assertIn("--replace", text)
        self.assertRegex(self.gateway.do("spigrp --version"), r"\d+\.\d+")

    def test_it_is_found_by_its_own_name_through_ipsec_and_through_spigrpctl(self):
        self.gateway.do("spigrp " + words(self.group))
        self.assertEqual(self.gateway.do("ipsec spigrp").splitlines(), [saids(self.group)])
        (self.gateway.links / "spigrpctl").symlink_to(lab.find_program("spigrpctl"))
        self.assertEqual(self.gateway.do("spigrpctl spigrp").splitlines(), [saids(self.group)])

    def test_options_come_from_a_file(self):
        file = self.gateway.folder / "options"
        file.write_text("--said " + saids(self.group) + "\n")
        self.gateway.do(f"spigrp --optionsfrom {file}")
        self.assertEqual(self.groups(), [saids(self.group)])

    def test_an_error_in_json_is_still_a_sentence_on_standard_error(self):
        result = self.gateway.run(f"spigrp --json inet {FAR} 0x999 tun")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn(f"tun.999@{FAR}", result.stderr)
