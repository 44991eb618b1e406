# DPDK's own tools on a running spigrpd.
import pathlib
import re
import shutil
import subprocess
import unittest

import lab


class ToolsTest(unittest.TestCase):
    def daemon(self, memory):
        wire = lab.Wire("port", 3)
        self.addCleanup(wire.close)
        daemon = lab.Daemon([{"name": "port", "device": wire.device, "addresses": ["192.0.2.1/24"]}],
                            {"memory": memory})
        daemon.start()
        self.addCleanup(daemon.stop)
        self.prefix = next(line.split('"')[1] for line in (daemon.folder / "config.toml").read_text().splitlines()
                           if line.startswith("file_prefix"))
        return daemon

    def with_huge_pages(self):
        free = int(re.search(r"HugePages_Free:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
        if free < 160:
            self.skipTest(f"secondary processes need huge pages, and only {free} are free on this machine")
        if not re.search(r"^\S+ \S+ hugetlbfs ", pathlib.Path("/proc/mounts").read_text(), re.MULTILINE):
            self.skipTest("no hugetlbfs is mounted, where DPDK would keep its huge pages")
        return self.daemon({"huge_pages": True, "secondary_processes": True})

    def run_tool(self, *words, **options):
        if not shutil.which(words[0]):
            self.fail(f"{words[0]} is not installed; scripts/install-packages check does that")
        return subprocess.run(words, text=True, capture_output=True, timeout=lab.LIMIT_S, **options)

    def check_telemetry(self):
        result = self.run_tool("dpdk-telemetry.py", "-f", self.prefix,
                               input="/ethdev/list\n/ethdev/info,0\n/info\n/spigrp/stats\nquit\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"/ethdev/list": [', result.stdout.replace("\n", ""))
        answers = re.findall(r"^\{.*?^\}", result.stdout, re.M | re.S) or result.stdout.splitlines()
        self.assertTrue(any("net_af_packet" in answer for answer in answers), result.stdout)

    def test_dpdk_telemetry_answers_with_huge_pages(self):
        self.with_huge_pages()
        self.check_telemetry()

    def test_dpdk_proc_info_attaches(self):
        self.with_huge_pages()
        result = self.run_tool("dpdk-proc-info", f"--file-prefix={self.prefix}", "--", "--stats")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("NIC statistics for port 0", result.stdout)

    def test_dpdk_dumpcap_attaches(self):
        self.with_huge_pages()
        result = self.run_tool("dpdk-dumpcap", f"--file-prefix={self.prefix}", "-D")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("net_af_packet", result.stdout + result.stderr)
