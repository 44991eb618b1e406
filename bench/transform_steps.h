// TransformSteps: the transforms of a group called one by one on bursts that are ready for them, without anything of
// the engine around: what each costs by itself. The SAs are those of the gateways.
#pragma once

#include <memory>
#include <vector>

#include "gateway.h"
#include "slice_packets.h"
#include "transform/transform.h"

namespace spigrp::bench {

struct StepCycles {  // per packet; ah is 0 where the group has none
  double tun = 0, esp = 0, ah = 0;
};

class TransformSteps {
 public:
  static Expected<TransformSteps> create(Gateway& near, Gateway& far);

  // The SAs that the gateways hold now.
  void use_sas_of(const PacketCase& packet_case);
  // Inner packets as SlicePackets makes them without Ethernet, of SAs first_sa, first_sa + 1 …, become outer ones.
  StepCycles encapsulate(SlicePackets& packets, size_t first_sa);
  // And back.
  StepCycles decapsulate(SlicePackets& packets, size_t first_sa);

  // One question to the eroute table a packet, cycles: flow cache misses ask two. Packets as for encapsulate().
  double look_up_eroutes(SlicePackets& packets);

  Expected<void> check_nothing_lost() const;

 private:
  using Step = void (*)(WorkerContext& context, Burst& burst);
  struct Member {
    SaProtocol protocol;
    std::vector<Sa*> outbound, inbound;  // by number: the near gateway's, the far one's
  };

  TransformSteps(Gateway& near, Gateway& far, std::unique_ptr<CryptoEngine> crypto)
      : near_(&near), far_(&far), crypto_(std::move(crypto)), counters_(std::make_unique<PacketCounters>()) {}
  StepCycles run(SlicePackets& packets, size_t first_sa, Direction direction);
  double run_step(const Member& member, Burst& burst, size_t first_sa, Direction direction);

  Gateway* near_;
  Gateway* far_;
  std::unique_ptr<CryptoEngine> crypto_;
  std::unique_ptr<PacketCounters> counters_;
  std::vector<Member> members_;  // inner → outer
  uint64_t incomplete_bursts_ = 0;
  uint64_t eroutes_missed_ = 0;
};

}  // namespace spigrp::bench
