// A tunnel in ESP, both taken off at once: what comes from who has no keys, and what comes from who has them and does
// not keep to the RFCs, beside the two transforms one after the other.
#include "transform/tunnel_esp_fixture.h"

namespace spigrp {
using namespace test;

namespace {

// What the owner of the keys can seal: any text under any outer header, with a right ICV.
class Sealer {
 public:
  explicit Sealer(const Sa& esp) : esp_(esp) {}

  Bytes outer_source;  // another than the tunnel's, if any
  uint8_t traffic_class = 0;
  uint64_t sequence = 10;  // of the last one

  Bytes sealed(const Bytes& text) {
    ++sequence;
    const uint32_t low = static_cast<uint32_t>(sequence), upper = static_cast<uint32_t>(sequence >> 32);
    Bytes esp = number(esp_.id.spi, 4) + number(low, 4) + counted_bytes(esp_.iv_bytes, static_cast<uint8_t>(low * 7)) +
                text + number(upper, 4) + Bytes(esp_.icv_bytes + 4u);
    const Bytes extended_aad = number(esp_.id.spi, 4) + number(upper, 4) + number(low, 4);
    const Cipher& cipher = *esp_.keys->algorithm().cipher;
    const bool is_gmac = cipher.mode == CipherMode::kAesGmac;
    const auto head_bytes = 8u + esp_.iv_bytes, text_bytes = static_cast<uint32_t>(text.size());
    const uint32_t upper_bytes = esp_.extended_sequence ? 4 : 0;
    uint8_t* start = esp.data();
    CryptoJob job{};
    job.keys = esp_.keys->expanded();
    job.cipher_start = start + (is_gmac ? 8 : head_bytes);
    job.cipher_bytes = cipher.mode == CipherMode::kNull ? 0 : text_bytes + (is_gmac ? esp_.iv_bytes : 0u);
    job.iv = start + 8;
    job.auth_start = cipher.is_combined() && esp_.extended_sequence ? extended_aad.data() : start;
    job.auth_bytes = cipher.is_combined() ? 8 + upper_bytes : head_bytes + text_bytes + upper_bytes;
    job.icv = start + head_bytes + text_bytes;
    engine().protect({&job, 1});
    BOOST_REQUIRE(job.ok);
    esp.resize(head_bytes + text_bytes + esp_.icv_bytes);
    return under_outer_header(esp);
  }

 private:
  static Bytes number(uint32_t value, size_t bytes) {
    Bytes made(bytes);
    for (size_t i = 0; i < bytes; ++i) made[i] = static_cast<uint8_t>(value >> 8 * (bytes - 1 - i));
    return made;
  }

  Bytes under_outer_header(const Bytes& esp) const {
    const Family family = esp_.id.destination.family;
    Bytes packet = gateway_packet(family, esp, kProtocolEsp);
    std::copy(outer_source.begin(), outer_source.end(), packet.begin() + (family == Family::kIpv4 ? 12 : 8));
    put_traffic_class(packet, traffic_class);
    return packet;
  }

  const Sa& esp_;
};

const char* const kFormAlgorithms[] = {
    "aes128gcm16",    "aes256gcm8",  "aes128ccm12", "chacha20poly1305", "aes192gmac",        "null-sha2_512-256",
    "aes128-sha1-96", "3des-md5-96", "aes128ctr",   "aes256",           "aes256ctr-sha1-96", "aes192-aes_cmac-96"};

std::vector<PairSpec> all_forms() {
  std::vector<PairSpec> specs;
  for (const char* const algorithm : kFormAlgorithms) {
    for (const bool extended : {false, true}) {
      for (const Family outer : {Family::kIpv4, Family::kIpv6}) {
        const PairSpec spec{.algorithm = algorithm, .extended_sequence = extended, .outer = outer};
        if (can_be_made(spec)) specs.push_back(spec);
      }
    }
  }
  return specs;
}

Bytes padding_of(size_t bytes) {
  return counted_bytes(bytes, 1);
}

}  // namespace

// One pair for each form that ESP can have, and its owner at the other end.
class SealedFixture : public PairsFixture {
 public:
  SealedFixture() : PairsFixture(all_forms()) {
    for (const SaPair& pair : near_at_once.pairs) sealers.emplace_back(*pair.esp);
  }

  std::vector<Sealer> sealers;

  // With the padding that the cipher asks for, or `more_bytes` more than that.
  Bytes padded(size_t pair, const Bytes& payload, uint8_t next_header, size_t more_bytes = 0) {
    const size_t block = near_at_once.pairs[pair].esp->block_bytes;
    const size_t pad = (block - (payload.size() + 2) % block) % block + more_bytes;
    return payload + padding_of(pad) + Bytes{static_cast<uint8_t>(pad), next_header};
  }
  std::string_view sealed_outcome(size_t pair, const Bytes& text) {
    return outcome({pair, sealers[pair].sealed(text)});
  }
  bool has_icv(size_t pair) const { return near_at_once.pairs[pair].esp->icv_bytes != 0; }
};

BOOST_FIXTURE_TEST_SUITE(hostile_tunnel_in_esp, SealedFixture)

BOOST_AUTO_TEST_CASE(what_others_seal_comes_through_whatever_padding_they_use) {
  const Bytes inner4 = sized_packet(Family::kIpv4, 61), inner6 = sized_packet(Family::kIpv6, 77);
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    for (size_t more = 0; more <= 224; more += near_at_once.pairs[pair].esp->block_bytes) {
      BOOST_TEST(sealed_outcome(pair, padded(pair, inner4, 4, more)) == "kept");
      BOOST_TEST(sealed_outcome(pair, padded(pair, inner6, 41, more)) == "kept");
      BOOST_TEST(sealed_outcome(pair, padded(pair, inner4 + Bytes(more, 0xee), 4)) == "kept");  // TFC padding
    }
  }
}

BOOST_AUTO_TEST_CASE(wrong_padding_of_every_length_is_found) {
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    const size_t block = near_at_once.pairs[pair].esp->block_bytes;
    for (size_t pad = 0; pad <= 20; ++pad) {
      Bytes inner = sized_packet(Family::kIpv4, 40 + (block - (40 + pad + 2) % block) % block);
      const Bytes right = inner + padding_of(pad) + Bytes{static_cast<uint8_t>(pad), 4};
      BOOST_TEST(sealed_outcome(pair, right) == "kept");
      for (size_t at = 0; at < pad; ++at) {
        Bytes wrong = right;
        wrong[inner.size() + at] ^= 0x40;
        BOOST_TEST(sealed_outcome(pair, wrong) == "bad_padding");
      }
      for (const size_t said : {size_t{255}, right.size() - 1, right.size()}) {
        Bytes wrong = right;
        wrong[right.size() - 2] = static_cast<uint8_t>(said);
        BOOST_TEST(sealed_outcome(pair, wrong) == "bad_padding");
      }
    }
  }
}

// Nothing but padding; and of all lengths, texts that are shorter than what they say.
BOOST_AUTO_TEST_CASE(texts_without_a_packet_are_dropped) {
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    const size_t block = near_at_once.pairs[pair].esp->block_bytes;
    for (size_t bytes = block; bytes <= 32; bytes += block) {
      for (unsigned pad = 0; pad < 256; pad += pad < 20 ? 1 : 59) {
        for (const uint8_t next_header : Bytes{4, 41, 17}) {
          Bytes text(bytes);
          for (size_t i = 0; i + 2 < bytes; ++i) text[i] = static_cast<uint8_t>(i + 1 + pad + 2 - bytes);
          text[bytes - 2] = static_cast<uint8_t>(pad);
          text[bytes - 1] = next_header;
          BOOST_TEST(sealed_outcome(pair, text) != "kept");
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(every_next_header_but_the_tunnel_s_is_refused) {
  const Bytes inner = sized_packet(Family::kIpv4, 64);
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    for (unsigned next_header = 0; next_header < 256; ++next_header) {
      const std::string_view wanted = next_header == 4    ? "kept"
                                      : next_header == 41 ? "malformed"
                                      : next_header == 59 ? "dummy"
                                                          : "group_mismatch";
      BOOST_TEST(sealed_outcome(pair, padded(pair, inner, static_cast<uint8_t>(next_header))) == wanted);
    }
  }
}

BOOST_AUTO_TEST_CASE(number_zero_is_refused) {
  const Bytes inner = sized_packet(Family::kIpv4, 64);
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    sealers[pair].sequence = UINT64_MAX;
    BOOST_TEST(sealed_outcome(pair, padded(pair, inner, 4)) == (has_icv(pair) ? "outside_window" : "kept"));
  }
}

BOOST_AUTO_TEST_CASE(another_source_is_refused) {
  const Bytes inner = sized_packet(Family::kIpv4, 64);
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    const bool is_ipv4 = near_at_once.pairs[pair].tunnel->tunnel.family == Family::kIpv4;
    sealers[pair].outer_source = is_ipv4 ? Bytes{192, 0, 2, 77} : Bytes(16, 0x20);
    BOOST_TEST(sealed_outcome(pair, padded(pair, inner, 4)) == "tunnel_mismatch");
  }
}

BOOST_AUTO_TEST_CASE(every_ecn_outside_joins_every_ecn_inside) {
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    for (uint8_t outer = 0; outer < 4; ++outer) {
      for (uint8_t inner = 0; inner < 4; ++inner) {
        sealers[pair].traffic_class = static_cast<uint8_t>(0xb8 | outer);
        const uint8_t inner_class = static_cast<uint8_t>(0x28 | inner);
        const Bytes inner4 = ipv4_packet({.tos = inner_class}, counted_bytes(20));
        const Bytes inner6 = ipv6_packet({.traffic_class = inner_class}, counted_bytes(20));
        const std::string_view wanted = inner == 0 && outer == 3 ? "congested" : "kept";
        BOOST_TEST(sealed_outcome(pair, padded(pair, inner4, 4)) == wanted);
        BOOST_TEST(sealed_outcome(pair, padded(pair, inner6, 41)) == wanted);
      }
    }
  }
}

// The SPI is right: by it the SA was found.
BOOST_AUTO_TEST_CASE(forged_and_cut_packets_are_dropped) {
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    if (!has_icv(pair)) continue;
    const bool is_ipv4 = near_at_once.pairs[pair].tunnel->tunnel.family == Family::kIpv4;
    const size_t outer_bytes = is_ipv4 ? 20 : 40;
    const Bytes whole = sealers[pair].sealed(padded(pair, sized_packet(Family::kIpv4, 61), 4));
    for (size_t size = outer_bytes; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
      const std::string_view found = outcome({pair, with_true_length(cut)});
      BOOST_TEST((found == "runt" || found == "bad_length" || found == "authentication_failed"));
    }
    for (size_t at = outer_bytes + sizeof(be32); at < whole.size(); ++at) {
      Bytes forged = whole;
      forged[at] ^= static_cast<uint8_t>(1 << at % 8);
      const std::string_view found = outcome({pair, forged});
      BOOST_TEST((found == "authentication_failed" || found == "outside_window"));
    }
    BOOST_TEST(outcome({pair, whole}) == "kept");
    BOOST_TEST(outcome({pair, whole}) == "replayed");
  }
}

struct BrokenInner {
  Bytes bytes;
  uint8_t next_header;
};

std::vector<BrokenInner> broken_inner_packets() {
  const Bytes whole4 = sized_packet(Family::kIpv4, 60), whole6 = sized_packet(Family::kIpv6, 60);
  std::vector<BrokenInner> broken{{whole4, 41}, {whole6, 4}, {sized_packet(Family::kIpv4, 44), 41}};
  const auto changed = [](Bytes packet, size_t at, unsigned value, bool sum_holds) {
    packet[at] = static_cast<uint8_t>(value);
    if (sum_holds) put16(packet, 10, 0), put16(packet, 10, plain_checksum(std::span(packet).first(20)));
    return packet;
  };
  for (const unsigned first : {0x05u, 0x35u, 0x55u, 0xf5u, 0x44u, 0x40u, 0x4fu, 0x46u}) {
    broken.push_back({changed(whole4, 0, first, true), 4});
    broken.push_back({changed(whole6, 0, first, false), 41});
  }
  for (const unsigned length : {0u, 19u, 61u, 255u}) {
    broken.push_back({changed(whole4, 3, length, true), 4});
    broken.push_back({changed(whole6, 5, length == 255 ? length : 21u + length, false), 41});
  }
  for (const size_t at : {1, 4, 8, 10, 12, 19}) broken.push_back({changed(whole4, at, whole4[at] ^ 0x10u, false), 4});
  for (size_t size = 0; size < 60; ++size) {
    broken.push_back({Bytes(whole4.begin(), whole4.begin() + static_cast<long>(size)), 4});
    broken.push_back({Bytes(whole6.begin(), whole6.begin() + static_cast<long>(size)), 41});
  }
  Bytes headers;
  for (int i = 0; i < kMaxExtensionHeaders + 2; ++i) headers = headers + extension_header(kProtocolRouting);
  broken.push_back({ipv6_packet({.next_header = kProtocolRouting}, headers), 41});
  return broken;
}

// What only the full reading of the inner header finds is counted in the tun SA where both are taken off at once; who
// reads it later counts it in none. The packet is dropped for the same reason.
BOOST_AUTO_TEST_CASE(a_broken_inner_packet_is_dropped) {
  for (size_t pair = 0; pair < sealers.size(); ++pair) {
    const Sa& at_once = *far_at_once.pairs[pair].tunnel;
    const Sa& other = *far_one_by_one.pairs[pair].tunnel;
    uint64_t count = 0;
    for (const BrokenInner& broken : broken_inner_packets()) {
      const PairPackets packets{{pair, sealers[pair].sealed(padded(pair, broken.bytes, broken.next_header))}};
      BOOST_TEST(far_at_once.decapped(packets)[0].empty());
      BOOST_TEST(far_one_by_one.decapped(packets)[0].empty());
      ++count;
      for (size_t i = 0; i < kDropReasonCount; ++i) {
        BOOST_TEST(far_at_once.counters.dropped[i].value() == far_one_by_one.counters.dropped[i].value(),
                   drop_reason_name(static_cast<DropReason>(i)) << " of pair " << pair << ", number " << count);
      }
      BOOST_TEST(at_once.counters.malformed == count);
      BOOST_TEST(other.counters.malformed + other.counters.packets == count);
    }
    BOOST_TEST(at_once.counters.packets == 0u);
    BOOST_TEST(far_at_once.pairs[pair].esp->counters.packets == count);
    BOOST_TEST(far_one_by_one.pairs[pair].esp->counters.packets == count);
    BOOST_TEST(far_at_once.pairs[pair].esp->counters.bytes == far_one_by_one.pairs[pair].esp->counters.bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_burst_of_good_and_bad_is_sorted) {
  const Bytes inner = sized_packet(Family::kIpv4, 64);
  for (size_t round = 0; round < 40; ++round) {
    PairPackets received;
    for (size_t i = 0; i < kBurstCapacity; ++i) {
      const size_t pair = round % 2 == 0 ? (round * 5 + i / 16) % sealers.size() : (round + i * 7) % sealers.size();
      Bytes packet = sealers[pair].sealed(padded(pair, inner, i % 11 == 3 ? 59 : i % 13 == 5 ? 17 : 4));
      if (i % 7 == 2) packet.back() ^= 1;
      if (i % 17 == 4) packet = with_true_length(Bytes(packet.begin(), packet.end() - 1));
      if (i % 9 == 8) packet = received[i - 1 - i % 4].bytes;
      received.push_back({i % 9 == 8 ? received[i - 1 - i % 4].pair : pair, packet});
    }
    decapped(received);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
