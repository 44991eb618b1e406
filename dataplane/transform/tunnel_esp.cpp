// See tunnel_esp.h.
//
//   before:  [IP | payload]
//   after:   [outer IP | SPI, sequence | IV | IP | payload | padding, pad length, next header | ICV]
//
// Packets are taken in runs of one group, and what all of a run have in common is worked out once. Whatever might keep
// a packet of the burst back beside its own bytes (a lifetime or sequence numbers near their end) sends the burst
// through the two transforms instead, which know what to do about it.
#include "transform/tunnel_esp.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include <rte_mbuf.h>

#include "packet/checksum.h"
#include "transform/any_pair.h"
#include "transform/group_runs.h"
#include "transform/step_burst.h"
#include "transform/transform.h"
#include "transform/usual_pair.h"

namespace spigrp {
namespace {

using Jobs = std::array<CryptoJob, kBurstCapacity>;
using Unsent = std::array<UnsentBytes, kBurstCapacity>;

// To the SA that stands so many steps from each entry's.
void go_on_to(Burst& burst, int steps) noexcept {
  for (BurstEntry& entry : burst) entry.sa = entry.group->at(static_cast<uint8_t>(entry.step + steps));
}

// Calls act(pair) with what knows of the pair as much as can be known. `random_ivs`: see AnyPair.
template <class Act>
[[gnu::always_inline]] inline auto as_its_kind(const TunnelInEsp& pair, Act&& act,
                                               const uint8_t* random_ivs = nullptr) noexcept {
  if (!pair.is_usual()) [[unlikely]]
    return act(AnyPair(pair, random_ivs));
  if (pair.outer_is_ipv6()) return act(UsualPair<Family::kIpv6>(pair));
  return act(UsualPair<Family::kIpv4>(pair));
}

void prefetch_keys(const GroupRuns& runs, const Burst& burst) noexcept {
  runs.each_if_cold([&burst](const GroupRun& run) {
    KeySchedule::prefetch(*run.pair->keys, rte_pktmbuf_pkt_len(burst.entries[run.begin].packet));
  });
}

// What an SA's packets are told apart by is of one kind, whichever way each of them goes.
void identify_by_numbers(Burst& burst) noexcept {
  for (const BurstEntry& entry : burst) {
    const TunnelInEsp& pair = entry.group->tunnel_in_esp();
    if (pair.tunnel->tunnel.family == Family::kIpv6) continue;
    const be16 number = be16::from_host(identification_of(*pair.esp, entry.sequence));
    auto& header = *rte_pktmbuf_mtod(entry.packet, Ipv4Header*);
    const be16 old = std::exchange(header.identification, number);
    detail::mend_checksum(header, old.wire, header.identification.wire);
  }
}

void encap_one_by_one(WorkerContext& context, Burst& burst) noexcept {
  encap_tunnel(context, burst);
  go_on_to(burst, 1);
  encap_esp(context, burst);
  identify_by_numbers(burst);
}

// Whether a burst could use up the lifetime of one of the two.
bool is_near_its_end(const TunnelInEsp& pair) noexcept {
  return StepBurst::lifetime_may_end(*pair.tunnel) || StepBurst::lifetime_may_end(*pair.esp);
}

bool may_end(GroupRuns& runs) noexcept {
  return std::any_of(runs.begin(), runs.end(),
                     [](const GroupRun& run) { return run.pair->expires && is_near_its_end(*run.pair); });
}

bool may_keep_back(GroupRuns& runs, Writers writers) noexcept {
  bool may = false;
  for (const GroupRun& run : runs) may = may || !run.pair->esp->sequence.is_far_from_limit(writers);
  return may || may_end(runs);
}

// Takes the numbers of all runs. An SA may have ended since it was looked at (Sequence::close): who gets none is
// dropped.
void number_runs(WorkerContext& context, Burst& burst, GroupRuns& runs) noexcept {
  uint16_t kept = 0;
  for (GroupRun& run : runs) {
    const Sequence::Numbers numbers = run.pair->esp->sequence.reserve(run.packets(), context.writers);
    run.number = numbers.first;
    if (numbers.count == run.packets() && kept == run.begin) [[likely]] {
      kept = run.end;
      continue;
    }
    const auto numbered_end = static_cast<uint16_t>(run.begin + numbers.count);
    for (uint16_t place = numbered_end; place < run.end; ++place) {
      context.drop(burst.entries[place].packet, DropReason::sequence_unreserved);
    }
    std::copy(burst.entries + run.begin, burst.entries + numbered_end, burst.entries + kept);
    run.begin = kept;
    kept = run.end = static_cast<uint16_t>(kept + numbers.count);
  }
  burst.count = kept;
}

uint16_t count_random_ivs_of(GroupRuns& runs) noexcept {
  uint16_t count = 0;
  for (const GroupRun& run : runs) {
    if (!run.pair->is_usual() && takes_random_iv(*run.pair->esp)) count = static_cast<uint16_t>(count + run.packets());
  }
  return count;
}

template <class Pair>
void put_headers(Pair& pair, Burst& burst, const GroupRun& run, Unsent& unsent, Jobs& jobs) noexcept {
  uint64_t number = run.number;
  for (uint16_t place = run.begin; place < run.end; ++place) {
    BurstEntry& entry = burst.entries[place];
    entry.sequence = number++;
    pair.put_headers(entry, unsent[place], jobs[place]);
  }
}

// The packets whose job was refused: none, as a rule.
void drop_refused(WorkerContext& context, Burst& burst, const Jobs& jobs) noexcept {
  uint16_t kept = 0;
  for (uint16_t place = 0; place < burst.count; ++place) {
    if (jobs[place].ok) [[likely]] {
      if (kept != place) burst.entries[kept] = burst.entries[place];
      ++kept;
    } else {
      context.drop(burst.entries[place].packet, DropReason::crypto_failed);
    }
  }
  burst.count = kept;
}

// The burst closes up behind those that are dropped: this one, at `place`, goes to `to` or is dropped. Returns where
// the next one goes.
[[gnu::always_inline]] inline uint16_t keep_or_drop(WorkerContext& context, Burst& burst, uint16_t place, uint16_t to,
                                                    Verdict verdict) noexcept {
  if (!verdict.kept()) [[unlikely]] {
    StepBurst::drop(context, burst.entries[place], verdict.reason());
    return to;
  }
  if (to != place) [[unlikely]]
    burst.entries[to] = burst.entries[place];
  return static_cast<uint16_t>(to + 1);
}

// All packets up to the cipher's and authenticator's work. Where the window is, is asked once a run: other workers move
// it.
void begin_verifying(WorkerContext& context, Burst& burst, GroupRuns& runs, Unsent& unsent, Jobs& jobs) noexcept {
  uint16_t kept = 0;
  for (GroupRun& run : runs) {
    run.number = run.pair->esp->replay.highest();
    const uint16_t begin = kept;
    as_its_kind(*run.pair, [&](auto&& pair) noexcept {
      for (uint16_t place = run.begin; place < run.end; ++place) {
        const Verdict verdict = pair.begin(burst.entries[place], run.number, jobs[kept], unsent[kept]);
        kept = keep_or_drop(context, burst, place, kept, verdict);
      }
    });
    run.begin = begin;
    run.end = kept;
  }
  burst.count = kept;
}

// What is left of a run: those that are kept go to `kept` and on; returns where they end.
template <class Pair>
[[gnu::always_inline]] inline uint16_t finish_verified(WorkerContext& context, Burst& burst, const GroupRun& run,
                                                       Pair& pair, uint16_t kept, const Jobs& jobs,
                                                       IpPacket* inner) noexcept {
  const uint16_t last = run.end;
  const bool in_rows = run.packets() > 1;
  uint64_t newest = run.number;
  uint16_t fresh_end = run.begin;  // packets before it have been taken by the replay window
  const auto finish = [&](uint16_t place, BurstEntry& entry, IpPacket& ip) noexcept -> Verdict {
    if (!jobs[place].ok) [[unlikely]]
      return DropReason::authentication_failed;
    if (in_rows && place >= fresh_end) {
      fresh_end = StepBurst::take_row(burst, jobs.data(), place, last, newest, context.writers);
    }
    if (place >= fresh_end) {
      if (const Verdict verdict = pair.advance_replay(entry, context.writers); !verdict.kept()) return verdict;
      newest = std::max(newest, entry.sequence);
    }
    return pair.finish(entry, ip);
  };
  for (uint16_t place = run.begin; place < last; ++place) {
    const Verdict verdict = finish(place, burst.entries[place], inner[kept]);
    kept = keep_or_drop(context, burst, place, kept, verdict);
  }
  pair.note_uses(context);
  return kept;
}

// By the two transforms; the packets in them are read in full.
void decap_one_by_one(WorkerContext& context, Burst& burst, IpPacket* inner) noexcept {
  decap_esp(context, burst);
  go_on_to(burst, -2);
  StepBurst::read_headers(context, burst, inner);
  uint16_t kept = 0;
  for (uint16_t place = 0; place < burst.count; ++place) {
    if (is_tunnel_protocol(inner[place].next_header)) {
      burst.entries[kept++] = burst.entries[place];
    } else {
      context.drop(burst.entries[place].packet, DropReason::group_mismatch);
    }
  }
  burst.count = kept;
  decap_tunnel(context, burst);
  StepBurst::read_headers(context, burst, inner);
}

}  // namespace

void encap_tunnel_in_esp(WorkerContext& context, Burst& burst) noexcept {
  GroupRuns runs(burst, context.now_tsc);
  context.is_cold = runs.are_cold();
  context.tells_at_once = runs.are_rare();
  runs.each_if_cold([](const GroupRun& run) { run.pair->prefetch_outbound(); });
  prefetch_keys(runs, burst);
  if (may_keep_back(runs, context.writers)) [[unlikely]] {
    return encap_one_by_one(context, burst);
  }
  number_runs(context, burst, runs);
  alignas(16) uint8_t random_iv_store[kBurstCapacity * kRandomIvBytes];
  if (const uint16_t count = count_random_ivs_of(runs); count > 0) context.crypto->random_ivs(random_iv_store, count);
  const uint8_t* random_ivs = random_iv_store;
  Jobs jobs;
  Unsent unsent;
  for (const GroupRun& run : runs) {
    as_its_kind(
        *run.pair,
        [&](auto&& pair) noexcept {
          put_headers(pair, burst, run, unsent, jobs);
          if constexpr (std::is_same_v<std::decay_t<decltype(pair)>, AnyPair>) random_ivs = pair.random_ivs();
          pair.note_uses(context);
        },
        random_ivs);
  }
  context.crypto->protect({jobs.data(), burst.count});
  drop_refused(context, burst, jobs);
}

void decap_tunnel_in_esp(WorkerContext& context, Burst& burst, IpPacket* inner) noexcept {
  GroupRuns runs(burst, context.now_tsc);
  context.is_cold = runs.are_cold();
  context.tells_at_once = runs.are_rare();
  runs.each_if_cold([](const GroupRun& run) { run.pair->prefetch_inbound(); });
  if (may_end(runs)) [[unlikely]] {
    return decap_one_by_one(context, burst, inner);
  }
  prefetch_keys(runs, burst);
  runs.each_if_cold([](const GroupRun& run) { run.pair->esp->replay.prefetch(); });
  Jobs jobs;
  Unsent unsent;
  begin_verifying(context, burst, runs, unsent, jobs);
  context.crypto->verify({jobs.data(), burst.count});
  uint16_t kept = 0;
  for (const GroupRun& run : runs) {
    kept = as_its_kind(
        *run.pair, [&](auto&& pair) noexcept { return finish_verified(context, burst, run, pair, kept, jobs, inner); });
  }
  burst.count = kept;
}

}  // namespace spigrp
