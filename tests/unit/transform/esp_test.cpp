// esp: what scapy's packets (packet_vectors_test.cpp) do not show: attacks, ends of number spaces, shared bursts.
#include <set>

#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(esp, StepFixture)

const char* const kAlgorithms[] = {"aes128-sha1-96",    "aes256-sha2_256-128", "aes192-sha2_384-192", "3des-md5-96",
                                   "null-sha2_512-256", "aes128gcm16",         "aes256gcm16",         "aes256gcm12",
                                   "aes128ctr-sha1-96", "null-aes_xcbc-96",    "aes256-aes_cmac-96",  "aes192gmac",
                                   "aes128ccm8",        "aes256ccm16",         "chacha20poly1305"};

std::unique_ptr<Sa> esp_sa(std::string_view algorithm, Family family = Family::kIpv4) {
  return family == Family::kIpv4 ? keyed_sa("esp.1000@198.51.100.2", kHere, algorithm)
                                 : keyed_sa("esp:1000@2001:db8:f::2", kHere6, algorithm);
}

SaSpec spec_with_window(std::string_view algorithm, uint16_t window) {
  SaSpec spec = keyed_spec("esp.1000@198.51.100.2", kHere, algorithm);
  spec.replay_window = window;
  return spec;
}

Bytes plain_packet(size_t payload_bytes, Family family = Family::kIpv4) {
  return gateway_packet(family, counted_bytes(payload_bytes));
}

// An ESP packet with a right ICV around any text, as only an owner of the keys can make it.
Bytes sealed(Sa& sa, uint32_t sequence, const Bytes& text) {
  const Cipher& cipher = *sa.keys->algorithm().cipher;
  const bool null = cipher.mode == CipherMode::kNull;
  Bytes esp(8 + sa.iv_bytes);
  put16(esp, 0, sa.id.spi >> 16);
  put16(esp, 2, sa.id.spi & 0xffff);
  put16(esp, 4, sequence >> 16);
  put16(esp, 6, sequence & 0xffff);
  for (size_t i = 8; i < esp.size(); ++i) esp[i] = static_cast<uint8_t>(sequence + i);
  esp = esp + text + Bytes(sa.icv_bytes);
  uint8_t* start = esp.data();
  const auto text_bytes = static_cast<uint32_t>(text.size());
  CryptoJob job{sa.keys->expanded(),
                start + 8 + sa.iv_bytes,
                null ? 0 : text_bytes,
                start + 8,
                start,
                cipher.is_combined() ? 8u : 8 + sa.iv_bytes + text_bytes,
                start + 8 + sa.iv_bytes + text_bytes,
                false};
  if (cipher.mode == CipherMode::kAesGmac) {
    job.cipher_start -= sa.iv_bytes;
    job.cipher_bytes += sa.iv_bytes;
  }
  engine().protect({&job, 1});
  BOOST_REQUIRE(job.ok);
  return gateway_packet(sa.id.destination.family, esp, kProtocolEsp);
}

Bytes padded_text(const Bytes& payload, const Bytes& padding, uint8_t pad_length, uint8_t next_header = 17) {
  return payload + padding + Bytes{pad_length, next_header};
}

BOOST_AUTO_TEST_CASE(every_size_goes_through_and_comes_back) {  // HAZARDS 22
  for (const char* algorithm : kAlgorithms) {
    for (Family family : {Family::kIpv4, Family::kIpv6}) {
      auto out = esp_sa(algorithm, family), in = esp_sa(algorithm, family);
      for (size_t size = 0; size <= 130; ++size) {
        const Bytes plain = plain_packet(size, family);
        const Bytes packet = encapped(*out, plain);
        const size_t text_bytes = (size + 2 + out->block_bytes - 1u) / out->block_bytes * out->block_bytes;
        BOOST_TEST(packet.size() == plain.size() - size + 8 + out->iv_bytes + text_bytes + out->icv_bytes);
        BOOST_TEST((packet == with_true_length(packet)));  // lengths and checksum of the outer header hold
        BOOST_TEST(decapped(*in, packet) == plain);
      }
      BOOST_TEST(out->counters.packets == 131u);
      BOOST_TEST(in->counters.packets == 131u);
      BOOST_TEST(out->counters.bytes == in->counters.bytes);
    }
  }
}

BOOST_AUTO_TEST_CASE(spi_and_sequence_are_where_rfc_4303_puts_them) {
  auto sa = keyed_sa("esp.89abcdef@198.51.100.2", kHere, "aes128-sha1-96");
  sa->sequence.reserve(0x01020303);
  const Bytes packet = encapped(*sa, plain_packet(10));
  BOOST_TEST((Bytes(packet.begin() + 20, packet.begin() + 28) == Bytes{0x89, 0xab, 0xcd, 0xef, 1, 2, 3, 4}));
  BOOST_TEST(packet[9] == kProtocolEsp);
}

BOOST_AUTO_TEST_CASE(a_packet_cut_at_every_length_is_dropped) {  // HAZARDS 1
  for (const char* algorithm : kAlgorithms) {
    auto out = esp_sa(algorithm), in = esp_sa(algorithm);
    const Bytes whole = encapped(*out, plain_packet(61));
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
      BOOST_TEST(decap_outcome(*in, cut) == "runt");
      if (size < 20) continue;
      const size_t fixed = 20u + 8 + in->iv_bytes + in->icv_bytes;
      const std::string_view wanted = size < fixed + 2                        ? "runt"
                                      : (size - fixed) % in->block_bytes != 0 ? "bad_length"
                                                                              : "authentication_failed";
      BOOST_TEST(decap_outcome(*in, with_true_length(cut)) == wanted);
      // What the link adds behind the packet makes it no longer.
      BOOST_TEST(decap_outcome(*in, with_true_length(cut) + Bytes(200)) == wanted);
    }
    BOOST_TEST(in->replay.highest() == 0u);
    BOOST_TEST(decap_outcome(*in, whole) == "kept");
  }
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_anywhere_is_noticed) {
  for (const char* algorithm : kAlgorithms) {
    auto out = esp_sa(algorithm), in = esp_sa(algorithm);
    const Bytes whole = encapped(*out, plain_packet(40));
    for (size_t at = 20; at < whole.size(); ++at) {
      Bytes packet = whole;
      packet[at] ^= static_cast<uint8_t>(1 << at % 8);
      BOOST_TEST(decap_outcome(*in, packet) == "authentication_failed");
    }
    BOOST_TEST(in->counters.authentication_failures == whole.size() - 20);
    BOOST_TEST(in->replay.highest() == 0u);  // HAZARDS 4: what is not authentic moves nothing
    BOOST_TEST(in->counters.packets == 0u);
    BOOST_TEST(decap_outcome(*in, whole) == "kept");
  }
}

BOOST_AUTO_TEST_CASE(wrong_padding_is_dropped_though_the_icv_is_right) {  // HAZARDS 2
  for (const char* algorithm : kAlgorithms) {
    auto sa = esp_sa(algorithm);
    uint32_t sequence = 0;
    const Bytes payload = counted_bytes(25);
    const Bytes padding{1, 2, 3, 4, 5};  // 32 bytes of text
    BOOST_TEST(decapped(*sa, sealed(*sa, ++sequence, padded_text(payload, padding, 5))) ==
               gateway_packet(Family::kIpv4, payload));
    for (size_t at = 0; at < padding.size(); ++at) {
      Bytes wrong = padding;
      wrong[at] ^= 0x10;
      BOOST_TEST(decap_outcome(*sa, sealed(*sa, ++sequence, padded_text(payload, wrong, 5))) == "bad_padding");
    }
    BOOST_TEST(decap_outcome(*sa, sealed(*sa, ++sequence, padded_text(payload, Bytes(5), 5))) == "bad_padding");
    BOOST_TEST(sa->counters.malformed == 6u);
    // It was authentic, so its number is used up (HAZARDS 4).
    BOOST_TEST(decap_outcome(*sa, sealed(*sa, sequence, padded_text(payload, padding, 5))) == "replayed");
  }
}

BOOST_AUTO_TEST_CASE(padding_of_any_length_is_looked_at_to_its_first_and_last_byte) {  // HAZARDS 2
  for (const char* algorithm : {"aes128-sha1-96", "aes128gcm16"}) {
    auto sa = esp_sa(algorithm);
    uint32_t sequence = 0;
    for (unsigned pad_bytes = 0; pad_bytes <= 255; ++pad_bytes) {
      const Bytes payload = counted_bytes(16 + (14 - pad_bytes) % 16);  // whole blocks
      Bytes padding(pad_bytes);
      for (unsigned i = 0; i < pad_bytes; ++i) padding[i] = static_cast<uint8_t>(i + 1);
      const auto text = [&] { return padded_text(payload, padding, static_cast<uint8_t>(pad_bytes)); };
      BOOST_TEST(decapped(*sa, sealed(*sa, ++sequence, text())) == gateway_packet(Family::kIpv4, payload));
      if (pad_bytes == 0) continue;
      for (const size_t wrong : {size_t{0}, size_t{pad_bytes / 2}, size_t{pad_bytes - 1}}) {
        padding[wrong] ^= 0x80;
        BOOST_TEST(decap_outcome(*sa, sealed(*sa, ++sequence, text())) == "bad_padding");
        padding[wrong] ^= 0x80;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_pad_length_beyond_the_payload_is_dropped_though_the_icv_is_right) {  // HAZARDS 2
  for (const char* algorithm : kAlgorithms) {
    auto sa = esp_sa(algorithm);
    uint32_t sequence = 0;
    const Bytes counting = counted_bytes(30, 1);
    for (unsigned pad_length = 0; pad_length < 256; ++pad_length) {
      const Bytes text = padded_text({}, counting, static_cast<uint8_t>(pad_length));
      // The text counts 1 … 30, so that only padding of all of it is in order, and no padding.
      const std::string_view wanted = pad_length == 0 || pad_length == 30 ? "kept" : "bad_padding";
      BOOST_TEST(decap_outcome(*sa, sealed(*sa, ++sequence, text)) == wanted);
    }
  }
}

BOOST_AUTO_TEST_CASE(padding_up_to_255_bytes_comes_off) {
  auto sa = esp_sa("aes128gcm16");
  uint32_t sequence = 0;
  for (unsigned pad_length = 3; pad_length <= 255; pad_length += 4) {
    const Bytes text = padded_text(Bytes(7, 9), counted_bytes(pad_length, 1), static_cast<uint8_t>(pad_length));
    BOOST_TEST(decapped(*sa, sealed(*sa, ++sequence, text)) == gateway_packet(Family::kIpv4, Bytes(7, 9)));
  }
}

BOOST_AUTO_TEST_CASE(a_dummy_packet_is_thrown_away_without_blame) {  // RFC 4303 section 2.6
  auto sa = esp_sa("aes128-sha1-96");
  const Bytes packet = sealed(*sa, 1, padded_text(Bytes(14), {}, 0, kProtocolNoNext));
  BOOST_TEST(decap_outcome(*sa, packet) == "dummy");
  BOOST_TEST(sa->counters.malformed == 0u);
  BOOST_TEST(sa->replay.highest() == 1u);
}

BOOST_AUTO_TEST_CASE(of_two_copies_in_one_burst_one_passes) {  // HAZARDS 5
  for (const char* algorithm : kAlgorithms) {
    auto out = esp_sa(algorithm), in = esp_sa(algorithm);
    const Bytes one = plain_packet(30), other = plain_packet(31);
    const Bytes first = encapped(*out, one), second = encapped(*out, other);
    const uint64_t before = drops(DropReason::replayed);
    for (const Bytes& packet : {second, first, first, second, second, first}) push(*in, packet);
    decap_esp(context, burst);
    BOOST_TEST((take() == std::vector<Bytes>{other, one}));
    BOOST_TEST(drops(DropReason::replayed) == before + 4);
    BOOST_TEST(in->counters.replays == 4u);
    BOOST_TEST(decap_outcome(*in, first) == "replayed");  // HAZARDS 4
    BOOST_TEST(in->counters.packets == 2u);
  }
}

BOOST_AUTO_TEST_CASE(numbers_before_the_window_and_zero_are_dropped) {
  auto sa = made(spec_with_window("aes128-sha1-96", 64));
  const Bytes text = padded_text(Bytes(14), {}, 0);
  BOOST_TEST(decap_outcome(*sa, sealed(*sa, 1000, text)) == "kept");
  BOOST_TEST(decap_outcome(*sa, sealed(*sa, 937, text)) == "kept");
  BOOST_TEST(decap_outcome(*sa, sealed(*sa, 936, text)) == "outside_window");
  BOOST_TEST(decap_outcome(*sa, sealed(*sa, 0, text)) == "outside_window");
  BOOST_TEST(sa->counters.outside_window == 2u);
  auto fresh = made(spec_with_window("aes128-sha1-96", 64));
  BOOST_TEST(decap_outcome(*fresh, sealed(*fresh, 0, text)) == "outside_window");
  BOOST_TEST(decap_outcome(*fresh, sealed(*fresh, 0xffffffff, text)) == "kept");
  BOOST_TEST(fresh->replay.highest() == 0xffffffffu);
}

BOOST_AUTO_TEST_CASE(without_a_window_copies_pass) {
  auto sa = made(spec_with_window("aes128-sha1-96", 0));
  const Bytes packet = sealed(*sa, 5, padded_text(Bytes(14), {}, 0));
  for (unsigned i = 0; i < 3; ++i) BOOST_TEST(decap_outcome(*sa, packet) == "kept");
}

BOOST_AUTO_TEST_CASE(without_an_icv_nobody_can_move_the_window) {  // RFC 4303 section 3.4.3
  auto out = esp_sa("aes128"), in = esp_sa("aes128");
  const Bytes first = encapped(*out, plain_packet(30));
  Bytes forged = first;
  forged[24] = 0xff;  // sequence number
  BOOST_TEST(decap_outcome(*in, forged) == "kept");
  BOOST_TEST(decapped(*in, first) == plain_packet(30));
}

BOOST_AUTO_TEST_CASE(a_number_seen_before_is_dropped_before_a_key_is_used) {  // RFC 4303 section 3.4.3
  auto out = esp_sa("aes128-sha1-96"), in = esp_sa("aes128-sha1-96");
  Bytes packet = encapped(*out, plain_packet(30));
  BOOST_TEST(decap_outcome(*in, packet) == "kept");
  packet.back() ^= 1;  // its ICV is wrong now, but nobody looks
  BOOST_TEST(decap_outcome(*in, packet) == "replayed");
  BOOST_TEST(in->counters.authentication_failures == 0u);
}

BOOST_AUTO_TEST_CASE(the_last_sequence_number_is_used_and_none_after_it) {  // HAZARDS 7
  for (const char* algorithm : kAlgorithms) {
    auto out = esp_sa(algorithm), in = esp_sa(algorithm);
    out->sequence.reserve(0xffffffff - 3);
    const uint64_t before = drops(DropReason::sequence_exhausted);
    for (size_t i = 0; i < 5; ++i) push(*out, plain_packet(i));
    encap_esp(context, burst);
    BOOST_TEST(burst.count == 3);
    BOOST_TEST(burst.entries[2].sequence == 0xffffffffu);
    const std::vector<Bytes> packets = take();
    for (size_t i = 0; i < packets.size(); ++i) BOOST_TEST(decapped(*in, packets[i]) == plain_packet(i));
    for (unsigned i = 0; i < 3; ++i) BOOST_TEST(encap_outcome(*out, plain_packet(1)) == "sequence_exhausted");
    BOOST_TEST(drops(DropReason::sequence_exhausted) == before + 5);
    BOOST_TEST(out->counters.exhausted == 5u);
    BOOST_TEST(out->counters.packets == 3u);
  }
}

BOOST_AUTO_TEST_CASE(extended_numbers_cross_into_the_next_half_in_both_ends) {  // RFC 4303 appendix A
  for (const char* algorithm : kAlgorithms) {
    BOOST_TEST_CONTEXT(algorithm) {
      SaSpec spec = keyed_spec("esp.1000@198.51.100.2", kHere, algorithm);
      spec.extended_sequence = true;
      auto out = made(spec), in = made(spec);
      out->sequence.reserve(0xffffffff - 5);
      in->replay.check_and_advance(0xffffffff - 6);
      std::vector<Bytes> packets;
      for (int i = 0; i < 10; ++i) packets.push_back(encapped(*out, plain_packet(40)));
      std::swap(packets[4], packets[6]);  // around the border, out of order
      std::swap(packets[0], packets[9]);
      for (const Bytes& packet : packets) BOOST_TEST(decapped(*in, packet) == plain_packet(40));
      BOOST_TEST(in->replay.highest() == 0x100000004u);
      for (const Bytes& packet : packets) BOOST_TEST(decap_outcome(*in, packet) == "replayed");
    }
  }
}

BOOST_AUTO_TEST_CASE(the_upper_half_is_not_sent) {
  SaSpec spec = keyed_spec("esp.1000@198.51.100.2", kHere, "aes128-sha1-96");
  const size_t plain_bytes = encapped(*made(spec), plain_packet(40)).size();
  spec.extended_sequence = true;
  BOOST_TEST(encapped(*made(spec), plain_packet(40)).size() == plain_bytes);
}

BOOST_AUTO_TEST_CASE(extended_numbers_without_authentication_are_refused) {
  SaSpec spec = keyed_spec("esp.1000@198.51.100.2", kHere, "aes128");
  spec.extended_sequence = true;
  const auto refused = Sa::create(spec);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().problem == "extended sequence numbers need authentication");
}

BOOST_AUTO_TEST_CASE(sequence_numbers_follow_each_other_per_sa_across_a_mixed_burst) {  // HAZARDS 6
  auto one = esp_sa("aes128-sha1-96"), other = esp_sa("aes128gcm16");
  uint32_t next_one = 1, next_other = 1;
  for (unsigned round = 0; round < 3; ++round) {
    for (unsigned i = 0; i < kBurstCapacity; ++i) push(i % 3 == round ? *one : *other, plain_packet(i));
    encap_esp(context, burst);
    for (const BurstEntry& entry : burst) {
      uint32_t& next = entry.sa == one.get() ? next_one : next_other;
      const Bytes packet = bytes_of(entry.packet);
      BOOST_TEST((uint32_t{packet[24]} << 24 | packet[25] << 16 | packet[26] << 8 | packet[27]) == next);
      BOOST_TEST(entry.sequence == next++);
    }
    free_burst();
  }
  BOOST_TEST(one->sequence.sent() == next_one - 1);
  BOOST_TEST(other->sequence.sent() == next_other - 1);
}

BOOST_AUTO_TEST_CASE(cbc_ivs_differ_and_are_no_block_of_the_packet_before) {  // HAZARDS 9
  for (const char* algorithm : {"aes128-sha1-96", "3des-md5-96"}) {
    auto sa = esp_sa(algorithm);
    std::set<Bytes> ivs, blocks;
    for (unsigned round = 0; round < 16; ++round) {
      for (unsigned i = 0; i < kBurstCapacity; ++i) push(*sa, plain_packet(46));
      encap_esp(context, burst);
      for (const Bytes& packet : take()) {
        const auto text = packet.begin() + 28 + sa->iv_bytes;
        ivs.insert(Bytes(packet.begin() + 28, text));
        for (auto at = text; at + sa->iv_bytes <= packet.end() - sa->icv_bytes; at += sa->iv_bytes) {
          blocks.insert(Bytes(at, at + sa->iv_bytes));
        }
      }
    }
    BOOST_TEST(ivs.size() == 16u * kBurstCapacity);
    for (const Bytes& iv : ivs) BOOST_TEST(blocks.count(iv) == 0u);
    size_t ones = 0;  // half of the bits, not a counter's few
    for (const Bytes& iv : ivs) {
      for (uint8_t byte : iv) ones += static_cast<size_t>(std::popcount(byte));
    }
    const size_t bits = ivs.size() * sa->iv_bytes * 8;
    BOOST_TEST(ones > bits * 49 / 100);
    BOOST_TEST(ones < bits * 51 / 100);
  }
}

BOOST_AUTO_TEST_CASE(a_gcm_iv_comes_once_and_two_objects_of_one_key_share_none) {
  auto one = esp_sa("aes128gcm16"), again = esp_sa("aes128gcm16");
  std::set<Bytes> ivs;
  for (unsigned round = 0; round < 8; ++round) {
    for (unsigned i = 0; i < kBurstCapacity; ++i) push(i % 2 == 0 ? *one : *again, plain_packet(i));
    encap_esp(context, burst);
    for (const Bytes& packet : take()) ivs.insert(Bytes(packet.begin() + 28, packet.begin() + 36));
  }
  BOOST_TEST(ivs.size() == 8u * kBurstCapacity);
}

BOOST_AUTO_TEST_CASE(options_and_extension_headers_stay_in_front) {
  auto out = esp_sa("aes256gcm16"), in = esp_sa("aes256gcm16");
  const Bytes with_options = ipv4_packet({.protocol = 6, .options = Bytes(40, 1)}, counted_bytes(77));
  const Bytes packet = encapped(*out, with_options);
  BOOST_TEST(packet[0] == 0x4f);
  BOOST_TEST((Bytes(packet.begin() + 20, packet.begin() + 60) == Bytes(40, 1)));
  BOOST_TEST(decapped(*in, packet) == with_options);

  auto out6 = esp_sa("aes256gcm16", Family::kIpv6), in6 = esp_sa("aes256gcm16", Family::kIpv6);
  const Bytes chain = extension_header(kProtocolRouting, 16) + extension_header(kProtocolDestinationOptions, 24) +
                      extension_header(kProtocolUdp, 8) + counted_bytes(50);
  const Bytes plain6 = gateway_packet(Family::kIpv6, chain, kProtocolHopByHop);
  const Bytes packet6 = encapped(*out6, plain6);
  BOOST_TEST(packet6[40] == kProtocolRouting);
  BOOST_TEST(packet6[56] == kProtocolEsp);  // was: destination options, which ESP now covers
  BOOST_TEST(packet6[80 + 3] == 0);
  BOOST_TEST(decapped(*in6, packet6) == plain6);
}

BOOST_AUTO_TEST_CASE(fragments_and_packets_of_the_other_family_are_refused) {
  auto sa = esp_sa("aes128gcm16");
  BOOST_TEST(encap_outcome(*sa, ipv4_packet({.flags_fragment = 0x2000}, counted_bytes(40))) == "fragment");
  BOOST_TEST(encap_outcome(*sa, plain_packet(40, Family::kIpv6)) == "tunnel_mismatch");
  BOOST_TEST(sa->sequence.sent() == 0u);
  Bytes packet = encapped(*sa, plain_packet(40));
  put16(packet, 6, 1);
  set_ipv4_checksum(packet);
  BOOST_TEST(decap_outcome(*sa, packet) == "fragment");
  BOOST_TEST(decap_outcome(*sa, gateway_packet(Family::kIpv4, counted_bytes(100), kProtocolTcp)) == "bad_next_header");
}

BOOST_AUTO_TEST_CASE(bytes_behind_the_packet_are_cut_off) {
  for (const char* algorithm : kAlgorithms) {
    auto out = esp_sa(algorithm), in = esp_sa(algorithm);
    const Bytes packet = encapped(*out, plain_packet(5) + Bytes(18, 0xee));
    BOOST_TEST((packet == with_true_length(packet)));
    BOOST_TEST(decapped(*in, packet + Bytes(9, 0xee)) == plain_packet(5));
  }
}

BOOST_AUTO_TEST_CASE(a_packet_without_room_is_dropped_not_overrun) {
  auto sa = esp_sa("aes128-sha1-96");
  rte_mbuf* no_head = packet_from(plain_packet(40));
  rte_pktmbuf_prepend(no_head, static_cast<uint16_t>(kHeadroomBytes - 23));
  std::ranges::copy(plain_packet(40), rte_pktmbuf_mtod(no_head, uint8_t*));
  burst.push({no_head, sa.get(), nullptr, 0, 0});
  const Bytes full = plain_packet(kBufferBytes - kHeadroomBytes - 20 - 28);  // one byte of tail is missing
  burst.push({packet_from(full), sa.get(), nullptr, 0, 0});
  burst.push({chained_packet_from(plain_packet(40), 30, 10), sa.get(), nullptr, 0, 0});
  encap_esp(context, burst);
  BOOST_TEST(burst.count == 0);
  BOOST_TEST(drops(DropReason::no_room) == 3u);
  const Bytes packet = encapped(*sa, plain_packet(40));
  burst.push({chained_packet_from(packet, 30, 10), sa.get(), nullptr, 0, 0});
  decap_esp(context, burst);
  BOOST_TEST(burst.count == 0);
  BOOST_TEST(drops(DropReason::no_room) == 4u);
}

BOOST_AUTO_TEST_CASE(a_burst_of_64_sas_and_all_algorithms_keeps_its_order) {
  std::vector<std::unique_ptr<Sa>> out, in;
  std::vector<Bytes> wanted;
  for (size_t i = 0; i < kBurstCapacity; ++i) {
    const char* algorithm = kAlgorithms[i % std::size(kAlgorithms)];
    const Family family = i % 2 == 0 ? Family::kIpv4 : Family::kIpv6;
    out.push_back(esp_sa(algorithm, family));
    in.push_back(esp_sa(algorithm, family));
    wanted.push_back(plain_packet(i * 20, family));
    push(*out[i], wanted[i]);
  }
  encap_esp(context, burst);
  BOOST_REQUIRE(burst.count == kBurstCapacity);
  std::vector<Bytes> kept;
  for (size_t i = 0; i < kBurstCapacity; ++i) {
    burst.entries[i].sa = in[i].get();
    if (i % 4 == 1) {
      *rte_pktmbuf_mtod_offset(burst.entries[i].packet, uint8_t*, rte_pktmbuf_pkt_len(burst.entries[i].packet) - 1) ^=
          1;
    } else {
      kept.push_back(wanted[i]);
    }
  }
  decap_esp(context, burst);
  BOOST_TEST((take() == kept));
  for (size_t i = 0; i < kBurstCapacity; ++i) {
    BOOST_TEST(in[i]->counters.packets == (i % 4 == 1 ? 0u : 1u));
    BOOST_TEST(in[i]->counters.authentication_failures == (i % 4 == 1 ? 1u : 0u));
    BOOST_TEST(in[i]->replay.highest() == (i % 4 == 1 ? 0u : 1u));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_burst_is_nothing_to_do) {
  for (const Transform& transform : kTransforms) {
    if (transform.encap == nullptr) continue;
    transform.encap(context, burst);
    transform.decap(context, burst);
  }
  BOOST_TEST(burst.count == 0);
  BOOST_TEST(all_drops() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
