// CryptoFloor: the cheapest way that ipsec-mb has for one case on this machine, found by trying all of them, and ready
// to be timed again beside whatever is compared with it.
#pragma once

#include <memory>
#include <vector>

#include "crypto/crypto_engine.h"
#include "library_ways.h"
#include "measure.h"

namespace spigrp::bench {

struct TimedWay {
  Way way;
  Series cycles;  // per packet
};

// Times all of them, in turns. Errors: a way loses packets, or comes to another result than the first.
Expected<std::vector<TimedWay>> time_ways(std::vector<Way> ways, CryptoBuffers& buffers, size_t sas, size_t rounds);
// The one with the lowest median. There is one at least.
const TimedWay& cheapest(const std::vector<TimedWay>& ways);

// ESP and, where the case has it, AH of whole packets.
class CryptoFloor {
 public:
  // Error: those of time_ways. The libraries must outlive it.
  static Expected<CryptoFloor> find(std::vector<Library>& libraries, const PacketCase& packet_case, Direction direction,
                                    size_t rounds);

  // One slice, cycles per packet.
  double time(size_t first_sa);
  std::string name() const;  // of the way: "AVX2 direct; AH: SSE hash burst"

 private:
  CryptoFloor(const PacketCase& packet_case, Direction direction)
      : buffers_(layout_of(packet_case), direction), sas_(packet_case.sas) {}

  CryptoBuffers buffers_;
  size_t sas_;
  std::vector<Way> ways_;  // ESP's, AH's
};

// The same work given to the daemon's CryptoEngine, which chooses its own way.
class EngineCrypto {
 public:
  enum class Part : uint8_t { kEsp, kAh };
  static Expected<EngineCrypto> create(const PacketCase& packet_case, Direction direction, Part part);

  double time(size_t first_sa);

 private:
  EngineCrypto(const PacketCase& packet_case, Direction direction, Part part)
      : case_(packet_case),
        layout_(layout_of(packet_case)),
        direction_(direction),
        part_(part),
        buffers_(layout_, direction) {}
  CryptoJob job(const PacketPlaces& at, uint32_t sa) const;

  PacketCase case_;
  PacketLayout layout_;
  Direction direction_;
  Part part_;
  CryptoBuffers buffers_;
  std::vector<KeySchedule> keys_;  // by SA
  std::unique_ptr<CryptoEngine> engine_;
};

}  // namespace spigrp::bench
