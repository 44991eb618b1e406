// See number_keeper.h.
#include "control/number_keeper.h"

#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

#include <rte_cycles.h>

namespace spigrp {
namespace {

// Of one poll: a million SAs are looked at within seconds, in a tenth of the control thread's time.
constexpr uint32_t kSlotsAPoll = 4096;
constexpr size_t kNotesAPoll = 64;

constexpr uint64_t kMostAhead = 1u << 26;
constexpr uint64_t kFirstReceivedAhead = 1024;  // where it is not known yet how fast numbers come
constexpr uint64_t kComplaintsApart_s = 60;

// Who comes back within a second uses them faster than was thought.
uint64_t ahead_of(SequenceMarks& marks, uint64_t now_s) noexcept {
  if (marks.reserve_ahead == 0) marks.reserve_ahead = kReserveAhead;
  if (now_s <= marks.reserved_at_s + 1) marks.reserve_ahead = std::min(2 * marks.reserve_ahead, kMostAhead);
  if (now_s > marks.reserved_at_s + 60) marks.reserve_ahead = kReserveAhead;
  return marks.reserve_ahead;
}

template <class Function>
void each_sa(SaTables& tables, Function function) {
  for (Slot slot = 0; slot < tables.sas().slot_count(); ++slot) {
    const SaEntry* entry = tables.sas().newest(slot);
    if (entry != nullptr && entry->sa != nullptr) function(*entry->sa);
  }
}

LifetimeUse used_now(const Sa& sa) {
  using std::chrono::system_clock;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch()).count();
  const uint64_t first_used_tsc = sa.counters.first_used_tsc.load(std::memory_order_relaxed);
  return sa.lifetime->used(rte_rdtsc(), static_cast<uint64_t>(now), first_used_tsc);
}

uint64_t twice_as_far(uint64_t now, uint64_t before) noexcept {
  return number_after(now, now - std::min(now, before), UINT64_MAX);
}

}  // namespace

Expected<void> NumberKeeper::begin() {
  if (const auto begun = store_.begin_process(); !begun) return begun;
  each_sa(engine_.sas(), [](Sa& sa) {
    if (is_numbered(sa.id)) sa.sequence.set_limit(number_after(sa.sequence.sent(), kReserveAhead, UINT64_MAX));
  });
  return {};
}

void NumberKeeper::look_at(Sa& sa, uint64_t now_s) {
  SequenceMarks& marks = sa.marks;
  const Sequence& sequence = sa.sequence;
  uint64_t sent = sequence.limit();
  const bool is_near = sent != sequence.last() && sequence.available() < Sequence::kNear;
  if (is_near) sent = number_after(sequence.sent(), ahead_of(marks, now_s), sequence.last());
  const uint64_t received = sa.replay.highest();
  const bool came = received > marks.received_seen;
  if (!is_near && !came) return;
  if (came) {
    const uint64_t more = marks.received_seen == 0 ? kFirstReceivedAhead : received - marks.received_seen;
    marks.received_seen = received;
    marks.received_mark = number_after(received, std::min(more, kReserveAhead), sequence.last());
  }
  if (is_near) marks.reserved_at_s = now_s;
  notes_.push_back({&sa, {sa.id, sent, marks.received_mark}});
}

// As much more as since the last look may be used before the next; what was too much is put right by a look that finds
// nothing new.
void NumberKeeper::look_at_lifetime(Sa& sa) {
  LifetimeMarks& marks = sa.lifetime->marks;
  const LifetimeUse now = used_now(sa);
  LifetimeUse ahead = now;
  ahead.packets = twice_as_far(now.packets, marks.seen.packets);
  ahead.bytes = twice_as_far(now.bytes, marks.seen.bytes);
  marks.seen = now;
  if (ahead != marks.stored) lifetime_notes_.push_back({sa.lifetime.get(), {sa.id, ahead}});
}

void NumberKeeper::poll(uint64_t now_s) {
  SaTables& tables = engine_.sas();
  for (const SaId& id : engine_.take_near_limit()) {
    const SaEntry* entry = tables.newest(id);
    if (entry != nullptr && entry->sa != nullptr) look_at(*entry->sa, now_s);
  }
  if (next_slot_ == 0 && now_s <= round_began_s_) return write(now_s);
  if (next_slot_ == 0) round_began_s_ = now_s;
  const uint32_t slots = tables.sas().slot_count();
  const uint32_t end = std::min(slots, next_slot_ + kSlotsAPoll);
  for (; next_slot_ < end && notes_.size() + lifetime_notes_.size() < kNotesAPoll; ++next_slot_) {
    const SaEntry* entry = tables.sas().newest(next_slot_);
    if (entry == nullptr || entry->sa == nullptr) continue;
    if (is_numbered(entry->sa->id)) look_at(*entry->sa, now_s);
    if (entry->sa->lifetime != nullptr) look_at_lifetime(*entry->sa);
  }
  if (next_slot_ >= slots) next_slot_ = 0;
  write(now_s);
}

// A limit is raised when that is written down, and not before.
void NumberKeeper::write(uint64_t now_s) {
  if (notes_.empty() && lifetime_notes_.empty()) return;
  std::vector<UsedNumbers> used;
  for (const Note& note : notes_) used.push_back(note.numbers);
  std::vector<UsedLifetime> lifetimes;
  for (const LifetimeNote& note : lifetime_notes_) lifetimes.push_back(note.used);
  const auto written = store_.note(used, lifetimes);
  if (written) {
    for (const Note& note : notes_) {
      note.sa->sequence.raise_limit(note.numbers.sent);
      note.sa->marks.stored_now = true;
    }
    for (const LifetimeNote& note : lifetime_notes_) note.lifetime->marks.stored = note.used.use;
  } else if (now_s >= complained_s_ + kComplaintsApart_s) {
    complained_s_ = now_s;
    spdlog::error("sequence numbers cannot be reserved, and SAs will stop when theirs are used: {}",
                  written.error().text());
  }
  notes_.clear();
  lifetime_notes_.clear();
}

Expected<void> NumberKeeper::finish() {
  std::vector<UsedNumbers> used;
  std::vector<UsedLifetime> lifetimes;
  each_sa(engine_.sas(), [&](const Sa& sa) {
    if (sa.lifetime != nullptr) {
      if (const LifetimeUse use = used_now(sa); use != sa.lifetime->marks.stored) lifetimes.push_back({sa.id, use});
    }
    if (!is_numbered(sa.id)) return;
    const SequenceMarks& marks = sa.marks;
    if (marks.stored_now || sa.sequence.sent() != marks.began_sent || sa.replay.highest() != marks.received_seen) {
      used.push_back({sa.id, sa.sequence.sent(), sa.replay.highest()});
    }
  });
  return store_.end_process(used, lifetimes);
}

}  // namespace spigrp
