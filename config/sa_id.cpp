// See sa_id.h.
#include "config/sa_id.h"

#include <array>
#include <cstring>

#include "config/number.h"

namespace spigrp {
namespace {

constexpr std::array<std::string_view, kSaProtocolCount> kProtocolWords = {"tun", "comp", "esp", "ah"};

constexpr uint32_t kHighestCpi = 0xffff;  // RFC 3173 section 3.3: a CPI has 16 bits
constexpr uint32_t kDeflateCpi = 2;

std::string hexadecimal(uint32_t value) {
  std::string digits;
  for (; value != 0 || digits.empty(); value >>= 4) digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
  return digits;
}

// What stands between the protocol and the '@': ".113" and ":113" say the family, "0x113" and "275" do not.
struct SpiWord {
  std::string spi;  // as parse_spi takes it
  std::optional<Family> family;
};

SpiWord split_spi_word(std::string_view word) {
  if (word.starts_with('.')) return {"0x" + std::string(word.substr(1)), Family::kIpv4};
  if (word.starts_with(':')) return {"0x" + std::string(word.substr(1)), Family::kIpv6};
  return {std::string(word), std::nullopt};
}

}  // namespace

std::string_view protocol_word(SaProtocol protocol) noexcept {
  return kProtocolWords[static_cast<size_t>(protocol)];
}

Expected<SaProtocol> parse_protocol(std::string_view word) {
  for (size_t i = 0; i < kSaProtocolCount; ++i) {
    if (word == kProtocolWords[i]) return static_cast<SaProtocol>(i);
  }
  return failure(as_typed(word), "not an IPsec protocol", "it is one of tun, comp, esp, ah");
}

std::string SaId::text() const {
  return std::string(protocol_word(protocol)) + (destination.family == Family::kIpv4 ? '.' : ':') + hexadecimal(spi) +
         '@' + destination.text();
}

Expected<void> validate_spi(uint32_t spi, SaProtocol protocol) {
  const std::string shown = "0x" + hexadecimal(spi);
  if (protocol == SaProtocol::kComp) {
    if (spi == kDeflateCpi) return {};
    if (spi > kHighestCpi) return failure("CPI " + shown, "has more than 16 bits", "use 0x100 … 0xffff");
  }
  if (spi < kLowestSpi) return failure("SPI " + shown, "0 … 0xff are reserved", "use 0x100 or above");
  return {};
}

Expected<uint32_t> parse_spi(std::string_view text, SaProtocol protocol) {
  const auto spi = parse_number(text, UINT32_MAX);
  if (!spi) {
    return failure("SPI " + as_typed(text), "not a number of 32 bits",
                   "write 0x100 … 0xffffffff, or the same in decimal");
  }
  const auto value = static_cast<uint32_t>(*spi);
  if (const auto valid = validate_spi(value, protocol); !valid) return tl::unexpected(valid.error());
  return value;
}

Expected<SaId> parse_sa_id(std::string_view text, const AddressResolver& resolve) {
  const auto wrong = [&] {
    return failure(as_typed(text), "not a SAID",
                   "write it as PROTO.SPI@ADDRESS (IPv4) or PROTO:SPI@ADDRESS (IPv6) with PROTO tun, comp, "
                   "esp or ah and the SPI in hexadecimal: tun.113@192.0.2.1");
  };
  const size_t at = text.find('@');
  if (at == std::string_view::npos) return wrong();
  const size_t spi_begin = text.find_first_of(".:0123456789");
  if (spi_begin == std::string_view::npos || spi_begin > at) return wrong();
  const auto protocol = parse_protocol(text.substr(0, spi_begin));
  if (!protocol) return wrong();

  const SpiWord word = split_spi_word(text.substr(spi_begin, at - spi_begin));
  if (!parse_number(word.spi)) return wrong();
  const auto spi = parse_spi(word.spi, *protocol);
  if (!spi) return failure(as_typed(text), spi.error().object + ": " + spi.error().problem, spi.error().remedy);
  const auto destination = resolve(text.substr(at + 1), word.family);
  if (!destination) return failure(as_typed(text), destination.error().text());
  if (word.family && destination->family != *word.family) {
    return failure(as_typed(text), "'.' stands before an IPv4 address' SPI and ':' before an IPv6 address'",
                   "write " + SaId{*protocol, *spi, *destination}.text());
  }
  return SaId{*protocol, *spi, *destination};
}

size_t SaIdHash::operator()(const SaId& id) const noexcept {
  std::array<uint64_t, 3> words{};
  std::memcpy(words.data(), id.destination.bytes.data(), id.destination.bytes.size());
  words[2] =
      uint64_t{id.spi} << 16 | static_cast<uint64_t>(id.protocol) << 8 | static_cast<uint64_t>(id.destination.family);
  uint64_t hash = 0;
  for (const uint64_t word : words) {
    // The finishing steps of MurmurHash3's 64-bit mix: neighbouring SPIs must not land in neighbouring buckets.
    hash ^= word;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ULL;
    hash ^= hash >> 33;
  }
  return hash;
}

}  // namespace spigrp
