// The crypto engine against what RFCs, NIST and OpenSSL computed, alone and in bursts of everything at once.
#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <span>

#include "crypto/crypto_vectors.h"
#include "crypto/multi_buffer.h"
#include "crypto/own_library.h"
#include "support/runner.h"

namespace spigrp {
using namespace test;

struct EngineFixture {
  std::unique_ptr<CryptoEngine> engine = CryptoEngine::create().value();

  // One vector of each algorithm, of the smallest size that has more than one block.
  static std::vector<CryptoVector> one_of_each() {
    std::vector<CryptoVector> chosen;
    std::set<std::string> seen;
    for (const CryptoVector& vector : read_vectors("crypto.json")) {
      if (vector.plain.size() == 112 && seen.insert(vector.algorithm).second) chosen.push_back(vector);
    }
    return chosen;
  }
};

BOOST_FIXTURE_TEST_SUITE(crypto_engine, EngineFixture)

BOOST_AUTO_TEST_CASE(protects_to_the_bytes_that_others_made) {  // HAZARDS 15
  BOOST_REQUIRE_GT(all_vectors().size(), 200);
  for (const CryptoVector& vector : all_vectors()) {
    const KeySchedule keys = vector.keys();
    Bytes buffer = vector.clear();
    std::array jobs{vector.job(keys, buffer)};
    engine->protect(jobs);
    BOOST_TEST(jobs[0].ok, vector.name);
    BOOST_TEST(buffer == vector.sealed(), vector.name);
  }
}

BOOST_AUTO_TEST_CASE(verifies_and_decrypts_what_others_made) {  // HAZARDS 15
  for (const CryptoVector& vector : all_vectors()) {
    const KeySchedule keys = vector.keys();
    Bytes buffer = vector.sealed();
    std::array jobs{vector.job(keys, buffer)};
    engine->verify(jobs);
    BOOST_TEST(jobs[0].ok, vector.name);
    std::fill(buffer.end() - static_cast<long>(vector.icv.size()), buffer.end(), uint8_t{0});
    BOOST_TEST(buffer == vector.clear(), vector.name);
  }
}

BOOST_AUTO_TEST_CASE(one_changed_bit_anywhere_fails_verification) {
  for (const CryptoVector& vector : one_of_each()) {
    if (vector.icv.empty()) continue;
    const KeySchedule keys = vector.keys();
    for (size_t at = 0; at < vector.sealed().size(); ++at) {
      Bytes buffer = vector.sealed();
      buffer[at] ^= static_cast<uint8_t>(1u << at % 8);
      std::array jobs{vector.job(keys, buffer)};
      engine->verify(jobs);
      BOOST_TEST(!jobs[0].ok, vector.name << " at byte " << at);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_burst_of_all_algorithms_gives_what_each_alone_gives) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<const CryptoVector*> chosen;
    chosen.reserve(64);
    for (int i = 0; i < 64; ++i) chosen.push_back(&all_vectors()[random() % all_vectors().size()]);
    std::vector<KeySchedule> keys;
    std::vector<Bytes> buffers;
    for (const CryptoVector* vector : chosen) {
      keys.push_back(vector->keys());
      buffers.push_back(vector->clear());
    }
    std::vector<CryptoJob> jobs;
    for (size_t i = 0; i < chosen.size(); ++i) jobs.push_back(chosen[i]->job(keys[i], buffers[i]));
    engine->protect(jobs);
    for (size_t i = 0; i < chosen.size(); ++i) {
      BOOST_TEST((jobs[i].ok && buffers[i] == chosen[i]->sealed()), chosen[i]->name);
    }
    engine->verify(jobs);
    for (size_t i = 0; i < chosen.size(); ++i) {
      BOOST_TEST((jobs[i].ok && std::equal(chosen[i]->plain.begin(), chosen[i]->plain.end(),
                                           jobs[i].icv - chosen[i]->plain.size())) == true);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_forged_packet_fails_alone_in_its_burst) {
  constexpr size_t kBurst = 32;
  const auto all = one_of_each();
  for (size_t first = 0; first < all.size(); first += kBurst) {
    const std::span vectors = std::span(all).subspan(first, std::min(kBurst, all.size() - first));
    for (size_t forged = 0; forged < vectors.size(); ++forged) {
      if (vectors[forged].icv.empty()) continue;
      std::vector<KeySchedule> keys;
      std::vector<Bytes> buffers;
      for (const CryptoVector& vector : vectors) {
        keys.push_back(vector.keys());
        buffers.push_back(vector.sealed());
      }
      buffers[forged].back() ^= 1;
      std::vector<CryptoJob> jobs;
      for (size_t i = 0; i < vectors.size(); ++i) jobs.push_back(vectors[i].job(keys[i], buffers[i]));
      engine->verify(jobs);
      for (size_t i = 0; i < jobs.size(); ++i) BOOST_TEST(jobs[i].ok == (i != forged), vectors[i].name);
    }
  }
}

// All of one algorithm go another way than a mixture.
BOOST_AUTO_TEST_CASE(a_burst_of_one_algorithm_gives_what_each_alone_gives) {
  for (const CryptoVector& vector : one_of_each()) {
    const KeySchedule keys = vector.keys();
    std::vector<Bytes> buffers(64, vector.clear());
    std::vector<CryptoJob> jobs;
    jobs.reserve(buffers.size());
    for (Bytes& buffer : buffers) jobs.push_back(vector.job(keys, buffer));
    engine->protect(jobs);
    for (size_t i = 0; i < jobs.size(); ++i) BOOST_TEST((jobs[i].ok && buffers[i] == vector.sealed()), vector.name);

    const auto is_forged = [&vector](size_t place) { return !vector.icv.empty() && place % 9 == 4; };
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (is_forged(i)) buffers[i].back() ^= 1;
    }
    engine->verify(jobs);
    for (size_t i = 0; i < jobs.size(); ++i) {
      BOOST_TEST(jobs[i].ok == !is_forged(i), vector.name);
      if (is_forged(i)) continue;
      BOOST_TEST(std::equal(vector.plain.begin(), vector.plain.end(), jobs[i].icv - vector.plain.size()), vector.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_hash_alone_is_computed_for_ah) {
  for (const CryptoVector& vector : read_vectors("crypto_rfc.json")) {
    if (!vector.algorithm.starts_with("null-")) continue;
    const std::string name = vector.algorithm.substr(5);
    const Algorithm algorithm = find_ah_algorithm(name.starts_with("aes_") ? name : "hmac-" + name).value();
    const KeySchedule keys = KeySchedule::create(algorithm, Key(), Key(vector.authentication_key)).value();
    Bytes message = vector.header;
    Bytes icv(vector.icv.size());
    std::array jobs{CryptoJob{keys.expanded(), nullptr, 0, nullptr, message.data(),
                              static_cast<uint32_t>(message.size()), icv.data(), false}};
    engine->protect(jobs);
    BOOST_TEST(icv == vector.icv, vector.name);
    engine->verify(jobs);
    BOOST_TEST(jobs[0].ok);
    BOOST_TEST(message == vector.header);
  }
}

// Of several workers each has functions of its own, where the library's write into a line that all share with each
// call.
BOOST_AUTO_TEST_CASE(a_workers_packets_write_nothing_that_others_write) {
  if (!OwnLibrary::is_wanted()) return;  // it writes nothing as long as there is no error
  const auto own = CryptoEngine::create(CryptoEngine::Library::kOwn).value();
  BOOST_REQUIRE(!own->is_slowed_by_others());
  const auto leave_an_error = [] { IMB_AES_KEYEXP_128(shared_multi_buffer(), nullptr, nullptr, nullptr); };
  for (const CryptoVector& vector : one_of_each()) {
    if (vector.algorithm.find("gcm") == std::string::npos) continue;
    const KeySchedule keys = vector.keys();
    Bytes buffer = vector.clear();
    std::array jobs{vector.job(keys, buffer)};
    leave_an_error();
    const int error = imb_get_errno(nullptr);
    BOOST_TEST(error != 0);
    own->protect(jobs);
    BOOST_TEST(imb_get_errno(nullptr) == error, vector.name);
    BOOST_TEST(buffer == vector.sealed(), vector.name);
    own->verify(jobs);
    BOOST_TEST(imb_get_errno(nullptr) == error, vector.name);
    BOOST_TEST(jobs[0].ok);
  }
}

BOOST_AUTO_TEST_CASE(no_jobs_is_no_trouble) {
  engine->protect({});
  engine->verify({});
}

BOOST_AUTO_TEST_CASE(random_ivs_never_repeat) {  // HAZARDS 9
  const auto other = CryptoEngine::create().value();
  std::set<std::array<uint8_t, 16>> seen;
  size_t made = 0;
  for (size_t round = 0; round < 2000; ++round) {
    for (CryptoEngine* source : {engine.get(), other.get()}) {
      std::array<std::array<uint8_t, 16>, 64> ivs;
      const size_t count = 1 + round % 64;
      source->random_ivs(ivs[0].data(), count);
      seen.insert(ivs.begin(), ivs.begin() + static_cast<long>(count));
      made += count;
    }
  }
  BOOST_TEST(seen.size() == made);
}

BOOST_AUTO_TEST_CASE(random_ivs_have_as_many_ones_as_zeros) {
  std::array<uint8_t, size_t{64} * 16> ivs;
  size_t ones = 0;
  for (int round = 0; round < 100; ++round) {
    engine->random_ivs(ivs.data(), 64);
    for (uint8_t byte : ivs) ones += static_cast<size_t>(__builtin_popcount(byte));
  }
  const double share = static_cast<double>(ones) / (100.0 * ivs.size() * 8);
  BOOST_TEST(std::abs(share - 0.5) < 0.005);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
