// See transform_steps.h.
#include "transform_steps.h"

#include <rte_cycles.h>

#include "packet/ip_packet.h"

namespace spigrp::bench {

Expected<TransformSteps> TransformSteps::create(Gateway& near, Gateway& far) {
  auto crypto = CryptoEngine::create();
  if (!crypto) return tl::unexpected(crypto.error());
  return TransformSteps(near, far, std::move(*crypto));
}

void TransformSteps::use_sas_of(const PacketCase& packet_case) {
  members_.clear();
  for (const SaProtocol protocol : members_of(packet_case.group)) {
    Member member{protocol, {}, {}};
    for (size_t number = 0; number < packet_case.sas; ++number) {
      member.outbound.push_back(near_->sa(protocol, Place::kFar, number));
      member.inbound.push_back(far_->sa(protocol, Place::kFar, number));
    }
    members_.push_back(std::move(member));
  }
}

double TransformSteps::run_step(const Member& member, Burst& burst, size_t first_sa, Direction direction) {
  const bool out = direction == Direction::kOutbound;
  const std::vector<Sa*>& sas = out ? member.outbound : member.inbound;
  for (uint16_t i = 0; i < burst.count; ++i) burst.entries[i].sa = sas[(first_sa + i) % sas.size()];
  const Transform& transform = kTransforms[static_cast<size_t>(member.protocol)];
  WorkerContext context{.crypto = crypto_.get(),
                        .packet_buffers = near_->parts().buffers(),
                        .counters = counters_.get(),
                        .generation = near_->parts().versions().published(),
                        .now_tsc = rte_rdtsc()};
  const uint64_t begin = rte_rdtsc();
  (out ? transform.encap : transform.decap)(context, burst);
  const uint64_t cycles = rte_rdtsc() - begin;
  if (burst.count != kBurstCapacity) ++incomplete_bursts_;
  return static_cast<double>(cycles);
}

StepCycles TransformSteps::run(SlicePackets& packets, size_t first_sa, Direction direction) {
  StepCycles sum;
  const auto count_step = [&](const Member& member, Burst& burst, size_t number) {
    const double cycles = run_step(member, burst, first_sa + number * kBurstCapacity, direction);
    if (number < kWarmBursts) return;
    double& step = member.protocol == SaProtocol::kTunnel ? sum.tun
                   : member.protocol == SaProtocol::kEsp  ? sum.esp
                                                          : sum.ah;
    step += cycles / (kTimedBursts * kBurstCapacity);
  };
  for (size_t number = 0; number < kSliceBursts; ++number) {
    Burst burst;
    const auto buffers = packets.burst(number);
    for (rte_mbuf* packet : buffers) burst.push({packet, nullptr, nullptr, 0, 0, 0});
    if (direction == Direction::kOutbound) {
      for (const Member& member : members_) count_step(member, burst, number);
    } else {
      for (size_t i = members_.size(); i-- > 0;) count_step(members_[i], burst, number);
    }
    for (uint16_t i = 0; i < burst.count; ++i) buffers[i] = burst.entries[i].packet;
  }
  return sum;
}

StepCycles TransformSteps::encapsulate(SlicePackets& packets, size_t first_sa) {
  return run(packets, first_sa, Direction::kOutbound);
}

StepCycles TransformSteps::decapsulate(SlicePackets& packets, size_t first_sa) {
  return run(packets, first_sa, Direction::kInbound);
}

double TransformSteps::look_up_eroutes(SlicePackets& packets) {
  std::vector<FlowKey> flows;
  for (rte_mbuf* packet : packets.all()) flows.push_back(flow_key(packet, parse_ip(packet).ip));
  const SaTables& tables = near_->parts().sas();
  const Generation generation = near_->parts().versions().published();
  size_t found = 0;
  const double cycles = time_slice([&](size_t number) {
    for (size_t i = 0; i < kBurstCapacity; ++i) {
      const ErouteVerdict verdict = tables.find_eroute(flows[number * kBurstCapacity + i], generation);
      found += verdict.action == ErouteAction::kProtect ? 1 : 0;
    }
  });
  eroutes_missed_ += flows.size() - found;
  return cycles;
}

Expected<void> TransformSteps::check_nothing_lost() const {
  if (auto good = check_no_drops("transforms", *counters_); !good) return good;
  if (eroutes_missed_ != 0) return failure("eroutes", std::to_string(eroutes_missed_) + " flows have none");
  if (incomplete_bursts_ == 0) return {};
  return failure("transforms", std::to_string(incomplete_bursts_) + " bursts were not whole");
}

}  // namespace spigrp::bench
