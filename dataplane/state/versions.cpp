// See versions.h. Quiescent states are counted by rte_rcu_qsbr; this file says what may be freed when.
#include "state/versions.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>
#include <utility>

#include <sched.h>

#include <rte_rcu_qsbr.h>

namespace spigrp {
namespace {

constexpr uint64_t kOffline = 0;  // a reader's counter (rte_rcu_qsbr_cnt)

// False: there is no memory for what it does.
bool release(const Versions::Retired& retired) {
  try {
    retired.release(retired.object, retired.context);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace

Expected<std::unique_ptr<Versions>> Versions::create(uint16_t max_readers) {
  std::unique_ptr<Versions> versions(new Versions);
  versions->first_pin_ = max_readers;
  max_readers = static_cast<uint16_t>(max_readers + kMaxPins);
  const size_t bytes = rte_rcu_qsbr_get_memsize(max_readers);
  const size_t rounded = (bytes + RTE_CACHE_LINE_SIZE - 1) / RTE_CACHE_LINE_SIZE * RTE_CACHE_LINE_SIZE;
  versions->readers_ = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, rounded));
  if (versions->readers_ == nullptr || rte_rcu_qsbr_init(versions->readers_, max_readers) != 0) {
    return failure("versioned tables", "no memory for " + std::to_string(max_readers) + " readers");
  }
  for (uint16_t reader = 0; reader < max_readers; ++reader) rte_rcu_qsbr_thread_register(versions->readers_, reader);
  versions->spare_.emplace_back();
  return versions;
}

Versions::~Versions() {
  for (Grace& grace : graces_) {
    for (; !grace.retired.empty(); grace.retired.pop_front()) {
      const Retired& retired = grace.retired.front();
      retired.release(retired.object, retired.context);
    }
  }
  // A release may retire what it unlinked.
  while (!retired_now_.empty()) {
    NextGrace last;
    last.swap(retired_now_);
    for (const Retired& retired : last.back().retired) retired.release(retired.object, retired.context);
  }
  std::free(readers_);
}

void Versions::online(uint16_t reader) noexcept {
  rte_rcu_qsbr_thread_online(readers_, reader);
}

void Versions::offline(uint16_t reader) noexcept {
  rte_rcu_qsbr_thread_offline(readers_, reader);
}

void Versions::quiescent(uint16_t reader) noexcept {
  rte_rcu_qsbr_quiescent(readers_, reader);
}

Versions::Pin::Pin(Versions& versions, uint16_t reader) noexcept : versions_(&versions), reader_(reader) {
  versions_->pinned_[reader_] = true;
  versions_->online(static_cast<uint16_t>(versions_->first_pin_ + reader_));
  generation_ = versions_->published();
}

Versions::Pin::Pin(Pin&& other) noexcept
    : versions_(std::exchange(other.versions_, nullptr)), reader_(other.reader_), generation_(other.generation_) {}

Versions::Pin::~Pin() {
  if (versions_ == nullptr) return;
  versions_->offline(static_cast<uint16_t>(versions_->first_pin_ + reader_));
  versions_->pinned_[reader_] = false;
}

std::optional<Versions::Pin> Versions::pin() {
  const auto free = std::find(pinned_.begin(), pinned_.end(), false);
  if (free == pinned_.end()) return std::nullopt;
  return Pin(*this, static_cast<uint16_t>(free - pinned_.begin()));
}

void Versions::publish() noexcept {
  published_.store(next(), std::memory_order_release);
  linking_ = 0;
  start_grace();
}

// What the edit around it has retired can be seen until that is published.
Versions::Interlude::Interlude(Versions& versions) noexcept : versions_(versions) {
  versions_.retired_around_.swap(versions_.retired_now_);
  versions_.linking_around_ = std::exchange(versions_.linking_, 0);
}

Versions::Interlude::~Interlude() {
  versions_.discard();
  versions_.retired_around_.swap(versions_.retired_now_);
  versions_.linking_ = std::exchange(versions_.linking_around_, 0);
}

void Versions::begin_list() {
  if (spare_.empty()) spare_.emplace_back();
  retired_now_.splice(retired_now_.end(), spare_);
}

void Versions::start_grace() noexcept {
  if (retired_now_.empty()) return;
  // The token is taken after the store above: a worker that reports a quiescent state for it loads the new generation
  // next.
  retired_now_.back().token = rte_rcu_qsbr_start(readers_);
  graces_.splice(graces_.end(), retired_now_);
  // Edits retire while they are linked, where nothing may fail any more.
  try {
    if (spare_.empty()) spare_.emplace_back();
  } catch (const std::bad_alloc&) {
  }
}

size_t Versions::reclaim(size_t most) {
  size_t freed = 0;
  bool is_memory_left = true;
  while (is_memory_left && freed < most && !graces_.empty() &&
         rte_rcu_qsbr_check(readers_, graces_.front().token, false) == 1) {
    std::deque<Retired>& retired = graces_.front().retired;  // stays where it is, whatever is added behind it
    // A release may retire more (a hash key is removed first, its slot given back later): such things begin a grace
    // period of their own, without waiting for an edit to come.
    NextGrace pending;
    pending.swap(retired_now_);
    for (; freed < most && !retired.empty(); ++freed) {
      is_memory_left = release(retired.front());
      if (!is_memory_left) break;
      retired.pop_front();
    }
    if (retired.empty()) graces_.pop_front();
    start_grace();
    retired_now_.swap(pending);
  }
  return freed;
}

bool Versions::outlast_bursts(uint32_t limit_ms) const noexcept {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  const uint64_t token = rte_rcu_qsbr_start(readers_);
  const auto is_in_older = [&](uint16_t worker) {
    const uint64_t seen = __atomic_load_n(&readers_->qsbr_cnt[worker].cnt, __ATOMIC_ACQUIRE);
    return seen != kOffline && seen < token;
  };
  for (uint16_t worker = 0; worker < first_pin_; ++worker) {
    while (is_in_older(worker)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      sched_yield();
    }
  }
  return true;
}

bool Versions::drain(uint32_t limit_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  while (!graces_.empty()) {
    if (reclaim() > 0) continue;
    if (std::chrono::steady_clock::now() > deadline) return false;
    sched_yield();
  }
  return true;
}

size_t Versions::waiting() const noexcept {
  size_t count = 0;
  for (const Grace& grace : retired_now_) count += grace.retired.size();
  for (const Grace& grace : graces_) count += grace.retired.size();
  return count;
}

}  // namespace spigrp
