// See lifetime.h.
#include "sa/lifetime.h"

#include <algorithm>

#include <rte_cycles.h>

namespace spigrp {
namespace {

// Bits of untold().
constexpr uint8_t kFirstUse = 1, kSoftCount = 2, kHardCount = 4;

// Of a limit of which so much is over; without one UINT64_MAX.
uint64_t ticks_left(uint64_t limit_s, uint64_t over_s) noexcept {
  if (limit_s == 0) return UINT64_MAX;
  const uint64_t hz = rte_get_tsc_hz(), seconds = limit_s - std::min(limit_s, over_s);
  return seconds > UINT64_MAX / hz ? UINT64_MAX : seconds * hz;
}

}  // namespace

Lifetime::Times Lifetime::times_of(const LifetimeLimits& limits, uint64_t age_s, uint64_t used_for_s) noexcept {
  const uint64_t now_tsc = rte_rdtsc(), left = ticks_left(limits.addtime, age_s);
  return {left > UINT64_MAX - now_tsc ? UINT64_MAX : now_tsc + left, ticks_left(limits.usetime, used_for_s)};
}

Lifetime::Lifetime(const LifetimeSpec& spec, uint64_t age_s, const LifetimeUse& used, uint64_t used_for_s) noexcept
    : marks{used, used},
      spec_(spec),
      soft_(times_of(spec.soft, age_s, used_for_s)),
      hard_(times_of(spec.hard, age_s, used_for_s)),
      packets_(spec.hard.packets, used.packets),
      bytes_(spec.hard.bytes, used.bytes),
      over_(is_counted_out(spec.hard)),
      used_for_s_(used_for_s),
      first_used_at_s_(used.first_used_at_s) {}

bool Lifetime::take(uint64_t packets, uint64_t bytes) noexcept {
  if (!packets_.take(packets)) return false;
  if (!bytes_.take(bytes)) {
    packets_.give_back(packets);
    return false;
  }
  if (packets_.is_used_up() || bytes_.is_used_up()) end();
  return true;
}

bool Lifetime::is_counted_out(const LifetimeLimits& limits) const noexcept {
  return (limits.packets != 0 && packets_.taken() >= limits.packets) ||
         (limits.bytes != 0 && bytes_.taken() >= limits.bytes);
}

uint8_t Lifetime::untold() const noexcept {
  const bool use_counts = spec_.soft.usetime != 0 || spec_.hard.usetime != 0;
  const auto due = static_cast<uint8_t>((use_counts ? kFirstUse : 0) | (is_counted_out(spec_.soft) ? kSoftCount : 0) |
                                        (over_.load(std::memory_order_relaxed) ? kHardCount : 0));
  return static_cast<uint8_t>(due & ~told_.load(std::memory_order_relaxed));
}

const LifetimeField* Lifetime::reached_of(const LifetimeLimits& limits, const Times& times, uint64_t now_tsc,
                                          uint64_t first_used_tsc) const noexcept {
  const auto is_reached = [&](const LifetimeField& field) {
    const uint64_t limit = limits.*field.limit;
    if (limit == 0) return false;
    if (field.limit == &LifetimeLimits::packets) return packets_.taken() >= limit;
    if (field.limit == &LifetimeLimits::bytes) return bytes_.taken() >= limit;
    if (field.limit == &LifetimeLimits::addtime) return now_tsc >= times.made_end_tsc;
    if (field.limit == &LifetimeLimits::usetime) {
      return first_used_tsc != 0 && now_tsc >= end_of_use(times, first_used_tsc);
    }
    return &limits == &spec_.soft && allocations_ >= limit;  // a hard one refuses further eroutes, and nothing else
  };
  const auto* const found = std::find_if(kLifetimeFields.begin(), kLifetimeFields.end(), is_reached);
  return found == kLifetimeFields.end() ? nullptr : found;
}

std::optional<Lifetime::Reached> Lifetime::newly_reached(uint64_t now_tsc, uint64_t first_used_tsc) noexcept {
  if (told_expiry_ == Expiry::kHard) return std::nullopt;
  const LifetimeField* hard = reached_of(spec_.hard, hard_, now_tsc, first_used_tsc);
  // A packet that was too large for what was left ends it before the number itself is reached.
  if (hard == nullptr && over_.load(std::memory_order_relaxed)) hard = &kLifetimeFields[1];
  if (hard != nullptr) {
    told_expiry_ = Expiry::kHard;
    return Reached{Expiry::kHard, hard->name, spec_.hard.*hard->limit};
  }
  const LifetimeField* soft = told_expiry_ ? nullptr : reached_of(spec_.soft, soft_, now_tsc, first_used_tsc);
  if (soft == nullptr) return std::nullopt;
  told_expiry_ = Expiry::kSoft;
  return Reached{Expiry::kSoft, soft->name, spec_.soft.*soft->limit};
}

uint64_t Lifetime::next_end_tsc(uint64_t first_used_tsc) const noexcept {
  if (told_expiry_ == Expiry::kHard) return UINT64_MAX;
  // Packets tell of what they reach; but it may have been reached before this process.
  if (over_.load(std::memory_order_relaxed)) return 0;
  if (!told_expiry_ && is_counted_out(spec_.soft)) return 0;
  if (!told_expiry_ && spec_.soft.allocations != 0 && allocations_ >= spec_.soft.allocations) return 0;
  const auto first_of = [&](const Times& times) {
    return std::min(times.made_end_tsc, first_used_tsc == 0 ? UINT64_MAX : end_of_use(times, first_used_tsc));
  };
  return std::min(first_of(hard_), told_expiry_ ? UINT64_MAX : first_of(soft_));
}

LifetimeUse Lifetime::used(uint64_t now_tsc, uint64_t now_s, uint64_t first_used_tsc) noexcept {
  if (first_used_at_s_ == 0 && first_used_tsc != 0) {
    const uint64_t ago_s = (now_tsc - std::min(now_tsc, first_used_tsc)) / rte_get_tsc_hz();
    first_used_at_s_ = std::max<uint64_t>(now_s - std::min(now_s, ago_s), 1);
  }
  LifetimeUse use{packets_.taken(), bytes_.taken(), first_used_at_s_, allocations_};
  const bool ended_early =
      over_.load(std::memory_order_relaxed) && !is_counted_out(spec_.hard) && now_tsc < hard_.made_end_tsc;
  if (ended_early) use.bytes = std::max(use.bytes, spec_.hard.bytes);
  return use;
}

}  // namespace spigrp
