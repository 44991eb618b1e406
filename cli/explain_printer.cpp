// See explain_printer.h.
//   udp 10.1.0.2:4000 -> 10.2.0.2:5000, 1400 bytes, received on lan
//     route      10.2.0.0/16 via 192.0.2.2 dev ipsec0
//     eroute     10.1.0.0/16:0 -> 10.2.0.0/16:0 => tun.113@192.0.2.2
//     group      tun.113@192.0.2.2 esp.115@192.0.2.2; MTU 1500, up to 1438 bytes fit
//     tun.113@192.0.2.2  1400 -> 1420 bytes
//     …
//   sent: 1464 bytes by port wan
// The answer of the gateway, if it makes one, follows in the same form, further in.
#include "cli/explain_printer.h"

#include <algorithm>
#include <map>

#include "cli/group_printer.h"

namespace spigrp {
namespace {

std::string protocol_name(uint8_t protocol) {
  static const std::map<uint8_t, std::string_view> kNames{{1, "icmp"},   {4, "ipip"},  {6, "tcp"}, {17, "udp"},
                                                          {41, "ipv6"},  {50, "esp"},  {51, "ah"}, {58, "icmpv6"},
                                                          {108, "comp"}, {132, "sctp"}};
  const auto name = kNames.find(protocol);
  return name != kNames.end() ? std::string(name->second) : "protocol " + std::to_string(protocol);
}

std::string host_text(const IpAddress& address, uint16_t port) {
  if (port == 0) return address.text();
  return (address.family == Family::kIpv6 ? '[' + address.text() + ']' : address.text()) + ':' + std::to_string(port);
}

std::string route_text(const ExplainedRoute& route) {
  if (!route.prefix) return "none to " + route.destination.text();
  std::string text = route.prefix->text();
  if (route.leads_to == "gateway") return text + " is the gateway's own address";
  if (route.leads_to == "blackhole") return text + " blackhole";
  if (route.via) text += " via " + route.via->text();
  text += " dev " + route.device;
  if (route.device != route.port) text += route.port.empty() ? " (detached)" : " (port " + route.port + ')';
  return text;
}

std::string eroute_text(const ExplainedEroute& eroute) {
  return eroute.selector.text() + " => " + text(eroute.target);
}

std::string bytes_text(const std::vector<uint32_t>& sizes, bool at_most) {
  std::string text;
  for (const uint32_t size : sizes) text += (text.empty() ? "" : " + ") + std::to_string(size);
  return (at_most ? "at most " : "") + text + " bytes" +
         (sizes.size() > 1 ? " (" + std::to_string(sizes.size()) + " fragments)" : "");
}

// Lines of one explanation, each behind its indentation; what is said about a step stands in a column.
class Printer {
 public:
  explicit Printer(size_t indent) : indent_(indent) {}

  void line(const std::string& text) { text_ += std::string(indent_, ' ') + text + '\n'; }
  void row(std::string name, const std::string& text) {
    name.resize(std::max<size_t>(name.size(), 10), ' ');
    line("  " + name + ' ' + text);
  }
  std::string take() { return std::move(text_); }

 private:
  size_t indent_;
  std::string text_;
};

std::string first_line(const Explanation& e) {
  std::string text = protocol_name(e.protocol) + ' ' + host_text(e.source, e.source_port) + " -> " +
                     host_text(e.destination, e.destination_port) + ", " + std::to_string(e.bytes) + " bytes, ";
  if (e.out_of_group.empty()) return text + "received on " + e.port;
  return text + "out of the group " + members_text(e.out_of_group);
}

void print_packet(Printer& out, const ExplainedPacket& packet, const Explanation& e, size_t number) {
  if (e.packets.size() > 1) {
    out.row("fragment", std::to_string(number) + " of " + std::to_string(e.packets.size()) + ", " +
                            std::to_string(packet.bytes) + " bytes, before the group");
  }
  size_t widest = 0;
  for (const ExplainedStep& step : packet.steps) widest = std::max(widest, step.sa.text().size());
  for (const ExplainedStep& step : packet.steps) {
    std::string name = step.sa.text();
    name.resize(widest, ' ');
    out.line("    " + name + "  " + std::to_string(step.bytes_before) + " -> " + (step.at_most ? "at most " : "") +
             std::to_string(step.bytes_after) + " bytes");
  }
  if (!packet.reason.empty()) {
    out.row("dropped", packet.reason + ": " + packet.object);
  } else if (packet.sent_bytes.size() > 1) {
    out.row("fragments",
            bytes_text(packet.sent_bytes, packet.at_most) + (packet.steps.empty() ? "" : ", after the group"));
  }
}

void print_way(Printer& out, const Explanation& e) {
  if (e.route) out.row("route", route_text(*e.route));
  if (e.eroute) out.row("eroute", eroute_text(*e.eroute));
  if (e.reverse_eroute) out.row("reverse", eroute_text(*e.reverse_eroute));
  if (!e.group.empty()) {
    out.row("group", members_text(e.group) + "; MTU " + std::to_string(e.group_mtu_bytes) + ", up to " +
                         std::to_string(e.group_fits_bytes) + " bytes fit");
  }
  for (size_t i = 0; i < e.packets.size(); ++i) print_packet(out, e.packets[i], e, i + 1);
  if (e.outer_route) out.row("outer", route_text(*e.outer_route) + ", to " + e.outer_route->destination.text());
  if (e.next_hop) {
    out.row("next hop", e.next_hop->address.text() + " by port " + e.next_hop->port + ", MTU " +
                            std::to_string(e.next_hop->mtu_bytes) + ", MAC " +
                            (e.next_hop->mac ? text(*e.next_hop->mac) : std::string("not known yet")));
  }
}

std::string sent_text(const Explanation& e) {
  std::string text;
  for (const ExplainedPacket& packet : e.packets) {
    text += (text.empty() ? "" : "; ") + bytes_text(packet.sent_bytes, packet.at_most);
  }
  return text + (e.next_hop ? " by port " + e.next_hop->port : "");
}

std::string end_text(const Explanation& e) {
  if (e.fate == "sent") return "sent: " + sent_text(e);
  if (e.fate == "waits") {
    const std::string who = e.next_hop ? e.next_hop->address.text() : "its next hop";
    return "waits until " + who + " says its MAC address, then sent: " + sent_text(e);
  }
  if (e.fate == "delivered") return "delivered: the gateway itself takes it";
  if (e.fate == "held") return "held: the last packet of its flow is kept until the eroute is replaced";
  if (e.fate == "trapped") return "trapped: an acquire event tells of it, and a %hold for its flow keeps it";
  if (e.fate == "unwrapped") {
    return "unwrapped: the SA that it names, and its group, say more; ask about the packet inside with --out-of SAID";
  }
  return e.fate + ": " + e.reason + " (" + e.meaning + "): " + e.object;
}

std::string text_at(const Explanation& e, size_t indent) {
  Printer out(indent);
  out.line(first_line(e));
  print_way(out, e);
  out.line(end_text(e));
  if (e.icmp) {
    const std::string mtu = e.icmp->mtu_bytes == 0 ? "" : ", MTU " + std::to_string(e.icmp->mtu_bytes);
    out.line("its sender is told: ICMP type " + std::to_string(e.icmp->type) + " code " + std::to_string(e.icmp->code) +
             ", " + e.icmp->meaning + mtu);
  } else if (e.fate == "dropped") {
    out.line("its sender is told nothing");
  }
  std::string text = out.take();
  for (const Explanation& answer : e.answer) text += "the answer:\n" + text_at(answer, indent + 2);
  return text;
}

}  // namespace

std::string explanation_text(const Explanation& explanation) {
  return text_at(explanation, 0);
}

}  // namespace spigrp
