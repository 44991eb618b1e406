// StepBurst: a burst on its way through one transform, and what the transform has worked out about each packet. All
// transforms admit, number and drop packets the same way; here is that way.
#pragma once

#include <array>
#include <cstdint>

#include "packet/burst.h"
#include "packet/ip_packet.h"
#include "sa/sa.h"
#include "transform/sa_tally.h"
#include "transform/transform.h"
#include "transform/worker_context.h"

namespace spigrp {

// What becomes of one packet: it is kept, or dropped for a reason. One byte, which is 0 as a rule: two would be put
// together and taken apart for each packet.
class Verdict {
 public:
  constexpr Verdict(DropReason reason) noexcept : code_(static_cast<uint8_t>(static_cast<uint8_t>(reason) + 1)) {}
  static constexpr Verdict keep() noexcept { return {}; }

  constexpr bool kept() const noexcept { return code_ == 0; }
  constexpr DropReason reason() const noexcept { return static_cast<DropReason>(code_ - 1); }  // not if it is kept

 private:
  constexpr Verdict() noexcept = default;

  uint8_t code_ = 0;
};
static_assert(kDropReasonCount < UINT8_MAX);

class StepBurst {
 public:
  struct Note {
    IpPacket ip;     // as admitted: before encapsulation, before decapsulation
    uint8_t row;     // of its SA in the tally
    uint32_t bytes;  // that are counted of it
  };

  StepBurst(WorkerContext& context, Burst& burst) noexcept : context_(context), burst_(burst) {}
  StepBurst(const StepBurst&) = delete;
  StepBurst& operator=(const StepBurst&) = delete;

  uint16_t count() const noexcept { return burst_.count; }
  const Note& note(uint16_t place) const noexcept { return notes_[place]; }  // of the packet that stands there

  // Calls step(place, entry, note) → Verdict for each packet in order; `place` is where it stands at the call. Those
  // dropped are counted, in the worker and in the SA; the rest moves up.
  template <class Step>
  void each(Step&& step) noexcept {
    uint16_t kept = 0;
    for (uint16_t place = 0; place < burst_.count; ++place) {
      BurstEntry& entry = burst_.entries[place];
      const Verdict verdict = step(place, entry, notes_[place]);
      if (!verdict.kept()) [[unlikely]] {
        drop(context_, entry, verdict.reason());
        continue;
      }
      if (kept != place) {
        burst_.entries[kept] = entry;
        notes_[kept] = notes_[place];
      }
      ++kept;
    }
    burst_.count = kept;
  }

  // First of an encap: parses the packet, cuts off what is beyond its total length, and sees that the SA's overhead
  // fits. For a transform that goes between IP header and payload (esp, ah) it must be a whole packet of the SA's
  // family.
  enum class Position : uint8_t { kAroundPacket, kBehindIpHeader };
  Verdict admit_outbound(const BurstEntry& entry, Note& note, Position position) noexcept;
  // What admit_outbound decides by; `ip` becomes the packet as parsed.
  static Verdict check_outbound(const Sa& sa, rte_mbuf* packet, Position position, IpPacket& ip) noexcept;

  // First of a decap: parses the packet, sees that it is whole and in one segment, and cuts off what is beyond its
  // total length.
  Verdict admit_inbound(const BurstEntry& entry, Note& note) noexcept;
  // The same, but a fragment passes: for a transform that need not have been applied to it (ipcomp).
  Verdict admit_inbound_or_fragment(const BurstEntry& entry, Note& note) noexcept;

  // Gives each packet its SA's next sequence number, and takes it from the SA's lifetime; drops those for which nothing
  // is left.
  void number_packets() noexcept;

  // Whether the SA's lifetime and its numbers have room for one more packet behind those before it; takes nothing.
  static Verdict check_use(const Sa& sa, uint32_t bytes, const Uses& before) noexcept;

  // Of a decap, before any key is used: sets entry.sequence, from the number on the wire, and says whether the replay
  // window would take it now.
  static Verdict check_replay(BurstEntry& entry, uint32_t received_sequence) noexcept {
    return check_replay(entry, received_sequence, entry.sa->replay.highest());
  }
  // The same, where the window's highest number has been read before, for a whole run.
  static Verdict check_replay(BurstEntry& entry, uint32_t received_sequence, uint64_t newest) noexcept {
    const Sa& sa = *entry.sa;
    entry.sequence = sa.extended_sequence ? sa.replay.extended(received_sequence, newest) : received_sequence;
    const bool is_usual = !is_replay_protected(sa) || entry.sequence > newest;
    return is_usual ? Verdict::keep() : check_replay_behind(entry);
  }
  // The rest of it, of a number that is not ahead of the window.
  static Verdict check_replay_behind(const BurstEntry& entry) noexcept;
  // After authentication, in order: takes it, once.
  static Verdict advance_replay(const BurstEntry& entry, Writers writers) noexcept {
    return is_replay_protected(*entry.sa) ? advance_window(entry, writers) : Verdict::keep();
  }
  static Verdict advance_window(const BurstEntry& entry, Writers writers) noexcept {  // of an SA that is protected
    const ReplayVerdict verdict = entry.sa->replay.check_and_advance(entry.sequence, writers);
    return verdict == ReplayVerdict::kFresh ? Verdict::keep() : verdict_of(verdict);
  }
  // Of packets of one SA, from `place` on to before `last`, those that are authentic and whose numbers follow each
  // other, all ahead of `newest`: taken by the replay window at once, as far as it takes them. Returns where they end;
  // the last of them is the newest then.
  static uint16_t take_row(const Burst& burst, const CryptoJob* jobs, uint16_t place, uint16_t last, uint64_t& newest,
                           Writers writers) noexcept;
  // Anti-replay goes with integrity only (RFC 4303 section 3.4.3): without an ICV anybody could move the window.
  static bool is_replay_protected(const Sa& sa) noexcept { return sa.icv_bytes != 0; }

  // The packet is through, with so many bytes to be counted.
  void finish(Note& note, uint32_t bytes) noexcept {
    SaTally::Row& row = tally_.row(note.row);
    note.bytes = bytes;
    ++row.packets;
    row.bytes += bytes;
  }
  // Last: takes what is through from its SAs' lifetimes, unless that was done before, drops what does not fit any more,
  // and counts the rest.
  void note_uses() noexcept;

  // Whether a burst could use up the SA's lifetime.
  static bool lifetime_may_end(const Sa& sa) noexcept {
    return sa.lifetime != nullptr && !sa.lifetime->is_far_from_end();
  }
  // Counts what is through of an SA whose lifetime cannot end by it.
  static void note_uses_of(Sa& sa, const Uses& uses, const WorkerContext& context) noexcept;
  // Of packets that are through, of an SA that may have a lifetime, which is_far_from_end().
  static void take_from_lifetime(Sa& sa, const Uses& uses, const WorkerContext& context) noexcept;

  SaTally& tally() noexcept { return tally_; }

  // What each packet is, by place; one that is no IP packet in order is dropped.
  static void read_headers(WorkerContext& context, Burst& burst, IpPacket* headers) noexcept;

  // Counts the packet in the worker and in its SA, tells who wants to know, and frees it.
  static void drop(WorkerContext& context, const BurstEntry& entry, DropReason reason) noexcept;

 private:
  static Verdict verdict_of(ReplayVerdict replay) noexcept;
  // The two numbers of a row that say what is to be taken from its SA's lifetime.
  struct Charge {
    uint32_t SaTally::Row::*packets;
    uint64_t SaTally::Row::*bytes;
  };
  void charge(Charge charge) noexcept;
  void charge_one_by_one(Charge charge) noexcept;
  void tell_of_lifetimes() noexcept;

  WorkerContext& context_;
  Burst& burst_;
  std::array<Note, kBurstCapacity> notes_;
  SaTally tally_;
  bool charged_ = false;
};

}  // namespace spigrp
