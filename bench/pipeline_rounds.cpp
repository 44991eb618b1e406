// See pipeline_rounds.h.
#include "pipeline_rounds.h"

namespace spigrp::bench {
void DirectionResult::add_stages(const Stages& stages) {
  forward.add(stages.forward);
  eroute.add(stages.eroute);
  tun.add(stages.steps.tun);
  esp.add(stages.steps.esp);
  ah.add(stages.steps.ah);
  rest.add(stages.total - stages.forward - stages.eroute - stages.steps.tun - stages.steps.esp - stages.steps.ah);
}

Expected<Rig> Rig::create() {
  Rig rig;
  auto near = Gateway::create(Place::kNear);
  if (!near) return tl::unexpected(near.error());
  rig.near = std::move(*near);
  auto far = Gateway::create(Place::kFar);
  if (!far) return tl::unexpected(far.error());
  rig.far = std::move(*far);
  for (size_t i = 0; i <= lead_slices(kSaCounts[std::size(kSaCounts) - 1]); ++i) {
    auto packets = SlicePackets::create(rig.near->parts().buffers());
    if (!packets) return tl::unexpected(packets.error());
    rig.packets.push_back(std::move(*packets));
  }
  auto steps = TransformSteps::create(*rig.near, *rig.far);
  if (!steps) return tl::unexpected(steps.error());
  rig.steps.push_back(std::move(*steps));
  return rig;
}

tl::unexpected<Error> Rig::lost(const std::string& gateway) const {
  if (const auto good = check_nothing_lost(); !good) return tl::unexpected(good.error());
  return failure(gateway, "packets were lost without being counted");
}

Expected<void> Rig::check_nothing_lost() const {
  if (auto good = near->check_nothing_lost(); !good) return good;
  if (auto good = far->check_nothing_lost(); !good) return good;
  return steps[0].check_nothing_lost();
}

Expected<PipelineRounds> PipelineRounds::prepare(Rig& rig, std::vector<Library>& libraries,
                                                 const PacketCase& packet_case, size_t floor_rounds) {
  PipelineRounds rounds(rig, packet_case);
  if (const auto set = rig.near->set_tables({packet_case}); !set) return tl::unexpected(set.error());
  if (const auto set = rig.far->set_tables({packet_case}); !set) return tl::unexpected(set.error());
  rig.steps[0].use_sas_of(packet_case);
  for (const Direction direction : kDirections) {
    const auto added = rounds.add_crypto(libraries, direction, floor_rounds);
    if (!added) return tl::unexpected(added.error());
  }
  return rounds;
}

Expected<void> PipelineRounds::add_crypto(std::vector<Library>& libraries, Direction direction, size_t floor_rounds) {
  auto floor = CryptoFloor::find(libraries, case_, direction, floor_rounds);
  if (!floor) return tl::unexpected(floor.error());
  Crypto crypto{std::move(*floor), {}};
  for (const EngineCrypto::Part part : {EngineCrypto::Part::kEsp, EngineCrypto::Part::kAh}) {
    if (part == EngineCrypto::Part::kAh && case_.group == Group::kTunEsp) continue;
    auto engine = EngineCrypto::create(case_, direction, part);
    if (!engine) return tl::unexpected(engine.error());
    crypto.engine.push_back(std::move(*engine));
  }
  of(direction).floor_way = crypto.floor.name();
  crypto_.push_back(std::move(crypto));
  return {};
}

Expected<void> PipelineRounds::run(size_t rounds) {
  // The first round finds every SA and flow unused; its figures are thrown away.
  for (size_t number = 0; number <= rounds; ++number) {
    if (auto done = round(number); !done) return done;
    if (number > 0) continue;
    for (DirectionResult& result : results_) result = DirectionResult{.floor_way = result.floor_way};
  }
  return rig_.check_nothing_lost();
}

// From LAN to WAN at the near gateway.
Expected<double> PipelineRounds::through_near(FlowNetwork network, size_t first) {
  double cycles = 0;
  for (size_t slice = 0; slice < slices_; ++slice) {
    SlicePackets& packets = rig_.packets[slice];
    packets.fill({network, first + slice * kSlicePackets, case_.sas, {&case_.inner_bytes, 1}});
    cycles = time_slice([&](size_t number) { rig_.near->process(kLan, packets.burst(number)); });
    packets.keep_first(rig_.near->take_sent(kWan, packets.all()));
    if (packets.all().size() != kSlicePackets) return rig_.lost("near");
  }
  return cycles;
}

// The same slices, encapsulated, from WAN to LAN at the far one.
Expected<double> PipelineRounds::through_far() {
  double cycles = 0;
  for (size_t slice = 0; slice < slices_; ++slice) {
    SlicePackets& packets = rig_.packets[slice];
    packets.touch();
    cycles = time_slice([&](size_t number) { rig_.far->process(kWan, packets.burst(number)); });
    packets.keep_first(rig_.far->take_sent(kLan, packets.all()));
    if (packets.all().size() != kSlicePackets) return rig_.lost("far");
  }
  return cycles;
}

void PipelineRounds::time_crypto(Direction direction, size_t first) {
  double cycles = 0;
  for (EngineCrypto& engine : crypto_[static_cast<size_t>(direction)].engine) cycles += engine.time(first);
  of(direction).crypto.add(cycles);
}

// The floor and the path, beside each other, out and then in.
Expected<PipelineRounds::Totals> PipelineRounds::time_totals(size_t first) {
  of(Direction::kOutbound).floor.add(crypto_[0].floor.time(first));
  const auto out = through_near(FlowNetwork::kProtected, first);
  if (!out) return tl::unexpected(out.error());
  if (!timed_packets().have_bytes(sizeof(EthernetHeader) + layout_of(case_).outer_bytes)) {
    return failure("near", "packets have another length than the floor counts with");
  }
  of(Direction::kInbound).floor.add(crypto_[1].floor.time(first));
  const auto in = through_far();
  if (!in) return tl::unexpected(in.error());
  if (!timed_packets().are_as_filled(case_.inner_bytes, sizeof(EthernetHeader), 2)) {
    return failure("far", "packets come out other than they went in");
  }
  of(Direction::kOutbound).total.add(*out);
  of(Direction::kInbound).total.add(*in);
  return Totals{*out, *in};
}

// Which of the two goes first changes from round to round: it may find caches colder.
Expected<PipelineRounds::Plain> PipelineRounds::time_plain(size_t number) {
  const bool swap = number % 2 != 0;
  const auto one = through_near(swap ? FlowNetwork::kPass : FlowNetwork::kPlain, number * kSlicePackets);
  if (!one) return tl::unexpected(one.error());
  const auto other = through_near(swap ? FlowNetwork::kPlain : FlowNetwork::kPass, number * kSlicePackets);
  if (!other) return tl::unexpected(other.error());
  return swap ? Plain{*other, *one} : Plain{*one, *other};
}

Expected<PipelineRounds::Steps> PipelineRounds::time_steps(size_t first) {
  TransformSteps& transforms = rig_.steps[0];
  Steps steps{};
  for (size_t slice = 0; slice < slices_; ++slice) {
    const size_t first_flow = first + slice * kSlicePackets;
    rig_.packets[slice].fill({FlowNetwork::kProtected, first_flow, case_.sas, {&case_.inner_bytes, 1}});
    rig_.packets[slice].strip_ethernet();
    steps.lookup = transforms.look_up_eroutes(rig_.packets[slice]);
  }
  for (size_t slice = 0; slice < slices_; ++slice) {
    rig_.packets[slice].touch();
    steps.encap = transforms.encapsulate(rig_.packets[slice], first + slice * kSlicePackets);
  }
  for (size_t slice = 0; slice < slices_; ++slice) {
    rig_.packets[slice].touch();
    steps.decap = transforms.decapsulate(rig_.packets[slice], first + slice * kSlicePackets);
  }
  if (timed_packets().are_as_filled(case_.inner_bytes, 0, 0)) return steps;
  return failure("transforms", "packets come out other than they went in");
}

Expected<void> PipelineRounds::round(size_t number) {
  const size_t first = number * kSlicePackets;
  const auto totals = time_totals(first);
  if (!totals) return tl::unexpected(totals.error());
  const auto plain = time_plain(number);
  if (!plain) return tl::unexpected(plain.error());
  const auto steps = time_steps(first);
  if (!steps) return tl::unexpected(steps.error());
  for (const Direction direction : kDirections) {
    time_crypto(direction, first);
    of(direction).lookup.add(steps->lookup);
  }
  of(Direction::kOutbound).add_stages({totals->out, plain->forward, plain->pass - plain->forward, steps->encap});
  of(Direction::kInbound).add_stages({totals->in, plain->forward, 0, steps->decap});  // policy is among the rest
  return {};
}

}  // namespace spigrp::bench
