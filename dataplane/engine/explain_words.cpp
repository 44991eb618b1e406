// See explain_words.h.
#include "engine/explain_words.h"

#include <array>

#include "route/route_edit.h"

namespace spigrp {
namespace {

struct IcmpWords {
  Family family;
  uint8_t type, code;
  std::string_view meaning;
};
constexpr std::array<IcmpWords, 6> kIcmpWords{{
    {Family::kIpv4, kIcmpUnreachable, 4, "fragmentation needed"},
    {Family::kIpv4, kIcmpUnreachable, 13, "administratively prohibited"},
    {Family::kIpv4, kIcmpTimeExceeded, 0, "TTL exceeded"},
    {Family::kIpv6, kIcmpv6PacketTooBig, 0, "packet too big"},
    {Family::kIpv6, kIcmpv6Unreachable, 1, "administratively prohibited"},
    {Family::kIpv6, kIcmpv6TimeExceeded, 0, "hop limit exceeded"},
}};

std::string_view leads_to(NextHopKind kind) {
  switch (kind) {
    case NextHopKind::kLocal:
      return "gateway";
    case NextHopKind::kPort:
      return "port";
    case NextHopKind::kInterface:
      return "interface";
    case NextHopKind::kBlackhole:
      return "blackhole";
    case NextHopKind::kNone:
      break;
  }
  return "nowhere";
}

}  // namespace

ExplainedRoute explained(const Network& network, const IpAddress& destination, const NextHop& hop) {
  ExplainedRoute route{.destination = destination,
                       .prefix = find_prefix(network.routes, destination),
                       .leads_to = std::string(leads_to(hop.kind)),
                       .device = {},
                       .port = {},
                       .via = {}};
  if (hop.port != kNoPort) route.port = network.ports[hop.port].name();
  if (hop.kind == NextHopKind::kPort) route.device = route.port;
  if (hop.kind == NextHopKind::kInterface) route.device = "ipsec" + std::to_string(hop.interface);
  if (!hop.on_link) route.via = hop.gateway;
  return route;
}

std::optional<ExplainedEroute> explained(const Eroute* eroute) {
  if (eroute == nullptr) return std::nullopt;
  return ExplainedEroute{eroute->selector, eroute->target};
}

ExplainedIcmp explained(Family family, const IcmpError& error) {
  ExplainedIcmp icmp{.type = error.type, .code = error.code, .meaning = {}, .mtu_bytes = error.rest};
  for (const IcmpWords& words : kIcmpWords) {
    if (words.family == family && words.type == error.type && words.code == error.code) icmp.meaning = words.meaning;
  }
  return icmp;
}

std::string words_of(const ExplainedRoute& route) {
  return route.prefix ? "route " + route.prefix->text() : "no route to " + route.destination.text();
}

std::string words_of(const Eroute& eroute) {
  return "eroute " + eroute.selector.text() + " => " + text(eroute.target);
}

std::string words_of(const Port& port) {
  return "port " + port.name() + ", MTU " + std::to_string(port.mtu_bytes());
}

std::string objection_object(DropReason reason, const Explanation& explanation, const FlowPolicy& policy) {
  switch (reason) {
    case DropReason::unprotected:
    case DropReason::inbound_policy:
      return words_of(*policy.reverse);
    case DropReason::bypasses_eroute:
      return (policy.eroute == nullptr ? "no eroute" : words_of(*policy.eroute)) + "; " + words_of(*explanation.route) +
             " leaves by " + explanation.route->device;
    case DropReason::no_route:
    case DropReason::blackhole_route:
      return words_of(*explanation.route);
    case DropReason::fragment:
      return "eroutes that look at ports or a protocol which this fragment does not show";
    default:
      return explanation.source.text() + " -> " + explanation.destination.text();
  }
}

}  // namespace spigrp
