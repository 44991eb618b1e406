// Writers: how many threads write a field that others may read. Where it is one, adding takes no locked instruction, of
// which each costs some 20 cycles: a gateway with one worker pays for none.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace spigrp {

enum class Writers : uint8_t { kOne, kMany };

// Relaxed; returns what was there before.
template <class T>
T add_to(std::atomic<T>& field, std::type_identity_t<T> amount, Writers writers) noexcept {
  if (writers == Writers::kMany) return field.fetch_add(amount, std::memory_order_relaxed);
  const T before = field.load(std::memory_order_relaxed);
  field.store(static_cast<T>(before + amount), std::memory_order_relaxed);
  return before;
}

// Relaxed; as compare_exchange_weak, where nobody else can have changed it.
template <class T>
bool put_instead(std::atomic<T>& field, T& expected, T wanted, Writers writers) noexcept {
  if (writers == Writers::kMany) return field.compare_exchange_weak(expected, wanted, std::memory_order_relaxed);
  field.store(wanted, std::memory_order_relaxed);
  return true;
}

}  // namespace spigrp
