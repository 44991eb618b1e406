// See path_mtu_report.h. A quoted packet ends anywhere, so parse_ip is not for it: every length is compared with the
// bytes that are there, and what the quoted headers say of their own length is used for nothing but the size that was
// too big.
#include "engine/path_mtu_report.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include <rte_mbuf.h>

#include "engine/path_mtu.h"
#include "packet/checksum.h"

namespace spigrp {
namespace {

using Quote = std::span<const uint8_t>;

// RFC 1191 section 7.1: what a router that names no MTU probably has, the next below the quoted packet's size.
constexpr std::array<uint16_t, 8> kPlateaus = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508};

template <class Header>
const Header* quoted_header(Quote quote) noexcept {
  return quote.size() < sizeof(Header) ? nullptr : reinterpret_cast<const Header*>(quote.data());
}

struct QuotedIp {
  IpAddress source, destination;
  uint32_t total_bytes;
  uint8_t protocol;
  Quote payload;  // as far as it is quoted
};

std::optional<QuotedIp> read_ipv4_quote(Quote quote) noexcept {
  const auto* header = quoted_header<Ipv4Header>(quote);
  if (header == nullptr || header->header_bytes() < sizeof(Ipv4Header) || header->header_bytes() > quote.size()) {
    return std::nullopt;
  }
  if ((header->flags_fragment.host() & 0x1fff) != 0) return std::nullopt;  // a later fragment
  QuotedIp ip{};
  std::copy(header->source.begin(), header->source.end(), ip.source.bytes.begin());
  std::copy(header->destination.begin(), header->destination.end(), ip.destination.bytes.begin());
  ip.total_bytes = header->total_length.host();
  ip.protocol = header->protocol;
  ip.payload = quote.subspan(header->header_bytes());
  return ip;
}

std::optional<QuotedIp> read_ipv6_quote(Quote quote) noexcept {
  const auto* header = quoted_header<Ipv6Header>(quote);
  if (header == nullptr) return std::nullopt;
  QuotedIp ip{{Family::kIpv6, header->source}, {Family::kIpv6, header->destination}, 0, header->next_header, {}};
  ip.total_bytes = uint32_t{sizeof(Ipv6Header)} + header->payload_length.host();
  ip.payload = quote.subspan(sizeof(Ipv6Header));
  if (ip.protocol != kProtocolFragment) return ip;
  // The first of the fragments that transmit.cpp makes, the only one that shows what it is of.
  const auto* fragment = quoted_header<FragmentHeader>(ip.payload);
  if (fragment == nullptr || (fragment->offset_flags.host() & 0xfff8) != 0) return std::nullopt;
  ip.protocol = fragment->next_header;
  ip.payload = ip.payload.subspan(sizeof(FragmentHeader));
  return ip;
}

std::optional<QuotedIp> read_quoted_ip(Quote quote) noexcept {
  if (quote.empty()) return std::nullopt;
  return quote[0] >> 4 == 4 ? read_ipv4_quote(quote) : quote[0] >> 4 == 6 ? read_ipv6_quote(quote) : std::nullopt;
}

struct QuotedSa {
  SaKey key;
  uint32_t sequence;
  bool in_udp;  // RFC 3948
};

std::optional<QuotedSa> read_quoted_sa(const QuotedIp& ip) noexcept {
  QuotedSa quoted{};
  quoted.key.destination = ip.destination.bytes;
  quoted.key.family = ip.destination.family;
  quoted.in_udp = ip.protocol == kProtocolUdp;
  if (ip.protocol == kProtocolEsp || quoted.in_udp) {
    const size_t udp_bytes = quoted.in_udp ? sizeof(UdpHeader) : 0;
    if (ip.payload.size() < udp_bytes) return std::nullopt;
    const auto* esp = quoted_header<EspHeader>(ip.payload.subspan(udp_bytes));
    if (esp == nullptr) return std::nullopt;
    quoted.key.protocol = SaProtocol::kEsp;
    quoted.key.spi = esp->spi;
    quoted.sequence = esp->sequence.host();
    return quoted;
  }
  const auto* ah = ip.protocol == kProtocolAh ? quoted_header<AhHeader>(ip.payload) : nullptr;
  if (ah == nullptr) return std::nullopt;
  quoted.key.protocol = SaProtocol::kAh;
  quoted.key.spi = ah->spi;
  quoted.sequence = ah->sequence.host();
  return quoted;
}

// Of extended numbers the lower half is quoted; how far it is behind is the same.
bool was_sent_lately(const Sequence& sequence, uint32_t quoted) noexcept {
  const uint64_t sent = sequence.sent();
  const uint32_t behind = static_cast<uint32_t>(sent) - quoted;
  return behind < kReportedAmongLast && behind < sent;
}

// The quoted packet is one that a group of ours made and sent lately.
bool is_ours(QuotedIp ip, const SaTables& sas, Generation g) noexcept {
  const QuotedIp outermost = ip;
  for (uint8_t depth = 1; ip.protocol == kProtocolIpip || ip.protocol == kProtocolIpv6; ++depth) {
    const std::optional<QuotedIp> inner = read_quoted_ip(ip.payload);
    if (!inner || depth == kMaxGroupSas) return false;
    ip = *inner;
  }
  const std::optional<QuotedSa> quoted = read_quoted_sa(ip);
  if (!quoted) return false;
  const SaEntry* entry = sas.find_sa(quoted->key, g);
  if (entry == nullptr || entry->sa == nullptr || quoted->in_udp != (entry->sa->udp_bytes != 0)) return false;
  if (!was_sent_lately(entry->sa->sequence, quoted->sequence)) return false;
  const Sa* tunnel = entry->group->header_maker();
  if (tunnel == nullptr) return entry->sa->id.destination == outermost.destination;
  return tunnel->id.destination == outermost.destination && tunnel->source == outermost.source;
}

uint32_t next_plateau(uint32_t total_bytes) noexcept {
  const auto* plateau =
      std::find_if(kPlateaus.begin(), kPlateaus.end(), [total_bytes](uint16_t size) { return size < total_bytes; });
  return plateau == kPlateaus.end() ? total_bytes : *plateau;
}

bool is_less_than_a_ports(uint32_t mtu_bytes, const Network& network) noexcept {
  return std::any_of(network.ports.begin(), network.ports.end(),
                     [mtu_bytes](const Port& port) { return mtu_bytes < port.mtu_bytes(); });
}

bool checksum_holds(const rte_mbuf* packet, const IpPacket& ip, IcmpHeader& icmp) noexcept {
  if (ip.family == Family::kIpv4) return internet_checksum(&icmp, ip.payload_bytes()).wire == 0;
  const be16 received = icmp.checksum;
  icmp.checksum = {};
  const auto& header = *rte_pktmbuf_mtod(packet, const Ipv6Header*);
  const be16 right = icmpv6_checksum(header, &icmp, ip.payload_bytes());
  icmp.checksum = received;
  return right == received;
}

PathMtuReport refused(DropReason reason) noexcept {
  return {{}, 0, false, reason};
}

}  // namespace

PathMtuReport read_path_mtu_report(rte_mbuf* packet, const IpPacket& ip, const Network& network,
                                   Generation g) noexcept {
  if (ip.total_bytes > rte_pktmbuf_data_len(packet) || ip.payload_bytes() < sizeof(IcmpHeader)) {
    return refused(DropReason::runt);
  }
  auto& icmp = *rte_pktmbuf_mtod_offset(packet, IcmpHeader*, ip.header_bytes);
  if (!checksum_holds(packet, ip, icmp)) return refused(DropReason::malformed);
  const auto* quote = reinterpret_cast<const uint8_t*>(&icmp + 1);
  const auto quoted = read_quoted_ip(Quote(quote, ip.payload_bytes() - sizeof(IcmpHeader)));
  if (!quoted || quoted->source != destination_of(packet, ip.family) || !is_ours(*quoted, network.sas, g)) {
    return refused(DropReason::icmp_unproven);
  }
  const bool is_ipv4 = ip.family == Family::kIpv4;
  uint32_t mtu_bytes = is_ipv4 ? icmp.rest.host() & 0xffff : icmp.rest.host();
  if (is_ipv4 && mtu_bytes == 0) mtu_bytes = next_plateau(quoted->total_bytes);
  if (is_ipv4) mtu_bytes = std::max<uint32_t>(mtu_bytes, kLowestPathMtuIpv4);
  if (!is_ipv4 && mtu_bytes < kLowestPathMtuIpv6) return refused(DropReason::icmp_bad_mtu);
  if (mtu_bytes >= quoted->total_bytes || !is_less_than_a_ports(mtu_bytes, network)) {
    return refused(DropReason::icmp_bad_mtu);
  }
  return {quoted->destination, static_cast<uint16_t>(mtu_bytes), true, DropReason{}};
}

}  // namespace spigrp
