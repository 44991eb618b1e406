# spigrpd itself: how it starts, what it says when it cannot, what it leaves behind, and that keys leave its memory.
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import lab
from gateway import FAR_GATEWAY, GATEWAY, GatewayTest, default_group, eroute_line

EXAMPLES = lab.ROOT / "config/examples"


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spigrp-daemon-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        file = self.folder / name
        file.write_text(text)
        return file

    def configuration(self, ports=None, **tables):
        ports = ports or [{"name": "lan", "device": "net_null0", "addresses": ["10.1.0.1/24"]}]
        tables = {"socket": {"path": str(self.folder / "sock")},
                  "memory": {"file_prefix": f"spigrp-daemon-{os.getpid()}"}, **tables}
        top = "".join(lab.toml({name: value}) for name, value in tables.items() if not isinstance(value, dict))
        text = top + "".join("[[ports]]\n" + lab.toml(port) for port in ports)
        text += "".join(f"[{name}]\n{lab.toml(values)}" for name, values in tables.items() if isinstance(values, dict))
        return self.write("gateway.toml", text)

    def spigrpd(self, *words, limit_s=None):
        return subprocess.run([str(lab.find_program("spigrpd")), *map(str, words)], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=limit_s or lab.LIMIT_S * 3, cwd=self.folder)

    def assert_refused(self, words, *texts, status=1):
        """One sentence on standard error, behind DPDK's own lines if there are any."""
        result = self.spigrpd(*words)
        self.assertEqual((result.returncode, result.stdout), (status, ""), result.stderr)
        sentences = [line for line in result.stderr.splitlines() if line.startswith("spigrpd: ")]
        self.assertEqual(len(sentences), 1, result.stderr)
        for text in texts:
            self.assertIn(text, sentences[0])
        self.assertNotIn("Sanitizer", result.stderr)


class CheckTest(Folder):
    def test_check_says_what_the_configuration_would_do_and_does_nothing(self):
        result = self.spigrpd("--check", self.configuration())
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for text in ("port lan: net_null0", "10.1.0.1/24", "1 worker", str(self.folder / "sock")):
            self.assertIn(text, result.stdout)
        self.assertFalse((self.folder / "sock").exists())

    def test_every_example_that_can_run_here_is_fine(self):
        for name in ("embedded", "reference"):
            result = self.spigrpd("--check", EXAMPLES / f"{name}.toml")
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_what_is_wrong_is_said_with_its_line(self):
        good = self.configuration().read_text()
        for wrong, line, word in (("nonsense = 1\n" + good, 1, "nonsense"), (good + "[workers]\ncounts = 2\n", None, "counts"),
                                  (good.replace('"10.1.0.1/24"', '"10.1.0.1/33"'), 4, "10.1.0.1/33"),
                                  (good.replace('"lan"', "7"), 2, "name"), (good + "[workers\n", None, "")):
            with self.subTest(word):
                file = self.write("wrong.toml", wrong)
                line = line or len(wrong.splitlines())
                self.assert_refused(("--check", file), f"{file}:{line}", word)
                self.assert_refused((file,), f"{file}:{line}", word)

    def test_a_file_that_is_not_there_is_said_to_be(self):
        self.assert_refused(("--check", "/nonexistent.toml"), "/nonexistent.toml")
        self.assert_refused(("/nonexistent.toml",), "/nonexistent.toml")

    def test_a_device_that_is_not_there_is_said_with_its_line(self):
        file = self.configuration([{"name": "lan", "device": "net_null0"},
                                   {"name": "wan", "device": "net_af_packet0,iface=nosuch0"}])
        self.assert_refused(("--check", file), f"{file}:4", "port wan", "nosuch0")
        self.assert_refused((file,), f"{file}:4", "port wan", "nosuch0")

    def test_wrong_usage_exits_with_2(self):
        self.assert_refused(("--nonsense",), "--nonsense", status=2)
        self.assert_refused(("a.toml", "b.toml"), "b.toml", status=2)

    def test_help_and_version(self):
        self.assertIn("--check", self.spigrpd("--help").stdout)
        self.assertRegex(self.spigrpd("--version").stdout, r"^spigrpd \d+\.\d+")


class StartTest(Folder):
    def test_a_wrong_line_in_the_startup_batch_keeps_it_from_starting(self):
        batch = self.write("startup", f"tncfg --create ipsec0\nspigrp inet {FAR_GATEWAY} 0x113 tun\n")
        self.assert_refused((self.configuration(startup_batch=str(batch)),), f"{batch}:2", f"tun.113@{FAR_GATEWAY}")
        batch.write_text("tncfg --creates ipsec0\n")
        self.assert_refused((self.configuration(startup_batch=str(batch)),), f"{batch}:1", "--creates")

    def test_a_socket_that_cannot_be_made_is_said_to_be(self):
        self.assert_refused((self.configuration(socket={"path": "/nonexistent/folder/sock"}),), "/nonexistent/folder/sock")

    def test_two_daemons_on_one_socket_are_refused_and_the_first_lives_on(self):
        first = lab.Daemon([{"name": "lan", "device": "net_null0"}]).start()
        try:
            file = self.configuration(socket={"path": str(first.socket_path)})
            self.assert_refused((file,), str(first.socket_path), "another daemon")
            self.assertEqual(first.do("spi"), "")
        finally:
            first.stop()

    def test_a_socket_that_a_killed_daemon_left_behind_is_replaced(self):
        daemon = lab.Daemon([{"name": "lan", "device": "net_null0"}]).start()
        daemon.process.kill()
        daemon.process.wait()
        self.assertTrue(daemon.socket_path.exists())
        daemon.start()
        self.assertEqual(daemon.do("spi"), "")
        daemon.stop()

    def test_the_startup_batch_is_there_before_the_first_answer(self):
        group = default_group()
        lines = [sa.command() for sa in group] + ["spigrp " + " ".join(sa.words for sa in group),
                                                  "ipsec " + eroute_line("10.1.0.0/24 10.2.0.0/24", group[0])]
        daemon = lab.Daemon([{"name": "lan", "device": "net_null0"}], startup_batch="\n".join(lines) + "\n").start()
        try:
            self.assertEqual(daemon.do("spigrp"), " ".join(sa.said for sa in group) + "\n")
            self.assertEqual(len(daemon.do("eroute").splitlines()), 1)
        finally:
            daemon.stop()

    def test_sigterm_and_sigint_end_it_and_the_socket_is_gone(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = lab.Daemon([{"name": "lan", "device": "net_null0"}]).start()
            socket_path = daemon.socket_path
            daemon.process.send_signal(number)
            self.assertEqual(daemon.process.wait(lab.LIMIT_S), 0)
            self.assertFalse(socket_path.exists())
            daemon.stop()

    def test_it_is_ready_soon(self):
        start = time.monotonic()
        daemon = lab.Daemon([{"name": "lan", "device": "net_null0"}]).start()
        self.addCleanup(daemon.stop)
        daemon.do("spi")
        self.assertLess(time.monotonic() - start, lab.LIMIT_S / 4)
        if "asan" not in lab.BUILD.name:  # of the processor's time, which other tests do not take from it
            words = pathlib.Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.assertLess((int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"), 1)

    def test_a_signal_while_it_starts_ends_it_as_well(self):
        file = self.configuration()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with subprocess.Popen([str(lab.find_program("spigrpd")), str(file)], stdin=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as daemon:
                lab.wait_until((self.folder / "sock").exists, "the socket is there")
                daemon.send_signal(number)
                _, log = daemon.communicate(timeout=lab.LIMIT_S)
            self.assertEqual(daemon.returncode, 0, log)
            self.assertFalse((self.folder / "sock").exists())

    def test_a_second_daemon_leaves_the_socket_of_one_that_is_starting_alone(self):
        file = self.configuration()
        command = [str(lab.find_program("spigrpd")), str(file)]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
            lab.wait_until((self.folder / "sock").exists, "the socket is there")
            second = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    timeout=lab.LIMIT_S * 3)
            self.assertEqual(second.returncode, 1)
            self.assertIn("another daemon listens on it", second.stderr)
            self.assertTrue((self.folder / "sock").exists())
            first.terminate()
            self.assertEqual(first.wait(lab.LIMIT_S), 0)

    def test_a_log_that_nobody_reads_does_not_stop_it(self):
        file = self.configuration(log_topics=["pfkey"])
        with subprocess.Popen([str(lab.find_program("spigrpd")), str(file)], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as daemon:
            lab.wait_until((self.folder / "sock").exists, "the socket is there")
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(lab.LIMIT_S)
                client.connect(str(self.folder / "sock"))
                answers = client.makefile("rb")
                for _ in range(3000):  # a pipe takes 64 KiB
                    client.sendall(b'{"jsonrpc":"2.0","id":1,"method":"status"}\n')
                    self.assertIn(b"result", answers.readline())
            daemon.terminate()
            self.assertEqual(daemon.wait(lab.LIMIT_S), 0)
            daemon.stderr.close()

    def test_without_arguments_it_starts_the_embedded_default(self):
        """In a mount namespace of its own, where /run is empty."""
        script = f"""mount -t tmpfs none /run && cd {self.folder} || exit 9
            {lab.find_program('spigrpd')} & daemon=$!
            for _ in $(seq 400); do [ -S /run/spigrp/spigrpd.sock ] && {lab.find_program('spigrpctl')} stats && break; sleep 0.05; done
            kill $daemon; wait $daemon"""
        result = subprocess.run(["unshare", "--mount", "bash", "-c", script], text=True, capture_output=True,
                                stdin=subprocess.DEVNULL, timeout=lab.LIMIT_S * 3,
                                env={name: value for name, value in os.environ.items() if name != "SPIGRP_SOCKET"})
        self.assertEqual(result.returncode, 0, result.stderr)
        for word in ("lan", "wan", "net_null"):
            self.assertIn(word, result.stdout)

    def test_it_runs_without_being_root(self):
        if os.geteuid() != 0:
            self.skipTest("this is not root anyway")
        program = self.folder / "spigrpd"
        shutil.copy(lab.find_program("spigrpd"), program)
        file = self.configuration()
        for path in (self.folder, program, file):
            os.chown(path, 65534, 65534)
        log = open(self.folder / "log", "wb")
        process = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, file],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                   env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(self.folder),
                                        "ASAN_OPTIONS": "detect_leaks=0"})
        try:
            def answers():
                self.assertIsNone(process.poll(), (self.folder / "log").read_text())
                result = subprocess.run([lab.find_program("spigrpctl"), "stats", "--json", "--socket",
                                         self.folder / "sock"], text=True, capture_output=True)
                return result.returncode == 0 and json.loads(result.stdout)["ports"]
            lab.wait_until(answers, "it answers")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(lab.LIMIT_S), 0, (self.folder / "log").read_text())
        finally:
            process.kill()
            process.wait()
            log.close()


class LogTest(GatewayTest):
    def test_topics_say_what_is_edited_and_never_a_key(self):
        """HAZARDS 24"""
        self.gateway.do("klipsdebug --all")
        group = default_group()
        self.add_group(group, "10.1.0.0/24 10.2.0.0/24")
        self.gateway.do("klipsdebug --none")
        log = self.gateway.log()
        for text in (f"[esp] new SA {group[1].said}", f"[xform] grouped: {group[0].said}", "[eroute] eroute set:"):
            self.assertIn(text, log)
        for key in (group[1].encryption_key, group[1].authentication_key):
            self.assertNotIn(key.hex()[:16], log)


class KeyMemoryTest(GatewayTest):
    """Invariant 5: the daemon cannot dump core, and a deleted SA's keys are nowhere in its memory."""

    def memory_holds(self, *needles, daemon=None):
        """Which of these bytes are in the daemon's writable memory."""
        found = set()
        pid = (daemon or self.gateway).process.pid
        with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                words = line.split()
                start, end = (int(number, 16) for number in words[0].split("-"))
                # Shadow memory and reservations that were never touched cannot be read whole.
                if not words[1].startswith("rw") or end - start > 1 << 30:
                    continue
                try:
                    memory.seek(start)
                    content = memory.read(end - start)
                except (OSError, ValueError):
                    continue
                found |= {needle for needle in needles if needle in content}
        return found

    @unittest.skipIf("asan" in lab.BUILD.name, "AddressSanitizer keeps freed memory aside")
    def test_keys_of_a_deleted_sa_are_nowhere_in_memory(self):
        keys = [os.urandom(16), os.urandom(20)]
        texts = [key.hex().encode() for key in keys]
        line = (f"spi --af inet --edst {FAR_GATEWAY} --spi 0x777 --proto esp --src {GATEWAY} --esp aes128-sha1-96 "
                f"--enckey 0x{keys[0].hex()} --authkey 0x{keys[1].hex()}")
        self.gateway.do(line)
        self.assertIn(keys[0], self.memory_holds(*keys))  # this way of looking finds them
        self.gateway.batch([line.replace("0x777", f"0x{spi:x}") for spi in range(0x778, 0x790)])
        self.gateway.run(line)  # refused: it exists
        self.gateway.run(line.replace("0x777", "0x1"))
        self.gateway.do("spi --clear")
        for _ in range(3):  # a few turns of the control thread for what waits for its grace period
            self.gateway.do("spi")
        lab.wait_until(lambda: self.gateway.call("status")["result"]["old_versions"] == 0, "old versions are freed")
        self.assertEqual(self.memory_holds(*keys, *texts), set())

    @unittest.skipIf("asan" in lab.BUILD.name, "AddressSanitizer keeps freed memory aside")
    def test_keys_of_the_startup_batch_do_not_stay_when_their_sas_go(self):
        key = os.urandom(16)
        lines = [f"spi --af inet --edst {FAR_GATEWAY} --spi 0x{spi:x} --proto esp --src {GATEWAY} --esp aes128 "
                 f"--enckey 0x{key.hex()}" for spi in range(0x100, 0x120)]
        daemon = lab.Daemon([{"name": "lan", "device": "net_null0"}], startup_batch="\n".join(lines) + "\n",
                            name="batch").start()
        self.addCleanup(daemon.stop)
        self.assertEqual(len(daemon.do("spi").splitlines()), len(lines))
        self.assertIn(key, self.memory_holds(key, daemon=daemon))
        daemon.do("spi --clear")
        lab.wait_until(lambda: daemon.call("status")["result"]["old_versions"] == 0, "old versions are freed")
        self.assertEqual(self.memory_holds(key, key.hex().encode(), daemon=daemon), set())

    @unittest.skipIf("asan" in lab.BUILD.name, "AddressSanitizer keeps freed memory aside")
    def test_keys_do_not_stay_with_a_client_that_goes_on(self):
        key = os.urandom(20)
        spec = {"source": GATEWAY, "algorithm": "null-sha1-96", "authentication_key": "0x" + key.hex()}
        edits = [{"method": "sa.add", "params": {"spec": {**spec, "id": f"esp.{spi:x}@{FAR_GATEWAY}"}}}
                 for spi in range(0x1000, 0x1400)]
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(lab.LIMIT_S)
            client.connect(str(self.gateway.socket_path))
            answers = client.makefile("rb")
            for request in ({"method": "batch", "params": {"edits": edits}}, {"method": "sa.clear", "params": {}}):
                client.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, **request}).encode() + b"\n")
                self.assertIn(b"result", answers.readline())
            lab.wait_until(lambda: self.gateway.call("status")["result"]["old_versions"] == 0, "old versions are freed")
            self.assertEqual(self.memory_holds(key, key.hex().encode()), set())

    def test_the_daemon_dumps_no_core(self):
        daemon = lab.Daemon([{"name": "lan", "device": "net_null0"}]).start()
        daemon.do("spi")  # it answers: from before any key is read it can dump none
        resource.prlimit(daemon.process.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        daemon.process.send_signal(signal.SIGQUIT)
        _, status = os.waitpid(daemon.process.pid, 0)
        daemon.process.returncode = 0  # it is waited for
        self.assertTrue(os.WIFSIGNALED(status))
        self.assertFalse(os.WCOREDUMP(status))
        daemon.stop()
