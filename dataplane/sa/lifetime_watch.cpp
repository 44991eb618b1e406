// See lifetime_watch.h.
#include "sa/lifetime_watch.h"

namespace spigrp {
namespace {

uint64_t first_used(const Sa& sa) noexcept {
  return sa.counters.first_used_tsc.load(std::memory_order_relaxed);
}

}  // namespace

void LifetimeWatch::add(Sa& sa) {
  if (!sa.lifetime) return;
  sa.watched_end_tsc = sa.lifetime->next_end_tsc(first_used(sa));
  if (sa.watched_end_tsc != UINT64_MAX) ends_.emplace(sa.watched_end_tsc, &sa);
}

void LifetimeWatch::remove(Sa& sa) noexcept {
  if (sa.lifetime) ends_.erase({sa.watched_end_tsc, &sa});
}

void LifetimeWatch::look_at(Sa& sa, uint64_t now_tsc, const Tell& tell) {
  if (!sa.lifetime) return;
  remove(sa);
  if (const auto reached = sa.lifetime->newly_reached(now_tsc, first_used(sa))) tell(sa, *reached);
  add(sa);
}

void LifetimeWatch::poll(uint64_t now_tsc, size_t most, const Tell& tell) {
  for (; most > 0 && !ends_.empty() && ends_.begin()->first <= now_tsc; --most) {
    look_at(*ends_.begin()->second, now_tsc, tell);
  }
}

}  // namespace spigrp
