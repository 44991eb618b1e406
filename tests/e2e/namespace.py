# Network namespaces that end with the process that made them: each lives as long as its holder, a sleeping process that
# the kernel ends when its parent ends, however that comes about. Nothing is left on the machine, not even a name.
import contextlib
import ctypes
import fcntl
import pathlib
import signal
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent():
    """For preexec_fn: the child gets SIGTERM when its parent ends."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Namespace:
    """A network namespace, with /etc/hosts of its own where `hosts` is given."""

    def __init__(self, name, hosts=None):
        self.name = name
        words = ["unshare", "--net", "--mount", "sh", "-c",
                 ('mount --bind "$1" /etc/hosts && ' if hosts else "") + "ip link set lo up && echo && exec sleep 100000",
                 "holder", str(hosts or "")]
        self.holder = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       preexec_fn=end_with_parent)
        if self.holder.stdout.read(1) != b"\n":
            raise RuntimeError(f"the namespace {name} cannot be made")

    @property
    def prefix(self):
        """Words before a command that is to run inside."""
        pid = self.holder.pid
        return ["nsenter", f"--net=/proc/{pid}/ns/net", f"--mount=/proc/{pid}/ns/mnt", "--"]

    def run(self, line):
        """Runs a command (words, no shell) inside and returns what it printed; it must succeed."""
        words = line.split() if isinstance(line, str) else [str(word) for word in line]
        result = subprocess.run(self.prefix + words, text=True, capture_output=True, stdin=subprocess.DEVNULL)
        if result.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(words)}: exit {result.returncode}\n{result.stdout}"
                               f"{result.stderr}")
        return result.stdout

    def set(self, setting, value):
        """A setting below /proc/sys/net, which shows the namespace of whoever opens it."""
        with self.inside():
            pathlib.Path("/proc/sys/net", setting).write_text(str(value))

    def has_link(self, name, mac, addresses=(), mtu=1500):
        """Brings up one end of a veth pair that lies here; without addresses the kernel keeps still on it."""
        self.set(f"ipv6/conf/{name}/disable_ipv6", int(not addresses))
        self.set(f"ipv6/conf/{name}/accept_dad", 0)  # addresses are good at once
        self.set(f"ipv6/conf/{name}/router_solicitations", 0)
        self.run(f"ip link set {name} address {mac} mtu {mtu}")
        for address in addresses:
            self.run(f"ip address add {address} dev {name}" + (" nodad" if ":" in address else ""))
        with self.inside():
            switch_off_offloads(name)
        self.run(f"ip link set {name} up")

    @contextlib.contextmanager
    def inside(self):
        """For this thread only: sockets made here belong to the namespace for good."""
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.holder.pid}/ns/net") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter the namespace {self.name}")
            try:
                yield
            finally:
                if libc.setns(home.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "cannot come back from a namespace")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


def join(one, one_name, other, other_name):
    """A veth pair between two namespaces."""
    one.run(f"ip link add {one_name} type veth peer name {other_name} netns {other.holder.pid}")


SIOCETHTOOL = 0x8946
ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO = 0x17, 0x24, 0x2c


def switch_off_offloads(interface):
    """The kernel leaves checksums, and the cutting of long segments, to the other end of a veth, which does neither."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for command in (ETHTOOL_STXCSUM, ETHTOOL_SGSO, ETHTOOL_SGRO):
            words = ctypes.create_string_buffer(struct.pack("II", command, 0))
            fcntl.ioctl(handle, SIOCETHTOOL, struct.pack("16sP", interface.encode(), ctypes.addressof(words)))
