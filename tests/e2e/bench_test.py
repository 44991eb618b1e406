# The benchmarks' own arithmetic, and that the wire benchmark comes to its end with nothing lost: figures that are wrong
# look like any others.
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import lab

sys.path.insert(0, str(lab.ROOT / "bench"))
import compare
import wire_trial
import zero_loss


class SearchTest(unittest.TestCase):
    def find(self, limit, ceiling=1000.0, resolution=0.01, achieves=lambda rate: rate, disturbed=lambda number: False):
        self.rates = []

        def trial(rate):
            self.rates.append(rate)
            achieved = achieves(rate)
            return zero_loss.Verdict(achieved <= limit and not disturbed(len(self.rates)), achieved,
                                     disturbed(len(self.rates)), achieved > 0.97 * rate)
        return zero_loss.search(trial, ceiling, resolution)

    def test_it_ends_within_the_resolution_below_the_limit(self):
        for limit in (3, 17, 333, 500, 501, 999):
            found = self.find(limit)
            self.assertLessEqual(found.rate, limit)
            self.assertGreaterEqual(found.rate, limit * 0.98)
            self.assertEqual(found.limit, "loss")

    def test_it_takes_no_more_trials_than_halving_needs(self):
        self.find(700)
        self.assertLessEqual(len(self.rates), 9)
        self.assertEqual(self.rates[:3], [1000, 500, 750])

    def test_where_the_ceiling_passes_it_is_the_result(self):
        found = self.find(2000)
        self.assertEqual((found.rate, found.trials, found.limit), (1000, 1, "ceiling"))

    def test_the_rate_is_what_was_offered_and_not_what_was_wanted(self):
        self.assertLessEqual(self.find(500, achieves=lambda rate: rate * 0.98).rate, 500)

    def test_a_generator_that_offers_no_more_is_named(self):
        found = self.find(2000, achieves=lambda rate: min(rate, 600))
        self.assertEqual(found.limit, "generator")
        self.assertAlmostEqual(found.rate, 600)

    def test_a_generator_that_was_kept_from_running_once_is_asked_again(self):
        calls = []

        def achieves(rate):
            calls.append(rate)
            return rate * (0.3 if len(calls) == 1 else 1)
        self.assertEqual(self.find(2000, achieves=achieves).rate, 1000)

    def test_a_loss_while_others_had_the_core_is_tried_again(self):
        found = self.find(400, disturbed=lambda number: number == 3)
        self.assertGreater(found.rate, 390)
        self.assertEqual(found.disturbed, 1)

    def test_where_every_trial_is_disturbed_it_ends_and_says_so(self):
        found = self.find(400, disturbed=lambda number: True)
        self.assertEqual((found.rate, found.limit), (0, "disturbed"))
        self.assertEqual(found.disturbed, zero_loss.ALL_REPEATS)

    def test_nothing_passes(self):
        self.assertEqual(self.find(0).rate, 0)

    def test_percentiles_weigh_by_packets(self):
        weighted = [(1, 90), (5, 9), (100, 1)]
        self.assertEqual([zero_loss.percentile(weighted, part) for part in (0.5, 0.9, 0.99, 1)], [1, 1, 5, 100])


class LatencyTest(unittest.TestCase):
    def test_each_packet_is_timed_from_its_own_group(self):
        found = wire_trial.latencies([2, 3], [100, 200], [1, 3], [150, 260], [1, 2, 3, 4])
        self.assertEqual(found, [(50, 1), (60, 1), (160, 1)])

    def test_a_packet_in_two_frames_has_come_with_the_second(self):
        found = wire_trial.latencies([1, 2], [100, 200], [1, 2, 4], [110, 130, 290], [2, 4])
        self.assertEqual(found, [(30, 1), (90, 1)])

    def test_frames_and_packets_beyond_one_ring(self):
        totals = [1, 3, 4]  # the second of three comes in two frames
        for packets in range(20):
            self.assertEqual(wire_trial.packets_of(wire_trial.frames_of(packets, totals), totals), packets)
        self.assertEqual([wire_trial.packets_of(frames, totals) for frames in range(9)], [0, 1, 1, 2, 3, 4, 4, 5, 6])


def report(total, floor=100.0):
    return {("tun+esp", "aes128gcm16", "out", 64, 1): {"total": total, "floor": floor, "ratio": total / floor}}


class CompareTest(unittest.TestCase):
    def row(self, pairs):
        rows = compare.compared([(report(*base), report(*new)) for base, new in pairs])
        self.assertEqual(len(rows), 1)
        return next(iter(rows.values()))

    def test_a_ratio_is_of_a_pair(self):
        # The machine halves its speed from pair to pair; each pair says 1.1.
        row = self.row([((100.0 * 2 ** n, 100.0 * 2 ** n), (110.0 * 2 ** n, 100.0 * 2 ** n)) for n in range(5)])
        self.assertAlmostEqual(row["total"]["ratio"]["median"], 1.1)
        self.assertAlmostEqual(row["total"]["ratio"]["upper_quartile"], 1.1)
        self.assertEqual(compare.verdict(row), "slower")

    def test_faster(self):
        self.assertEqual(compare.verdict(self.row([((100.0,), (90.0 + n,)) for n in range(5)])), "faster")

    def test_pairs_that_do_not_agree_are_no_difference(self):
        self.assertEqual(compare.verdict(self.row([((100.0,), (new,)) for new in (110.0, 112.0, 99.0, 111.0, 113.0)])), "")

    def test_a_difference_that_the_floor_has_too_is_the_machines(self):
        self.assertEqual(compare.verdict(self.row([((100.0, 100.0), (120.0, 120.0))] * 5)), "")

    def test_few_pairs_and_small_differences_are_none(self):
        self.assertEqual(compare.verdict(self.row([((100.0,), (120.0,))] * 4)), "")
        self.assertEqual(compare.verdict(self.row([((100.0,), (100.5,))] * 5)), "")

    def test_a_case_that_a_run_lacks_is_left_out(self):
        self.assertEqual(compare.compared([(report(1.0), {}), (report(1.0), report(1.0))]), {})

    def test_runs_alternate(self):
        order = []
        with unittest.mock.patch.object(compare, "run", lambda program, words: order.append(program) or report(1.0)):
            compare.run_pairs("a", "b", 3, [])
        self.assertEqual(order, ["a", "b", "b", "a", "a", "b"])


class WireTest(unittest.TestCase):
    def test_every_packet_of_a_quick_run_is_found_again(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "wire.json")
            done = subprocess.run([lab.ROOT / "bench/wire.py", lab.BUILD, "--quick", "--sizes", "64,1518", "--json", file],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=lab.LIMIT_S * 10)
            self.assertTrue(file.exists(), done.stdout + done.stderr)
            result = json.loads(file.read_text())
        self.assertEqual([(row["direction"], row["frame"]) for row in result["memif"]],
                         [("out", "64"), ("out", "1518"), ("in", "64"), ("in", "1518")])
        for row in result["memif"]:
            self.assertEqual(row["flood_lost"], 0)
            self.assertEqual([trial for trial in row["trials"] if trial["dropped"] or trial["lost"] != trial["refused"]], [])


if __name__ == "__main__":
    unittest.main()
