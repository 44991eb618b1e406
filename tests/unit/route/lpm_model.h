// The longest-prefix match as one would write it down: every prefix is looked at. And prefixes and addresses that are
// likely to meet at their edges.
#pragma once

#include <map>
#include <random>

#include "config/ip_address.h"

namespace spigrp::test {

template <class Value>
class LpmModel {
 public:
  std::map<IpPrefix, Value> prefixes;

  const Value* find(const IpAddress& address) const {
    const Value* best = nullptr;
    int best_bits = -1;
    for (const auto& [prefix, value] : prefixes) {
      if (prefix.bits <= best_bits || !prefix.contains(address)) continue;
      best = &value;
      best_bits = prefix.bits;
    }
    return best;
  }
};

class RandomPrefixes {
 public:
  RandomPrefixes(Family family, unsigned seed) : family_(family), random_(seed) {}

  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

  // Bytes from a handful, so that prefixes lie in each other; the lowest and the highest are among them.
  IpAddress address() {
    static constexpr uint8_t kBytes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
    IpAddress address{family_, {}};
    for (uint8_t i = 0; i < address.size(); ++i) address.bytes[i] = kBytes[below(6)];
    if (family_ == Family::kIpv6) {  // three networks, and inside them little that differs
      address.bytes[0] = below(2) == 0 ? 0xff : 0x20;
      for (size_t i = 1; i < 16; ++i) {
        if (below(4) != 0) address.bytes[i] = below(2) == 0 ? 0x00 : 0xff;
      }
    }
    return address;
  }
  IpPrefix prefix() {
    const unsigned max = family_ == Family::kIpv4 ? 32 : 128;
    const unsigned bits = below(3) == 0 ? below(max / 8 + 1) * 8 : below(max + 1);
    return IpPrefix{address(), static_cast<uint8_t>(bits)}.masked();
  }
  // The first and the last address of a prefix, and those before and behind it.
  std::array<IpAddress, 4> edges(const IpPrefix& prefix) {
    const IpAddress first = prefix.masked().address;
    IpAddress last = first;
    for (unsigned bit = prefix.bits; bit < prefix.address.max_bits(); ++bit) {
      last.bytes[bit / 8] = static_cast<uint8_t>(last.bytes[bit / 8] | 0x80 >> bit % 8);
    }
    return {first, last, beside(first, -1), beside(last, 1)};
  }

 private:
  IpAddress beside(IpAddress address, int step) {
    for (int i = address.size() - 1; i >= 0; --i) {
      auto& byte = address.bytes[static_cast<size_t>(i)];
      byte = static_cast<uint8_t>(byte + step);
      if (byte != (step > 0 ? 0x00 : 0xff)) break;
    }
    return address;
  }

  Family family_;
  std::mt19937 random_;
};

}  // namespace spigrp::test
