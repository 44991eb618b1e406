// ESP and AH packets that scapy made (tests/vectors/make_packets.py): ours must take them, and send the same bytes
// where the algorithm leaves no choice (HAZARDS 15).
#include <fstream>
#include <memory>

#include <nlohmann/json.hpp>

#include "transform/step_fixture.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(packet_vectors, StepFixture)

struct Vector {
  std::string name;
  SaSpec spec;
  uint64_t sequence;
  Bytes iv;
  bool same_place;  // ours puts the header where scapy does
  Bytes plain, protected_bytes;
};

std::vector<Vector> vectors_from(const std::string& file, SaProtocol protocol) {
  std::ifstream stream(std::string(SPIGRP_VECTORS) + "/" + file);
  std::vector<Vector> vectors;
  const nlohmann::json file_json = nlohmann::json::parse(stream);
  for (const auto& json : file_json.at("packets")) {
    auto bytes = [&json](const char* field) { return from_hex(json.at(field).get<std::string>()); };
    Vector vector{json.at("name"),   {}, json.at("sequence"), bytes("iv"), json.at("same_place"), bytes("plain"),
                  bytes("protected")};
    vector.spec.id = {protocol, json.at("spi"), address(json.at("destination").get<std::string>())};
    vector.spec.source = address(json.at("source").get<std::string>());
    vector.spec.algorithm = json.at("algorithm");
    vector.spec.extended_sequence = json.at("extended");
    vector.spec.encryption_key = Key(bytes("encryption_key"));
    vector.spec.authentication_key = Key(bytes("authentication_key"));
    if (json.contains("source_port")) {
      vector.spec.udp_encapsulation = {json.at("source_port"), json.at("destination_port")};
    }
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

const std::vector<Vector>& esp_vectors() {
  static const std::vector<Vector> vectors = vectors_from("esp_packets.json", SaProtocol::kEsp);
  return vectors;
}

const std::vector<Vector>& esp_in_udp_vectors() {
  static const std::vector<Vector> vectors = vectors_from("esp_in_udp_packets.json", SaProtocol::kEsp);
  return vectors;
}

const std::vector<Vector>& ah_vectors() {
  static const std::vector<Vector> vectors = vectors_from("ah_packets.json", SaProtocol::kAh);
  return vectors;
}

const std::vector<Vector>& ah_gmac_vectors() {
  static const std::vector<Vector> vectors = vectors_from("ah_gmac_packets.json", SaProtocol::kAh);
  return vectors;
}

// An SA whose next packet gets the vector's sequence number, and with GCM its IV.
std::unique_ptr<Sa> sending_sa(const Vector& vector) {
  auto sa = made(vector.spec);
  sa->sequence.reserve(vector.sequence - 1);
  if (vector.iv.size() == 8) {
    uint64_t iv = 0;
    for (uint8_t byte : vector.iv) iv = iv << 8 | byte;
    sa->iv_offset = iv ^ vector.sequence;
  }
  return sa;
}

// An SA that has got everything up to `mark`.
std::unique_ptr<Sa> sa_after(const Vector& vector, uint64_t mark) {
  auto sa = made(vector.spec);
  std::destroy_at(&sa->replay);
  std::construct_at(&sa->replay, vector.spec.replay_window, mark);
  return sa;
}

// With extended numbers the packets before tell the upper half.
std::unique_ptr<Sa> receiving_sa(const Vector& vector) {
  return vector.spec.extended_sequence ? sa_after(vector, vector.sequence - 2) : made(vector.spec);
}

bool is_deterministic(const Vector& vector) {
  const bool random_iv = vector.iv.size() == 16 || vector.spec.algorithm.starts_with("3des");
  return vector.same_place && !random_iv;
}

BOOST_AUTO_TEST_CASE(there_are_vectors_of_every_kind) {
  BOOST_TEST(esp_vectors().size() > 300u);
  BOOST_TEST(esp_in_udp_vectors().size() == 70u);
  BOOST_TEST(ah_vectors().size() == 156u);
  BOOST_TEST(ah_gmac_vectors().size() == 60u);
}

BOOST_AUTO_TEST_CASE(what_scapy_protects_comes_out_as_it_was) {
  for (const auto* vectors : {&esp_vectors(), &esp_in_udp_vectors(), &ah_vectors(), &ah_gmac_vectors()}) {
    for (const Vector& vector : *vectors) {
      BOOST_TEST_CONTEXT(vector.name) {
        auto sa = receiving_sa(vector);
        BOOST_TEST(decapped(*sa, vector.protected_bytes) == vector.plain);
        BOOST_TEST(decapped(*receiving_sa(vector), vector.protected_bytes + Bytes(7, 0xee)) == vector.plain);
        BOOST_TEST(sa->counters.bytes == vector.plain.size());
        BOOST_TEST(sa->replay.highest() == (sa->icv_bytes == 0 ? 0 : vector.sequence));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(we_send_the_bytes_that_scapy_sends) {
  unsigned compared = 0;
  for (const auto* vectors : {&esp_vectors(), &esp_in_udp_vectors(), &ah_vectors(), &ah_gmac_vectors()}) {
    for (const Vector& vector : *vectors) {
      if (!is_deterministic(vector)) continue;
      ++compared;
      BOOST_TEST_CONTEXT(vector.name) {
        BOOST_TEST(encapped(*sending_sa(vector), vector.plain) == vector.protected_bytes);
      }
    }
  }
  BOOST_TEST(compared > 150u);
}

BOOST_AUTO_TEST_CASE(what_we_protect_comes_out_as_it_was) {
  for (const auto* vectors : {&esp_vectors(), &esp_in_udp_vectors(), &ah_vectors(), &ah_gmac_vectors()}) {
    for (const Vector& vector : *vectors) {
      BOOST_TEST_CONTEXT(vector.name) {
        const Bytes packet = encapped(*sending_sa(vector), vector.plain);
        if (vector.same_place) BOOST_TEST(packet.size() == vector.protected_bytes.size());
        BOOST_TEST(decapped(*receiving_sa(vector), packet) == vector.plain);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_upper_half_does_not_authenticate) {  // RFC 4303 section 2.2.1
  for (const auto* vectors : {&esp_vectors(), &esp_in_udp_vectors(), &ah_vectors(), &ah_gmac_vectors()}) {
    for (const Vector& vector : *vectors) {
      if (!vector.spec.extended_sequence) continue;
      BOOST_TEST_CONTEXT(vector.name) {
        const uint64_t highest = vector.sequence - 2 + (uint64_t{1} << 32);
        auto sa = sa_after(vector, highest);
        push(*sa, vector.protected_bytes);
        (vector.spec.id.protocol == SaProtocol::kEsp ? decap_esp : decap_ah)(context, burst);
        BOOST_TEST(take().empty());
        BOOST_TEST(sa->replay.highest() == highest);
      }
    }
  }
  BOOST_TEST(drops(DropReason::authentication_failed) == all_drops());
}

BOOST_AUTO_TEST_CASE(a_burst_of_64_sas_is_taken_off_like_64_bursts_of_one) {
  const std::vector<Vector>& vectors = esp_vectors();
  for (size_t first = 0; first + kBurstCapacity <= vectors.size(); first += kBurstCapacity) {
    std::vector<std::unique_ptr<Sa>> sas;
    std::vector<Bytes> wanted;
    for (size_t i = first; i < first + kBurstCapacity; ++i) {
      const Vector& vector = vectors[i * 37 % vectors.size()];  // algorithms next to each other differ
      sas.push_back(receiving_sa(vector));
      Bytes bytes = vector.protected_bytes;
      if (i % 5 == 2) {
        bytes.back() ^= 1;
        if (sas.back()->icv_bytes == 0)
          sas.pop_back();
        else
          push(*sas.back(), bytes);
        continue;
      }
      push(*sas.back(), bytes);
      wanted.push_back(vector.plain);
    }
    decap_esp(context, burst);
    BOOST_TEST((take() == wanted));
  }
  BOOST_TEST(drops(DropReason::authentication_failed) == all_drops());
  BOOST_TEST(all_drops() > 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
