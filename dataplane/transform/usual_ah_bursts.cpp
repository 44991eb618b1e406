// See usual_ah_bursts.h.
#include "transform/usual_ah_bursts.h"

#include <algorithm>
#include <array>

#include <rte_mbuf.h>

#include "transform/step_burst.h"
#include "transform/usual_ah.h"

namespace spigrp {
namespace {

using UsualAsides = std::array<UsualAside, kBurstCapacity>;
using AhJobs = std::array<CryptoJob, kBurstCapacity>;

// Packets in a row that are of one SA.
struct SaRun {
  Sa* sa;
  uint16_t begin, end;  // places in the burst
  uint64_t newest;      // inbound: the highest number received, when it was last asked for

  uint16_t packets() const noexcept { return static_cast<uint16_t>(end - begin); }
};

class SaRuns {
 public:
  explicit SaRuns(const Burst& burst) noexcept {
    for (uint16_t place = 0; place < burst.count; ++place) {
      Sa* sa = burst.entries[place].sa;
      if (count_ == 0 || runs_[count_ - 1u].sa != sa) runs_[count_++] = {sa, place, place, 0};
      ++runs_[count_ - 1u].end;
    }
  }

  SaRun* begin() noexcept { return runs_.data(); }
  SaRun* end() noexcept { return runs_.data() + count_; }

 private:
  std::array<SaRun, kBurstCapacity> runs_;
  uint8_t count_ = 0;
};

// Calls act with the SA's UsualAh.
template <class Act>
[[gnu::always_inline]] inline auto with_usual(const Sa& sa, Act&& act) noexcept {
  if (sa.id.destination.family == Family::kIpv4) [[likely]]
    return act(UsualAh<Family::kIpv4>(sa));
  return act(UsualAh<Family::kIpv6>(sa));
}

// The burst closes up behind packets that are dropped.
void move_up(Burst& burst, uint16_t place, uint16_t to) noexcept {
  if (to != place) [[unlikely]]
    burst.entries[to] = burst.entries[place];
}

bool is_usual_outbound(SaRuns& runs, const Burst& burst, Writers writers) noexcept {
  for (const SaRun& run : runs) {
    if (StepBurst::lifetime_may_end(*run.sa) || !run.sa->sequence.is_far_from_limit(writers)) return false;
    const bool all_fit = with_usual(*run.sa, [&](auto&& usual) noexcept {
      bool fit = true;
      for (uint16_t place = run.begin; place < run.end && fit; ++place) {
        fit = usual.can_be_put_into(burst.entries[place].packet);
      }
      return fit;
    });
    if (!all_fit) return false;
  }
  return true;
}

bool is_usual_inbound(SaRuns& runs, const Burst& burst, const IpPacket* headers) noexcept {
  for (const SaRun& run : runs) {
    if (StepBurst::lifetime_may_end(*run.sa)) return false;
    const bool all_fit = with_usual(*run.sa, [&](auto&& usual) noexcept {
      bool fit = true;
      for (uint16_t place = run.begin; place < run.end && fit; ++place) {
        fit = usual.can_be_taken_off(burst.entries[place].packet, headers[place]);
      }
      return fit;
    });
    if (!all_fit) return false;
  }
  return true;
}

// Those of a run that get a number. An SA may have been closed since it was looked at (Sequence::close): the others are
// dropped. They go to `kept` and on; the run is where they are then.
void put_run(WorkerContext& context, Burst& burst, SaRun& run, uint16_t kept, UsualAsides& asides,
             AhJobs& jobs) noexcept {
  const Sequence::Numbers numbers = run.sa->sequence.reserve(run.packets(), context.writers);
  const auto numbered_end = static_cast<uint16_t>(run.begin + numbers.count);
  for (uint16_t place = numbered_end; place < run.end; ++place) {
    StepBurst::drop(context, burst.entries[place], DropReason::sequence_unreserved);
  }
  const uint16_t begin = kept;
  with_usual(*run.sa, [&](auto&& usual) noexcept {
    uint64_t number = numbers.first;
    for (uint16_t place = run.begin; place < numbered_end; ++place, ++kept) {
      move_up(burst, place, kept);
      burst.entries[kept].sequence = number++;
      usual.put(burst.entries[kept], asides[kept], jobs[kept]);
    }
  });
  run.begin = begin;
  run.end = kept;
}

// The packets of a run up to the authenticator's work; otherwise like put_run().
void begin_run(WorkerContext& context, Burst& burst, SaRun& run, uint16_t kept, IpPacket* headers, UsualAsides& asides,
               AhJobs& jobs) noexcept {
  const uint16_t begin = kept;
  run.newest = run.sa->replay.highest();  // once a run: other workers move it
  with_usual(*run.sa, [&](auto&& usual) noexcept {
    for (uint16_t place = run.begin; place < run.end; ++place) {
      BurstEntry& entry = burst.entries[place];
      if (const Verdict verdict = usual.begin(entry, run.newest, asides[kept], jobs[kept]); !verdict.kept())
          [[unlikely]] {
        StepBurst::drop(context, entry, verdict.reason());
        continue;
      }
      move_up(burst, place, kept);
      headers[kept++] = headers[place];
    }
  });
  run.begin = begin;
  run.end = kept;
}

// What is left of a run: those that are kept go to `kept` and on; returns where they end. One that is no IP packet in
// order without its AH (extension headers may come behind it) has been taken off nevertheless.
uint16_t finish_run(WorkerContext& context, Burst& burst, SaRun& run, uint16_t kept, IpPacket* headers,
                    const UsualAsides& asides, const AhJobs& jobs) noexcept {
  const bool in_rows = run.packets() > 1;
  uint16_t fresh_end = run.begin;  // packets before it have been taken by the replay window
  const auto objection = [&](uint16_t place, const BurstEntry& entry) noexcept -> Verdict {
    if (!jobs[place].ok) [[unlikely]]
      return DropReason::authentication_failed;
    if (in_rows && place >= fresh_end) {
      fresh_end = StepBurst::take_row(burst, jobs.data(), place, run.end, run.newest, context.writers);
    }
    if (place < fresh_end) return Verdict::keep();
    run.newest = std::max(run.newest, entry.sequence);
    return StepBurst::advance_replay(entry, context.writers);
  };
  Uses uses;
  with_usual(*run.sa, [&](auto&& usual) noexcept {
    for (uint16_t place = run.begin; place < run.end; ++place) {
      const BurstEntry& entry = burst.entries[place];
      if (const Verdict verdict = objection(place, entry); !verdict.kept()) [[unlikely]] {
        StepBurst::drop(context, entry, verdict.reason());
        continue;
      }
      IpPacket& ip = headers[place];
      usual.take_off(entry.packet, asides[place], ip);
      ++uses.packets;
      uses.bytes += ip.total_bytes;
      if (is_extension_header(ip.next_header)) [[unlikely]] {
        if (const auto wrong = read_ip(entry.packet, ip)) {
          context.drop(entry.packet, *wrong);
          continue;
        }
      }
      move_up(burst, place, kept);
      headers[kept++] = headers[place];
    }
  });
  StepBurst::note_uses_of(*run.sa, uses, context);
  return kept;
}

}  // namespace

bool encap_usual_ah(WorkerContext& context, Burst& burst) noexcept {
  SaRuns runs(burst);
  if (!is_usual_outbound(runs, burst, context.writers)) [[unlikely]]
    return false;
  UsualAsides asides;
  AhJobs jobs;
  uint16_t kept = 0;
  for (SaRun& run : runs) {
    put_run(context, burst, run, kept, asides, jobs);
    kept = run.end;
  }
  context.crypto->protect({jobs.data(), kept});
  kept = 0;
  for (const SaRun& run : runs) {
    Uses uses;
    with_usual(*run.sa, [&](auto&& usual) noexcept {
      for (uint16_t place = run.begin; place < run.end; ++place) {
        const BurstEntry& entry = burst.entries[place];
        if (!jobs[place].ok) [[unlikely]] {
          StepBurst::drop(context, entry, DropReason::crypto_failed);
          continue;
        }
        usual.finish_put(entry, asides[place]);
        ++uses.packets;
        uses.bytes += rte_pktmbuf_pkt_len(entry.packet) - usual.ah_bytes();
        move_up(burst, place, kept++);
      }
    });
    StepBurst::note_uses_of(*run.sa, uses, context);
  }
  burst.count = kept;
  return true;
}

bool decap_usual_ah(WorkerContext& context, Burst& burst, IpPacket* headers) noexcept {
  SaRuns runs(burst);
  if (!is_usual_inbound(runs, burst, headers)) [[unlikely]]
    return false;
  UsualAsides asides;
  AhJobs jobs;
  uint16_t kept = 0;
  for (SaRun& run : runs) {
    begin_run(context, burst, run, kept, headers, asides, jobs);
    kept = run.end;
  }
  context.crypto->verify({jobs.data(), kept});
  kept = 0;
  for (SaRun& run : runs) kept = finish_run(context, burst, run, kept, headers, asides, jobs);
  burst.count = kept;
  return true;
}

}  // namespace spigrp
