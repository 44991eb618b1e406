// PipelineRounds: the measurement of one case. A round takes one slice of everything: the crypto floor and the worker's
// path beside each other, out and in, then the parts of the path by themselves. Figures are joined within a round only.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crypto_floor.h"
#include "gateway.h"
#include "slice_packets.h"
#include "transform_steps.h"

namespace spigrp::bench {

// Both gateways, and packets and transforms that use what is theirs; made once.
struct Rig {
  std::unique_ptr<Gateway> near, far;
  std::vector<SlicePackets> packets;  // the slices that go before the timed one, and that
  std::vector<TransformSteps> steps;  // one
  static Expected<Rig> create();
  Expected<void> check_nothing_lost() const;
  tl::unexpected<Error> lost(const std::string& gateway) const;  // why packets did not come out of it
};

// What one direction of one case came to; cycles per packet. See `kLegend` in pipeline.cpp for the stages.
struct DirectionResult {
  std::string floor_way;
  Series total, floor, crypto;  // crypto: the same jobs as the floor's, by the daemon's CryptoEngine
  Series forward, eroute, tun, esp, ah, rest;
  Series lookup;  // of an eroute in the table; not part of total as a rule

  // Of one round; what the stages do not account for is the rest.
  struct Stages {
    double total, forward, eroute;
    StepCycles steps;
  };
  void add_stages(const Stages& stages);

  std::vector<std::pair<std::string, const Series*>> stages() const {
    return {{"forward", &forward}, {"eroute", &eroute}, {"tun", &tun}, {"esp", &esp}, {"ah", &ah}, {"rest", &rest}};
  }
};

class PipelineRounds {
 public:
  // Sets the gateways' tables, finds the floors. Errors: of both.
  static Expected<PipelineRounds> prepare(Rig& rig, std::vector<Library>& libraries, const PacketCase& packet_case,
                                          size_t floor_rounds);
  // Errors: a packet was lost, or is not what it should be.
  Expected<void> run(size_t rounds);

  const DirectionResult& result(Direction direction) const { return results_[static_cast<size_t>(direction)]; }

 private:
  struct Crypto {  // of one direction
    CryptoFloor floor;
    std::vector<EngineCrypto> engine;  // ESP's, AH's
  };

  PipelineRounds(Rig& rig, const PacketCase& packet_case)
      : rig_(rig), case_(packet_case), slices_(lead_slices(packet_case.sas) + 1) {}
  Expected<void> add_crypto(std::vector<Library>& libraries, Direction direction, size_t floor_rounds);
  struct Totals {
    double out, in;
  };
  struct Plain {
    double forward, pass;
  };
  struct Steps {
    double lookup;
    StepCycles encap, decap;
  };
  Expected<void> round(size_t number);
  Expected<Totals> time_totals(size_t first);
  Expected<double> through_near(FlowNetwork network, size_t first);
  Expected<double> through_far();
  Expected<Plain> time_plain(size_t number);
  Expected<Steps> time_steps(size_t first);
  DirectionResult& of(Direction direction) { return results_[static_cast<size_t>(direction)]; }
  void time_crypto(Direction direction, size_t first);
  SlicePackets& timed_packets() { return rig_.packets[slices_ - 1]; }

  Rig& rig_;
  PacketCase case_;
  size_t slices_;               // of each thing that is timed, the timed one the last
  std::vector<Crypto> crypto_;  // by direction
  std::array<DirectionResult, 2> results_;
};

}  // namespace spigrp::bench
