// See number_keeper.h.
#include "control/number_keeper.h"

#include <algorithm>
#include <map>
#include <utility>

#include <spdlog/spdlog.h>

#include <rte_cycles.h>

#include "state/unix_time.h"

namespace spigrp {
namespace {

// Of one poll: a million SAs are looked at within seconds, in a tenth of the control thread's time.
constexpr uint32_t kSlotsAPoll = 4096;
constexpr size_t kNotesAPoll = 64;
constexpr size_t kFastNotesAPoll = 512;  // received numbers aside; who is noted is so for a second or so
constexpr size_t kTakenInAPoll = 256;    // of what was received in a transaction, from file to file

constexpr uint64_t kMostAhead = 1u << 26;
constexpr uint64_t kFirstReceivedAhead = 1024;  // where it is not known yet how fast numbers come
constexpr uint64_t kComplaintsApart_s = 60;

// Numbers from one look to the next, a second or more. Who uses fewer has enough for two minutes when it comes near its
// limit.
constexpr uint64_t kFast = 4096;
constexpr size_t kMostInUse = 4096;

// Who comes back within a second uses them faster than was thought.
uint64_t ahead_of(SequenceMarks& marks, uint64_t now_s) noexcept {
  if (marks.reserve_ahead == 0) marks.reserve_ahead = kReserveAhead;
  if (now_s <= marks.reserved_at_s + 1) marks.reserve_ahead = std::min(2 * marks.reserve_ahead, kMostAhead);
  if (now_s > marks.reserved_at_s + 60) marks.reserve_ahead = kReserveAhead;
  return marks.reserve_ahead;
}

// What is written down of numbers received, where these are the newest: as many more as came since it last was.
uint64_t mark_behind(const Sa& sa, uint64_t received) noexcept {
  const uint64_t seen = sa.marks.received_seen;
  const uint64_t more = seen == 0 ? kFirstReceivedAhead : received - std::min(seen, received);
  return number_after(received, std::min(more, kReserveAhead), sa.sequence.last());
}

template <class Function>
void each_sa(SaTables& tables, Function function) {
  for (Slot slot = 0; slot < tables.sas().slot_count(); ++slot) {
    const SaEntry* entry = tables.sas().newest(slot);
    if (entry != nullptr && entry->sa != nullptr) function(slot, *entry->sa);
  }
}

LifetimeUse used_now(const Sa& sa) {
  const uint64_t first_used_tsc = sa.counters.first_used_tsc.load(std::memory_order_relaxed);
  return sa.lifetime->used(rte_rdtsc(), unix_seconds(), first_used_tsc);
}

uint64_t twice_as_far(uint64_t now, uint64_t before) noexcept {
  return number_after(now, now - std::min(now, before), UINT64_MAX);
}

}  // namespace

// SAs that begin behind numbers of their keys that the store has elsewhere, or behind received ones that stand aside:
// that is to be in their own rows, or the next process would count from there again.
Expected<void> NumberKeeper::begin() {
  SaTables& tables = engine_.sas();
  for (InUse* in_use : {&senders_, &receivers_}) in_use->numbers.resize(tables.sas().slot_count());
  std::vector<UsedNumbers> moved;
  each_sa(tables, [&](Slot slot, Sa& sa) {
    if (!is_numbered(sa.id)) return;
    const uint64_t sent = sa.sequence.sent();
    const uint64_t limit = number_after(sent, kReserveAhead, sa.sequence.last());
    senders_.numbers[slot] = sent;
    receivers_.numbers[slot] = sa.replay.highest();
    sa.sequence.set_limit(limit);
    if (sent == 0 || tables.spent_keys().empty()) return;
    if (tables.spent_keys().used_up_to(fingerprint_of(sa)) < sent) return;
    moved.push_back({sa.id, limit, sa.marks.received_mark});
    sa.marks.stored_now = true;
  });
  const auto received = store_.aside().received();
  if (!received) return tl::unexpected(received.error());
  for (const auto& [key, number] : *received) {
    Sa* sa = find(key);
    if (sa == nullptr || sa->marks.stored_now) continue;
    moved.push_back({sa->id, sa->sequence.limit(), sa->marks.received_mark});
    sa->marks.stored_now = true;
  }
  std::vector<SpentKey> spent;
  if (auto read = store_.aside().each([&](const SpentKey& key) { spent.push_back(key); }); !read) return read;
  if (auto noted = store_.note({.numbers = moved, .spent = spent}); !noted) return noted;
  if (auto cleared = store_.aside().clear(); !cleared) return cleared;
  return store_.begin_process();
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
  if (is_near) marks.reserved_at_s = now_s;
  const uint64_t mark = came ? mark_behind(sa, received) : marks.received_mark;
  notes_.push_back({&sa, {sa.id, sent, mark}, came ? received : marks.received_seen});
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

// Earlier than else: a piece of a transaction may take longer than what a fast SA has left when it comes near.
void NumberKeeper::look_aside(Sa& sa, uint64_t now_s) {
  const Sequence& sequence = sa.sequence;
  const uint64_t few = std::max(Sequence::kNear, sa.marks.reserve_ahead / 2);
  if (sequence.limit() == sequence.last() || sequence.available() >= few) return;
  const uint64_t number = number_after(sequence.sent(), ahead_of(sa.marks, now_s), sequence.last());
  if (number <= sequence.limit()) return;
  sa.marks.reserved_at_s = now_s;
  reserving_.push_back({&sa, sa.id, {fingerprint_of(sa), number}});
}

void NumberKeeper::look_at_received_aside(Sa& sa) {
  const uint64_t received = sa.replay.highest();
  if (received <= sa.marks.received_mark) return;
  receiving_.push_back({&sa, {sa.id, fingerprint_of(sa)}, received, mark_behind(sa, received)});
}

void NumberKeeper::InUse::note(Slot slot, const SaId& id, uint64_t number) {
  const uint64_t before = std::exchange(numbers[slot], number);
  const bool is_fast = number > before && number - before >= kFast;
  if (is_fast && found.size() < kMostInUse) found.push_back(id);
}

// Some SAs more, as the workers see them. A round begins once a second at most.
template <class Look>
void NumberKeeper::look_at_some(Round& round, uint64_t now_s, Look look) {
  if (round.next_slot == 0 && now_s <= round.began_s) return;
  if (round.next_slot == 0) round.began_s = now_s;
  const auto& sas = engine_.sas().sas();
  const Generation g = engine_.versions().published();
  const uint32_t slots = sas.slot_count();
  const uint32_t end = std::min(slots, round.next_slot + kSlotsAPoll);
  const size_t most = to_be_noted() + kNotesAPoll;
  for (; round.next_slot < end && to_be_noted() < most; ++round.next_slot) {
    const SaEntry* entry = sas.at(round.next_slot, g);
    if (entry != nullptr && entry->sa != nullptr) look(round.next_slot, *entry->sa);
  }
  if (round.next_slot >= slots) round.next_slot = 0;
}

template <class Look>
void NumberKeeper::go_round(uint64_t now_s, Look look) {
  if (round_.next_slot == 0 && now_s > round_.began_s) {
    for (InUse* in_use : {&senders_, &receivers_}) in_use->last_round = std::exchange(in_use->found, {});
  }
  look_at_some(round_, now_s, [&](Slot slot, Sa& sa) {
    if (is_numbered(sa.id)) {
      senders_.note(slot, sa.id, sa.sequence.sent());
      receivers_.note(slot, sa.id, sa.replay.highest());
    }
    look(sa);
  });
}

template <class Look>
void NumberKeeper::look_at_those_in_use(const InUse& in_use, Look look) {
  const SaTables& tables = engine_.sas();
  const Generation g = engine_.versions().published();
  for (const std::vector<SaId>* ids : {&in_use.last_round, &in_use.found}) {
    for (const SaId& id : *ids) {
      const SaEntry* entry = tables.find_sa(sa_key(id), g);
      if (entry != nullptr && entry->sa != nullptr) look(*entry->sa);
    }
  }
}

void NumberKeeper::poll(uint64_t now_s) {
  // Of a poll that threw: their SAs may be gone.
  notes_.clear();
  lifetime_notes_.clear();
  if (const auto taken = take_in(); !taken) complain(taken.error(), now_s);
  SaTables& tables = engine_.sas();
  for (const SaId& id : engine_.take_near_limit()) {
    const SaEntry* entry = tables.newest(id);
    if (entry != nullptr && entry->sa != nullptr) look_at(*entry->sa, now_s);
  }
  go_round(now_s, [&](Sa& sa) {
    if (is_numbered(sa.id)) look_at(sa, now_s);
    if (sa.lifetime != nullptr) look_at_lifetime(sa);
  });
  write(now_s);
}

void NumberKeeper::poll_aside(uint64_t now_s) {
  reserving_.clear();  // memory may have run out in the midst of it the last time, and SAs may be gone since then
  receiving_.clear();
  look_at_those_in_use(senders_, [&](Sa& sa) { look_aside(sa, now_s); });
  look_at_those_in_use(receivers_, [&](Sa& sa) {
    if (receiving_.size() < kFastNotesAPoll) look_at_received_aside(sa);
  });
  go_round(now_s, [&](Sa& sa) {
    if (is_numbered(sa.id)) look_aside(sa, now_s);
  });
  look_at_some(received_round_, now_s, [&](Slot /*slot*/, Sa& sa) {
    if (is_numbered(sa.id)) look_at_received_aside(sa);
  });
  write_aside(now_s);
}

void NumberKeeper::complain(const Error& error, uint64_t now_s) {
  if (now_s < complained_s_ + kComplaintsApart_s) return;
  complained_s_ = now_s;
  spdlog::error("sequence numbers cannot be reserved, and SAs will stop when theirs are used: {}", error.text());
}

// A limit is raised, and a number counts as seen, when that is written down, and not before.
void NumberKeeper::write(uint64_t now_s) {
  if (notes_.empty() && lifetime_notes_.empty()) return;
  std::vector<UsedNumbers> used;
  for (const Note& note : notes_) used.push_back(note.numbers);
  std::vector<UsedLifetime> lifetimes;
  for (const LifetimeNote& note : lifetime_notes_) lifetimes.push_back(note.used);
  const auto written = store_.note({.numbers = used, .lifetimes = lifetimes});
  if (written) {
    for (const Note& note : notes_) {
      note.sa->sequence.raise_limit(note.numbers.sent);
      note.sa->marks.received_seen = note.received_seen;
      note.sa->marks.received_mark = note.numbers.received;
      note.sa->marks.stored_now = true;
    }
    for (const LifetimeNote& note : lifetime_notes_) note.lifetime->marks.stored = note.used.use;
  } else {
    complain(written.error(), now_s);
  }
  notes_.clear();
  lifetime_notes_.clear();
}

// Under the keys, not under the SAID alone: to the transaction that is being written that may be another SA's already.
void NumberKeeper::write_aside(uint64_t now_s) {
  if (reserving_.empty() && receiving_.empty()) return;
  std::vector<SpentKey> keys;
  for (const Reserved& one : reserving_) keys.push_back(one.key);
  ReceivedMarks received;
  for (const Received& one : receiving_) raise_mark(received, one.key, one.mark);
  // Before anything is there: where memory runs out, nothing may be there that is not taken in.
  stands_aside_ = true;
  aside_.reserve(aside_.size() + reserving_.size());
  for (const auto& [key, mark] : received) raise_mark(received_aside_, key, mark);
  const auto written = store_.aside().add(keys, received);
  if (written) {
    for (Reserved& one : reserving_) {
      one.sa->sequence.raise_limit(one.key.number);
      one.sa->marks.stored_now = true;
      one.sa = nullptr;
      aside_.push_back(one);
    }
    for (const Received& one : receiving_) {
      one.sa->marks.received_seen = one.seen;
      one.sa->marks.received_mark = one.mark;
    }
  } else {
    complain(written.error(), now_s);
  }
  reserving_.clear();
  receiving_.clear();
}

// With these keys too; or null.
Sa* NumberKeeper::find(const KeyedSa& key) const {
  const SaEntry* entry = engine_.sas().newest(key.id);
  Sa* sa = entry == nullptr ? nullptr : entry->sa;
  return sa != nullptr && fingerprint_of(*sa) == key.keys ? sa : nullptr;
}

// What was noted aside goes to where it belongs: the row of the SA, or, where that is gone, numbers to send to its
// keys'. Of received ones there may be as many as SAs, so that they go some at a time.
Expected<void> NumberKeeper::take_in() {
  if (!stands_aside_) return {};
  std::map<SaId, UsedNumbers> used;
  const auto row_of = [&](const KeyedSa& key) -> UsedNumbers* {
    const Sa* sa = find(key);
    if (sa == nullptr) return nullptr;
    return &used.try_emplace(key.id, UsedNumbers{key.id, sa->sequence.limit(), sa->marks.received_mark}).first->second;
  };
  std::vector<SpentKey> spent;
  for (const Reserved& one : aside_) {
    UsedNumbers* row = row_of({one.id, one.key.fingerprint});
    if (row == nullptr) {
      spent.push_back(one.key);
    } else {
      row->sent = std::max(row->sent, one.key.number);
    }
  }
  auto taken = received_aside_.begin();
  for (size_t rows = 0; taken != received_aside_.end() && rows < kTakenInAPoll; ++taken, ++rows) {
    UsedNumbers* row = row_of(taken->first);
    if (row != nullptr) row->received = std::max(row->received, taken->second);
  }
  std::vector<UsedNumbers> rows;
  rows.reserve(used.size());
  for (const auto& [id, numbers] : used) rows.push_back(numbers);
  if (auto noted = store_.note({.numbers = rows, .spent = spent}); !noted) return noted;
  for (const auto& [id, numbers] : used) {
    SequenceMarks& marks = engine_.sas().newest(id)->sa->marks;
    marks.received_mark = numbers.received;
    marks.stored_now = true;
  }
  aside_.clear();
  received_aside_.erase(received_aside_.begin(), taken);
  if (!received_aside_.empty()) return {};
  auto cleared = store_.aside().clear();
  stands_aside_ = !cleared;
  return cleared;
}

Expected<void> NumberKeeper::finish() {
  while (stands_aside_) {
    if (auto taken = take_in(); !taken) return taken;
  }
  std::vector<UsedNumbers> used;
  std::vector<UsedLifetime> lifetimes;
  each_sa(engine_.sas(), [&](Slot /*slot*/, const Sa& sa) {
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
