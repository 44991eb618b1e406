// Vectors of tests/vectors as values: one message each, under one key.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "crypto/crypto_engine.h"

namespace spigrp::test {

using Bytes = std::vector<uint8_t>;

inline Bytes from_hex(const std::string& text) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

struct CryptoVector {
  std::string name, algorithm;
  Bytes encryption_key, authentication_key;
  Bytes header, iv, plain, encrypted, icv;  // as in an ESP packet: header, IV, text, ICV

  Algorithm found() const { return find_esp_algorithm(algorithm, encryption_key.size()).value(); }
  KeySchedule keys() const {
    return KeySchedule::create(found(), Key(encryption_key), Key(authentication_key)).value();
  }
  // The packet before and after.
  Bytes clear() const { return joined(plain, Bytes(icv.size())); }
  Bytes sealed() const { return joined(encrypted, icv); }

  // The job over a buffer that holds the packet.
  CryptoJob job(const KeySchedule& keys, Bytes& buffer) const {
    const Cipher& cipher = *keys.algorithm().cipher;
    uint8_t* text = buffer.data() + header.size() + iv.size();
    const auto text_bytes = static_cast<uint32_t>(plain.size()), iv_bytes = static_cast<uint32_t>(iv.size());
    const auto header_bytes = static_cast<uint32_t>(header.size());
    CryptoJob job{.keys = keys.expanded(),
                  .cipher_start = text,
                  .cipher_bytes = cipher.mode == CipherMode::kNull ? 0 : text_bytes,
                  .iv = buffer.data() + header.size(),
                  .auth_start = buffer.data(),
                  .auth_bytes = cipher.is_combined() ? header_bytes : header_bytes + iv_bytes + text_bytes,
                  .icv = text + plain.size(),
                  .ok = false};
    if (cipher.mode == CipherMode::kAesGmac) {
      job.cipher_start -= iv_bytes;
      job.cipher_bytes += iv_bytes;
    }
    return job;
  }

 private:
  Bytes joined(const Bytes& text, const Bytes& tag) const {
    Bytes all = header;
    for (const Bytes* part : {&iv, &text, &tag}) all.insert(all.end(), part->begin(), part->end());
    return all;
  }
};

inline std::vector<CryptoVector> read_vectors(const std::string& file) {
  std::ifstream stream(std::string(SPIGRP_VECTORS) + "/" + file);
  const auto json = nlohmann::json::parse(stream);
  std::vector<CryptoVector> vectors;
  for (const auto& row : json.at("vectors")) {
    const auto bytes = [&row](const char* name) { return from_hex(row.at(name).get<std::string>()); };
    const auto algorithm = row.at("algorithm").get<std::string>();
    vectors.push_back({row.value("source", algorithm + ", " + std::to_string(bytes("plain").size()) + " bytes"),
                       algorithm, bytes("encryption_key"), bytes("authentication_key"), bytes("header"), bytes("iv"),
                       bytes("plain"), bytes("encrypted"), bytes("icv")});
  }
  return vectors;
}

inline const std::vector<CryptoVector>& all_vectors() {
  static const std::vector<CryptoVector> vectors = [] {
    auto all = read_vectors("crypto_rfc.json");
    for (auto& vector : read_vectors("crypto.json")) all.push_back(std::move(vector));
    return all;
  }();
  return vectors;
}

}  // namespace spigrp::test
