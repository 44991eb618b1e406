// DeferredUses: what one worker has used of SAs and eroutes and has not told them yet, where workers share them. An
// SA's counters are in a line that has to come from another core whenever that has written it; told after each burst,
// the line would go round all the time, and would be what limits many workers on one SA. So each counts for itself, and
// tells the SAs after every fourth turn (Worker::turn), and at once when it has nothing to do.
//
// It points at SAs that were found in earlier bursts: the worker may not report a quiescent state before it has settled
// (Versions::quiescent). It settles between turns, whatever happened in them: in their midst, the bursts behind that
// could keep it from a quiescent state for as long as it is busy.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "sa/sa.h"

namespace spigrp {

// A sum for each of some owners, of which as many as there are places are remembered; whoever loses its place to
// another is told of its sum before. `Sum` has add_to(Owner&).
template <class Owner, class Sum>
class DeferredSums {
 public:
  Sum& of(Owner& owner) noexcept {
    const uint64_t place = reinterpret_cast<uintptr_t>(&owner) * 0x9e3779b97f4a7c15u >> (64 - kPlaceBits);
    Row& row = rows_[place];
    if (row.owner == &owner) [[likely]]
      return row.sum;
    if (row.owner != nullptr) {
      row.sum.add_to(*row.owner);
    } else {
      used_[count_++] = static_cast<uint8_t>(place);
    }
    row = {&owner, {}};
    return row.sum;
  }

  void settle() noexcept {
    for (uint16_t i = 0; i < count_; ++i) {
      Row& row = rows_[used_[i]];
      row.sum.add_to(*row.owner);
      row.owner = nullptr;
    }
    count_ = 0;
  }
  bool empty() const noexcept { return count_ == 0; }

 private:
  static constexpr unsigned kPlaceBits = 8;  // a burst's 64 packets have two SAs each as a rule

  struct Row {
    Owner* owner = nullptr;
    Sum sum;
  };

  std::array<Row, 1u << kPlaceBits> rows_;
  std::array<uint8_t, 1u << kPlaceBits> used_;  // places, in the order in which they were taken
  uint16_t count_ = 0;
};

class DeferredUses {
 public:
  static constexpr uint8_t kTurns = 4;

  void note(Sa& sa, uint64_t packets, uint64_t bytes, uint64_t now_tsc) noexcept {
    SaSum& sum = sas_.of(sa);
    sum.packets += packets;
    sum.bytes += bytes;
    sum.last_tsc = now_tsc;
  }
  void note_eroute(std::atomic<uint64_t>& packets_of_eroute, uint64_t packets) noexcept {
    eroutes_.of(packets_of_eroute).packets += packets;
  }

  void end_turn() noexcept {
    if (++turns_ >= kTurns) settle();
  }
  void settle() noexcept {
    sas_.settle();
    eroutes_.settle();
    turns_ = 0;
  }
  bool empty() const noexcept { return sas_.empty() && eroutes_.empty(); }

 private:
  struct SaSum {
    uint64_t packets = 0, bytes = 0, last_tsc = 0;
    void add_to(Sa& sa) const noexcept {
      prefetch_to_write(&sa.counters);
      sa.counters.note_use(packets, bytes, last_tsc, Writers::kMany);
    }
  };
  struct ErouteSum {
    uint64_t packets = 0;
    void add_to(std::atomic<uint64_t>& packets_of_eroute) const noexcept {
      packets_of_eroute.fetch_add(packets, std::memory_order_relaxed);
    }
  };

  DeferredSums<Sa, SaSum> sas_;
  DeferredSums<std::atomic<uint64_t>, ErouteSum> eroutes_;
  uint8_t turns_ = 0;  // since it settled
};

}  // namespace spigrp
