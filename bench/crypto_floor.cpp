// See crypto_floor.h.
#include "crypto_floor.h"

#include <algorithm>
#include <array>

namespace spigrp::bench {
namespace {

// Every way on the same packets: the same bytes must come out, or it would not be the same work.
Expected<void> check_ways(const std::vector<Way>& ways, CryptoBuffers& buffers, size_t sas) {
  uint64_t expected = 0;
  for (const Way& way : ways) {
    buffers.refill(0, sas);
    for (size_t number = 0; number < kSliceBursts; ++number) {
      if (way.run(buffers.burst(number)) != kBurstCapacity) return failure(way.name, "does not finish all packets");
    }
    const uint64_t result = buffers.fingerprint();
    if (&way == &ways.front()) expected = result;
    if (result != expected) return failure(way.name, "comes to another result than " + ways.front().name);
  }
  return {};
}

Expected<Way> find_cheapest(std::vector<Way> ways, CryptoBuffers& buffers, size_t sas, size_t rounds) {
  const auto timed = time_ways(std::move(ways), buffers, sas, rounds);
  if (!timed) return tl::unexpected(timed.error());
  return cheapest(*timed).way;
}

}  // namespace

Expected<std::vector<TimedWay>> time_ways(std::vector<Way> ways, CryptoBuffers& buffers, size_t sas, size_t rounds) {
  if (ways.empty()) return failure("ipsec-mb", "has no manager for this processor");
  if (const auto agree = check_ways(ways, buffers, sas); !agree) return tl::unexpected(agree.error());
  std::vector<TimedWay> timed;
  timed.reserve(ways.size());
  for (Way& way : ways) timed.push_back({std::move(way), {}});
  for (size_t round = 0; round < rounds; ++round) {
    for (TimedWay& one : timed) {
      one.cycles.add(buffers.time(round * kSlicePackets, sas, one.way.run));
    }
  }
  return timed;
}

const TimedWay& cheapest(const std::vector<TimedWay>& ways) {
  return *std::min_element(ways.begin(), ways.end(), [](const TimedWay& one, const TimedWay& other) {
    return one.cycles.summary().median < other.cycles.summary().median;
  });
}

Expected<CryptoFloor> CryptoFloor::find(std::vector<Library>& libraries, const PacketCase& packet_case,
                                        Direction direction, size_t rounds) {
  CryptoFloor floor(packet_case, direction);
  auto esp = find_cheapest(esp_ways(libraries, packet_case, direction), floor.buffers_, floor.sas_, rounds);
  if (!esp) return tl::unexpected(esp.error());
  floor.ways_.push_back(std::move(*esp));
  if (packet_case.group == Group::kTunEsp) return floor;
  auto ah = find_cheapest(ah_ways(libraries, packet_case), floor.buffers_, floor.sas_, rounds);
  if (!ah) return tl::unexpected(ah.error());
  floor.ways_.push_back(std::move(*ah));
  return floor;
}

double CryptoFloor::time(size_t first_sa) {
  return buffers_.time(first_sa, sas_, [this](const Batch& batch) {
    for (const Way& way : ways_) way.run(batch);
  });
}

std::string CryptoFloor::name() const {
  return ways_.size() == 1 ? ways_[0].name : ways_[0].name + "; AH: " + ways_[1].name;
}

Expected<EngineCrypto> EngineCrypto::create(const PacketCase& packet_case, Direction direction, Part part) {
  EngineCrypto crypto(packet_case, direction, part);
  const bool is_esp = part == Part::kEsp;
  const auto algorithm =
      is_esp ? find_esp_algorithm(esp_algorithm(packet_case.suite), kAesKeyBytes) : find_ah_algorithm(kAhAlgorithm);
  if (!algorithm) return tl::unexpected(algorithm.error());
  for (size_t sa = 0; sa < packet_case.sas; ++sa) {
    const auto aes = aes_key(sa);
    std::vector<uint8_t> cipher_key(aes.begin(), aes.end());
    cipher_key.resize(algorithm->encryption_key_bytes());  // GCM: with a salt; AH: none at all
    const auto hmac = hmac_key(sa, is_esp ? HmacOf::kEsp : HmacOf::kAh);
    auto keys =
        KeySchedule::create(*algorithm, Key(cipher_key), algorithm->authenticator == nullptr ? Key() : Key(hmac));
    if (!keys) return tl::unexpected(keys.error());
    crypto.keys_.push_back(std::move(*keys));
  }
  auto engine = CryptoEngine::create();
  if (!engine) return tl::unexpected(engine.error());
  crypto.engine_ = std::move(*engine);
  return crypto;
}

CryptoJob EngineCrypto::job(const PacketPlaces& at, uint32_t sa) const {
  const PacketLayout& layout = layout_;
  if (part_ == Part::kAh) {
    return {.keys = keys_[sa].expanded(),
            .cipher_start = nullptr,
            .cipher_bytes = 0,
            .iv = nullptr,
            .auth_start = at.outer,
            .auth_bytes = layout.outer_bytes,
            .icv = at.ah_icv,
            .ok = false};
  }
  return {.keys = keys_[sa].expanded(),
          .cipher_start = at.text,
          .cipher_bytes = layout.text_bytes,
          .iv = at.iv,
          .auth_start = at.esp,
          .auth_bytes = case_.suite == Suite::kGcm ? 8 : layout.esp_bytes,
          .icv = at.esp_icv,
          .ok = false};
}

// Filling in the jobs is timed too, as it is in the floor. Inbound the packets are encrypted first: what has a wrong
// ICV is not always decrypted.
double EngineCrypto::time(size_t first_sa) {
  const auto run = [this](const Batch& batch, Direction direction) {
    std::array<CryptoJob, kBurstCapacity> jobs;
    for (size_t i = 0; i < kBurstCapacity; ++i) jobs[i] = job(batch.packets[i], batch.sas[i]);
    if (direction == Direction::kOutbound) {
      engine_->protect(jobs);
    } else {
      engine_->verify(jobs);
    }
  };
  return buffers_.time(
      first_sa, case_.sas, [&](const Batch& batch) { run(batch, direction_); },
      [&](const Batch& batch) {
        if (direction_ == Direction::kInbound) run(batch, Direction::kOutbound);
      });
}

}  // namespace spigrp::bench
