// Sequence numbers of keys that go with one SA and come again with another, its heir: a number must not come twice with
// the same keys (RFC 4303 section 2.2).
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "sa/sa_staging.h"

namespace spigrp {
namespace {

// Numbers of an SA that goes, for as long as workers may still send with it: some milliseconds, at the most that they
// can. One that has sent nothing for all its life most likely only receives.
constexpr uint64_t kLeftToWorkers = 1u << 17, kLeftToIdle = 1u << 13;

}  // namespace

Expected<std::unique_ptr<Sa>> SaEdit::Staged::create(SaSpec spec) const {
  const bool may_be_spent = is_numbered(spec.id) && !(spent_keys.empty() && tables.spent_keys_.empty());
  if (may_be_spent) {
    const KeyFingerprint fingerprint = fingerprint_of(spec.encryption_key, spec.authentication_key);
    const uint64_t used = std::max(spent_keys.used_up_to(fingerprint), tables.spent_keys_.used_up_to(fingerprint));
    const uint64_t last = spec.extended_sequence ? Sequence::kLast64 : Sequence::kLast32;
    spec.sent = std::max(spec.sent, std::min(used, last));
  }
  return Sa::create(spec);
}

void SaEdit::Staged::spend_keys(const Sa& sa) {
  if (!is_numbered(sa.id)) return;
  const SpentKey key = spent_key_of(sa);
  spent_keys.add(key);
  const Sequence& sequence = sa.sequence;
  uint64_t& reserved = leaving_keys.try_emplace(key.fingerprint, 0).first->second;
  if (sequence.limit() != sequence.last()) reserved = std::max(reserved, sequence.limit());
}

// Of the keys that leave, those that SAs have which the edits make and do not delete again, whichever came first. They
// begin behind what is known to be used by now.
void SaEdit::Staged::find_heirs() {
  heirs.clear();
  if (leaving_keys.empty()) return;
  for (const std::unique_ptr<Sa>& sa : new_sas) {
    if (sa == nullptr || !is_numbered(sa->id) || entries.at(sa->id).sa != sa.get()) continue;
    const KeyFingerprint keys = fingerprint_of(*sa);
    const auto reserved = leaving_keys.find(keys);
    if (reserved == leaving_keys.end()) continue;
    sa->sequence.begin_behind(spent_keys.used_up_to(keys));
    // At least what is reserved already of these keys is to be its own.
    const uint64_t ahead = reserved->second - std::min(reserved->second, sa->sequence.sent());
    sa->marks.reserve_ahead = std::max(sa->marks.reserve_ahead, ahead);
    heirs.push_back({sa.get(), keys});
  }
}

// Of the SAs that go a worker may send until it sees the next generation: their numbers end here, and their heirs'
// begin behind them, with what is reserved of the numbers of these keys meanwhile.
void SaEdit::Staged::settle_numbers() {
  std::unordered_map<KeyFingerprint, uint64_t, KeyFingerprintHash> reserved;
  for (const Keyed& old : leaving) {
    Sequence& sequence = old.sa->sequence;
    if (!heirs.empty()) {
      uint64_t& limit = reserved.try_emplace(old.keys, 0).first->second;
      limit = std::max(limit, sequence.limit());
    }
    const bool sends = sequence.sent() != old.sa->marks.began_sent;
    const uint64_t end = sequence.close(sends ? kLeftToWorkers : kLeftToIdle);
    tables.spent_keys_.add({old.keys, end});
  }
  for (const Keyed& heir : heirs) {
    const uint64_t number = tables.spent_keys_.used_up_to(heir.keys);
    heir.sa->sequence.begin_behind(number);
    if (const auto limit = reserved.find(heir.keys); limit != reserved.end()) {
      heir.sa->sequence.raise_limit(limit->second);
    }
    heir.sa->marks.began_sent = heir.sa->sequence.sent();
  }
}

}  // namespace spigrp
