# The lives of the soak's near gateway: each begins with the state that the last has left, goes on for some seconds, and
# ends by kill -9 or in order. Then what it was given, what it gave and what it says about that must agree, and every
# packet that did not come out at the other end has a place in the account.
import collections
import dataclasses
import random
import time
import traceback

from soak_tunnels import BURST
from soak_wire import Ports

IN_HAND = 2 * BURST  # frames that the worker can have taken and not given back: what it received, what it is to send
# After a kill, and then only: a replay window begins closed up to what may have come (docs/control.md). An SA that is
# not in use in that life is so in a later one.
DROPS_AFTER_KILL = {"outside_window", "replayed"}
NOTED_S, FIRST_AHEAD = 3, 1024  # received numbers are noted within so long; of an SA that is new, so many ahead
SETTLED_S = 0.3
NEAR_GROWTH_KIB, FAR_GROWTH_KIB, WARM_S = 8192, 8192, 4


@dataclasses.dataclass
class Poll:
    """What a daemon has said last, and what it had been given before that."""
    drops: collections.Counter
    put: dict


def drops_of(stats):
    drops = collections.Counter()
    for worker in stats["workers"]:
        drops.update({reason: count for reason, count in worker["dropped"].items() if count})
    return drops


class Account:
    """Where packets that did not come out have ended."""

    def __init__(self):
        self.dropped, self.killed = collections.Counter(), 0
        self.kills = self.ends = self.start_kills = 0


class Lives:
    """Runs in the main thread: a daemon ends with the thread that started it (lab.end_with_parent)."""

    def __init__(self, soak):
        self.soak, self.near, self.far, self.exchange = soak, soak.near, soak.far, soak.exchange
        self.findings, self.account = soak.findings, Account()
        self.chance = random.Random(f"{soak.seed} lives")
        self.boundary = {"out": 0, "back": 0}  # numbers before these are accounted for
        self.to_nobody, self.far_before = 0, None
        self.poll, self.resident, self.far_resident = Poll(collections.Counter(), {"lan": 0, "wan": 0}), [], []
        self.longest_start_s = 0.0
        # What kills may have cost so far, and have. It may be dropped much later, for a variant can be out of force.
        self.received, self.allowed, self.behind_window = [(time.monotonic(), 0)], 0, 0

    def run(self):
        while not self.soak.ending.is_set():
            try:
                self.one_life()
            except Exception as error:
                self.findings.add("lives", "".join(traceback.format_exception(error)))
                self.soak.ending.set()
                for edit in list(self.near.pending):
                    edit.resolved.set()

    def one_life(self):
        began, ends = time.monotonic(), time.monotonic() + self.chance.uniform(*self.soak.life_s)
        while time.monotonic() < ends:
            if self.soak.ending.wait(min(0.5, max(0.001, ends - time.monotonic()))):
                return
            if time.monotonic() + 0.6 < ends:
                self.look(time.monotonic() - began)
        if self.chance.random() < 0.2:
            self.end_in_order()
        else:
            self.kill()
        self.begin()

    def look(self, age_s):
        """Counters and memory, while all goes on."""
        put = dict(self.exchange.near.put)
        self.poll = Poll(drops_of(self.near.stats()), put)
        self.received.append((time.monotonic(), put["wan"]))
        if age_s > WARM_S:
            self.resident.append(self.near.resident_kib())
        self.far_resident.append((self.soak.age_s(), self.far.resident_kib()))

    def begin(self):
        self.free_sockets()
        daemon = self.near.daemon
        while self.chance.random() < 0.15:  # killed before it is there
            daemon.launch()
            time.sleep(self.chance.uniform(0, 3))
            daemon.kill()
            self.account.start_kills += 1
            self.exchange.out.kills += 1
            self.free_sockets()
        began = time.monotonic()
        daemon.start()
        self.longest_start_s = max(self.longest_start_s, time.monotonic() - began)
        self.near.life += 1
        self.near.resolve_cut()
        self.poll, self.resident = Poll(collections.Counter(), {"lan": 0, "wan": 0}), []
        self.exchange.call(self.exchange.near_lives, Ports(self.soak.folder / "near"))
        self.received = [(time.monotonic(), 0)]
        self.near.up.set()

    def free_sockets(self):
        """A memif server that was killed leaves its sockets behind, and DPDK does not take them over."""
        for name in ("lan", "wan"):
            (self.soak.folder / "near" / f"{name}.sock").unlink(missing_ok=True)

    def kill(self):
        self.near.up.clear()
        self.near.daemon.kill()
        ports = self.exchange.call(self.exchange.near_died)
        end = time.monotonic() + 30
        while any(not edit.cut.is_set() for edit in list(self.near.pending)):
            if time.monotonic() > end:
                raise RuntimeError("an edit does not notice that the daemon is gone")
            time.sleep(0.005)
        self.settle()
        self.account.kills += 1
        self.exchange.out.kills += 1
        self.account_for_killed(ports)
        ports.close()

    def account_for_killed(self, ports):
        """Its last words are half a second old: what has happened since is bounded by the capture."""
        out, back = self.exchange.out, self.exchange.back
        waiting = {name: ports.not_taken(name) for name in ("lan", "wan")}
        gaps = {name: ports.put[name] - waiting[name] - ports.taken[other]
                for name, other in (("lan", "wan"), ("wan", "lan"))}
        known = sum(self.poll.drops.values())
        # What kills have put behind windows comes whenever its variant does: since the last words too, though they know of
        # none.
        due = max(0, self.allowed - self.behind_window - known)
        since = min(ports.put["wan"] - self.poll.put["wan"], due)
        if not 0 <= gaps["lan"] <= IN_HAND or not 0 <= gaps["wan"] <= known + since + IN_HAND:
            self.findings.add("lost", f"life {self.near.life}, killed: of {ports.put} given {waiting} were not taken and "
                              f"{gaps} neither sent nor waiting; at the last look, of {self.poll.put} given, drops "
                              f"{dict(self.poll.drops)}; {due} more were due")
        self.check_behind_window(self.poll.drops)
        self.allow_for_kill(ports.put["wan"])
        nobody = back.to_nobody - self.to_nobody
        self.to_nobody = back.to_nobody
        self.account.dropped.update(self.poll.drops)
        self.account.killed += sum(waiting.values()) + sum(gaps.values()) - known + nobody
        lost = {"out": waiting["lan"] + gaps["lan"], "back": waiting["wan"] + gaps["wan"] + nobody}
        self.close_account(out, back, lost)

    def close_account(self, out, back, lost):
        """Each packet since the last time has come out, or is one of these, or the far gateway has dropped it."""
        far = self.account_for_far()
        for direction in (out, back):
            first, end = self.boundary[direction.name], direction.sent
            missing = direction.undelivered(first, end)
            explained = lost[direction.name] + far[direction.name]
            if missing != explained:
                self.findings.add("accounts", f"life {self.near.life}: {direction.name}: {missing} of {end - first} packets "
                                  f"did not come out, {explained} of them can be explained: {lost}, far {far}")
            self.boundary[direction.name] = end

    def account_for_far(self):
        """It lives on: what it says, and what was seen, since the last time. How much it dropped each way."""
        ports = self.exchange.far
        now = (self.far.stats(), dict(ports.put), dict(ports.taken))
        before, self.far_before = self.far_before or (None, {"lan": 0, "wan": 0}, {"lan": 0, "wan": 0}), now
        self.check_counters(self.far, now[0], ports)
        drops = drops_of(now[0]) - (drops_of(before[0]) if before[0] else collections.Counter())
        self.check_reasons(self.far, drops, set())
        self.account.dropped.update(drops)
        return {name: (now[1][into] - before[1][into]) - (now[2][out_of] - before[2][out_of])
                for name, into, out_of in (("out", "wan", "lan"), ("back", "lan", "wan"))}

    def check_counters(self, gateway, stats, ports):
        """In order: received = sent + delivered + dropped, and what was given is what it received."""
        total, drops = stats["total"], sum(drops_of(stats).values())
        given, taken = sum(ports.put.values()), sum(ports.taken.values())
        if (stats["unaccounted"] or total["received"] != given or total["sent"] != taken
                or given + total["originated"] != taken + total["delivered"] + drops):
            self.findings.add("accounts", f"{gateway.side.name}, life {gateway.life}: {given} given, {taken} taken; it says "
                              f"{total}, unaccounted {stats['unaccounted']}")

    def check_reasons(self, gateway, drops, allowed):
        strange = {reason: count for reason, count in drops.items() if reason not in allowed}
        if strange:
            self.findings.add("dropped", f"{gateway.side.name}, life {gateway.life}: {strange}")

    def allow_for_kill(self, received):
        """As many again as came between two notes are taken for received."""
        points = [*self.received, (time.monotonic(), received)]
        most = max(until - since for at, since in points for then, until in points if 0 <= then - at <= NOTED_S)
        sas = sum(2 * len(tunnel.variants) for tunnel in (*self.soak.scripted, *self.soak.tunnels)
                  if tunnel.destination is self.near.side)
        self.allowed += most + sas * FIRST_AHEAD

    def check_behind_window(self, drops):
        """What the near gateway has dropped in one life."""
        self.check_reasons(self.near, drops, DROPS_AFTER_KILL if self.exchange.out.kills else set())
        self.behind_window += sum(drops[reason] for reason in DROPS_AFTER_KILL)
        if self.behind_window > self.allowed:
            self.findings.add("dropped", f"near, life {self.near.life}: {self.behind_window} behind replay windows so far, "
                              f"and {self.account.kills} kills explain {self.allowed}")

    def settle(self):
        """Until nothing moves any more."""
        def state():
            ports = [ports for ports in (self.exchange.near, self.exchange.far) if ports]
            return (sum(port.waiting() for port in ports), [sum(port.put.values()) + sum(port.taken.values())
                                                            for port in ports])
        last, since, end = state(), time.monotonic(), time.monotonic() + 60
        while time.monotonic() - since < SETTLED_S:
            if time.monotonic() > end:
                raise RuntimeError(f"packets do not come to rest: {state()}")
            time.sleep(0.01)
            now = state()
            if now != last or now[0]:
                last, since = now, time.monotonic()

    def end_in_order(self):
        """No packet and no edit is on its way; then SIGTERM must end it with 0."""
        self.exchange.sending = False
        self.near.up.clear()
        end = time.monotonic() + 60
        while self.near.pending and time.monotonic() < end:
            time.sleep(0.005)
        self.settle()
        self.near.compare(self.near.saved())
        stats, ports = self.near.stats(), self.exchange.near
        self.check_counters(self.near, stats, ports)
        drops = drops_of(stats)
        self.check_behind_window(drops)
        self.account.dropped.update(drops)
        self.check_memory()
        self.close_account(self.exchange.out, self.exchange.back,
                           {"out": ports.put["lan"] - ports.taken["wan"], "back": ports.put["wan"] - ports.taken["lan"]})
        self.near.daemon.stop(keep=True)
        self.exchange.call(self.exchange.near_died).close()
        self.account.ends += 1
        self.exchange.sending = not self.soak.ending.is_set()

    def check_memory(self):
        if len(self.resident) > 2 and self.resident[-1] - self.resident[0] > NEAR_GROWTH_KIB:
            self.findings.add("memory", f"near, life {self.near.life}: KiB: {self.resident}")

    def far_growth_kib(self):
        """After the first quarter."""
        warm = [kib for age_s, kib in self.far_resident if age_s > self.soak.seconds / 4]
        growth = warm[-1] - warm[0] if warm else 0
        if growth > FAR_GROWTH_KIB:
            self.findings.add("memory", f"far: KiB by seconds: {self.far_resident[::max(1, len(self.far_resident) // 20)]}")
        return growth
