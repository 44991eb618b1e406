// Sequence numbers of keys that go with one SA and come again with another, its heir: a number must not come twice with
// the same keys (RFC 4303 section 2.2), nor be accepted twice where the heir replaces it.
#include <algorithm>

#include "sa/sa_staging.h"

namespace spigrp {
namespace {

// Numbers of an SA that goes, for as long as workers may still send with it: some milliseconds, at the most that they
// can. One that has sent nothing for all its life most likely only receives.
constexpr uint64_t kLeftToWorkers = 1u << 17, kLeftToIdle = 1u << 13;

constexpr size_t kFetchedAhead = 16;  // SAs; as much as a core can have under way

}  // namespace

Expected<std::unique_ptr<Sa>> SaEdit::Staged::create(SaSpec spec) const {
  const bool may_be_spent = is_numbered(spec.id) && !(leaving_keys.empty() && tables.spent_keys_.empty());
  if (may_be_spent) {
    const KeyFingerprint fingerprint = fingerprint_of(spec.encryption_key, spec.authentication_key);
    const auto leaving_now = leaving_keys.find(fingerprint);
    const uint64_t used_now = leaving_now == leaving_keys.end() ? 0 : leaving_now->second.used;
    const uint64_t used = std::max(used_now, tables.spent_keys_.used_up_to(fingerprint));
    const uint64_t last = spec.extended_sequence ? Sequence::kLast64 : Sequence::kLast32;
    spec.sent = std::max(spec.sent, std::min(used, last));
  }
  return Sa::create(spec);
}

void SaEdit::Staged::spend_keys(const Sa& sa) {
  if (!is_numbered(sa.id)) return;
  const SpentKey spent = spent_key_of(sa);
  if (leaving_keys.empty()) make_room(leaving_keys, std::min<size_t>(expected, tables.sa_count()));
  LeavingKeys& keys = leaving_keys[spent.fingerprint];
  keys.used = std::max(keys.used, spent.number);
  const Sequence& sequence = sa.sequence;
  if (sequence.limit() != sequence.last()) keys.reserved = std::max(keys.reserved, sequence.limit());
}

// Of the keys that leave, those that SAs have which the edits make and do not delete again, whichever came first. They
// begin behind what is known to be used by now.
void SaEdit::Staged::find_heirs() {
  heirs.clear();
  continued.clear();
  if (leaving_keys.empty()) return;
  for (const std::unique_ptr<Sa>& sa : new_sas) {
    step();
    if (sa == nullptr || !is_numbered(sa->id) || entries.at(sa->id).sa != sa.get()) continue;
    const auto keys = leaving_keys.find(fingerprint_of(*sa));
    if (keys == leaving_keys.end()) continue;
    sa->sequence.begin_behind(keys->second.used);
    // At least what is reserved already of these keys is to be its own.
    const uint64_t reserved = keys->second.reserved;
    const uint64_t ahead = reserved - std::min(reserved, sa->sequence.sent());
    sa->marks.reserve_ahead = std::max(sa->marks.reserve_ahead, ahead);
    heirs.push_back({sa.get(), &keys->second});
    if (!sa->marks.replaces) continue;
    const SaEntry* linked = tables.newest(sa->id);
    const bool goes_on = linked != nullptr && linked->sa != nullptr && share_keys(*linked->sa, *sa);
    if (goes_on) continued.push_back({linked->sa, sa.get()});
  }
}

// Of the SAs that go a worker may send until it sees the next generation: their numbers end here, and their heirs'
// begin behind them, with what is reserved of the numbers of these keys meanwhile.
// Not by steps: an SA whose numbers have ended has few left, and others' turns before its heir is published might last
// longer than those. So all that takes long is left out, and of a million what is looked at is fetched ahead.
void SaEdit::Staged::settle_numbers() {
  for (size_t i = 0; i < leaving.size(); ++i) {
    if (i + kFetchedAhead < leaving.size()) leaving[i + kFetchedAhead].prefetch();
    Sequence& sequence = leaving[i].sa->sequence;
    LeavingKeys& keys = *leaving[i].keys;
    keys.limit = std::max(keys.limit, sequence.limit());
    const bool sends = sequence.sent() != leaving[i].sa->marks.began_sent;
    keys.end = std::max(keys.end, sequence.close(sends ? kLeftToWorkers : kLeftToIdle));
  }
  for (size_t i = 0; i < heirs.size(); ++i) {
    if (i + kFetchedAhead < heirs.size()) heirs[i + kFetchedAhead].prefetch();
    Sequence& sequence = heirs[i].sa->sequence;
    sequence.begin_behind(heirs[i].keys->end);
    sequence.raise_limit(heirs[i].keys->limit);
    heirs[i].sa->marks.began_sent = sequence.sent();
  }
  for (const Continued& one : continued) one.now->replay.begin_behind(one.before->replay.highest());
}

// When they are published: it is for who comes after these edits.
void SaEdit::Staged::remember_spent_keys() {
  for (const auto& [fingerprint, keys] : leaving_keys) {
    step();
    tables.spent_keys_.add({fingerprint, keys.end});
  }
}

}  // namespace spigrp
