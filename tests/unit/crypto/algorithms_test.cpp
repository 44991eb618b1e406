// The names of algorithms, FreeS/WAN's among them, and what they stand for.
#include "crypto/algorithms.h"

#include <set>

#include <boost/test/unit_test.hpp>

namespace spigrp {

BOOST_AUTO_TEST_SUITE(algorithms)

BOOST_AUTO_TEST_CASE(every_listed_name_is_found_and_is_its_own_canonical_name) {
  const auto rows = list_algorithms();
  std::set<std::string> names;
  for (const AlgorithmRow& row : rows) {
    const auto found =
        row.protocol == "ah" ? find_ah_algorithm(row.name) : find_esp_algorithm(row.name, row.encryption_key_bytes);
    BOOST_REQUIRE_MESSAGE(found, row.name);
    BOOST_TEST(found->name() == row.name);
    BOOST_TEST(found->encryption_key_bytes() == row.encryption_key_bytes);
    BOOST_TEST(found->authentication_key_bytes() == row.authentication_key_bytes);
    BOOST_TEST(found->icv_bytes() == row.icv_bytes);
    BOOST_TEST(names.insert(row.protocol + ' ' + row.name).second, row.name << " is listed twice");
  }
  // 10 for AH; 7 ciphers × (7 authenticators + none), NULL × 7; 9 GCM, 3 GMAC, 6 CCM, ChaCha20
  BOOST_TEST(rows.size() == 10 + 7 * 8 + 7 + 9 + 3 + 6 + 1);
}

BOOST_AUTO_TEST_CASE(a_bare_aes_takes_its_size_from_the_key) {
  BOOST_TEST(find_esp_algorithm("aes-sha1-96", 16)->name() == "aes128-sha1-96");
  BOOST_TEST(find_esp_algorithm("aes-sha1-96", 24)->name() == "aes192-sha1-96");
  BOOST_TEST(find_esp_algorithm("aes", 32)->name() == "aes256");
  const auto wrong = find_esp_algorithm("aes-sha1-96", 17);
  BOOST_REQUIRE(!wrong);
  BOOST_TEST(wrong.error().text().find("17 bytes") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(sizes_are_those_of_the_rfcs) {
  const auto gcm = find_esp_algorithm("aes256gcm16", 36);
  BOOST_TEST(gcm->encryption_key_bytes() == 36);
  BOOST_TEST(gcm->iv_bytes() == 8);
  BOOST_TEST(gcm->block_bytes() == 4);
  BOOST_TEST(gcm->icv_bytes() == 16);
  const auto triple = find_esp_algorithm("3des-md5-96", 24);
  BOOST_TEST(triple->iv_bytes() == 8);
  BOOST_TEST(triple->block_bytes() == 8);
  BOOST_TEST(triple->icv_bytes() == 12);
  BOOST_TEST(find_ah_algorithm("hmac-sha2_512-256")->icv_bytes() == 32);
  BOOST_TEST(find_ah_algorithm("hmac-sha2_384-192")->icv_bytes() == 24);
}

BOOST_AUTO_TEST_CASE(keys_end_in_the_salt_that_the_mode_has) {
  BOOST_TEST(find_esp_algorithm("aes128ccm16", 19)->encryption_key_bytes() == 19);  // RFC 4309 section 7.1
  BOOST_TEST(find_esp_algorithm("aes256ctr", 36)->encryption_key_bytes() == 36);    // RFC 3686 section 5.1
  BOOST_TEST(find_esp_algorithm("chacha20poly1305", 36)->encryption_key_bytes() == 36);
  BOOST_TEST(find_esp_algorithm("aes128gcm8", 20)->icv_bytes() == 8);
}

BOOST_AUTO_TEST_CASE(gmac_of_ah_has_all_of_its_key_as_authentication_key) {  // RFC 4543 section 4
  for (const auto& [name, bytes] : {std::pair("aes128gmac", 20), {"aes192gmac", 28}, {"aes256gmac", 36}}) {
    const auto gmac = find_ah_algorithm(name);
    BOOST_REQUIRE(gmac.has_value());
    BOOST_TEST(gmac->authentication_key_bytes() == bytes);
    BOOST_TEST(gmac->encryption_key_bytes() == 0);
    BOOST_TEST(gmac->iv_bytes() == 8);
    BOOST_TEST(gmac->icv_bytes() == 16);
    BOOST_TEST(find_esp_algorithm(name, 0)->encryption_key_bytes() == bytes);
  }
  for (const char* name : {"aes128gcm16", "chacha20poly1305", "aes128", "hmac-aes128gmac", "aes128gmac-96"}) {
    BOOST_TEST(!find_ah_algorithm(name), name);
  }
}

BOOST_AUTO_TEST_CASE(what_rfc_8221_asks_is_that_of_the_weaker_part) {
  const auto of_esp = [](const char* name, size_t bytes) {
    return requirement_text(find_esp_algorithm(name, bytes)->requirement());
  };
  BOOST_TEST(of_esp("aes128gcm16", 20) == "MUST");
  BOOST_TEST(of_esp("aes128-sha2_256-128", 16) == "MUST");
  BOOST_TEST(of_esp("aes128-sha1-96", 16) == "MUST-");
  BOOST_TEST(of_esp("aes128-md5-96", 16) == "MUST NOT");
  BOOST_TEST(of_esp("3des-sha2_256-128", 24) == "SHOULD NOT");
  BOOST_TEST(of_esp("aes128", 16) == "MUST NOT");  // nothing authenticates it
  BOOST_TEST(of_esp("chacha20poly1305", 36) == "SHOULD");
  BOOST_TEST(of_esp("aes192ctr-sha2_512-256", 28) == "MAY");
  BOOST_TEST(requirement_text(find_ah_algorithm("hmac-md5-96")->requirement()) == "MUST NOT");
}

BOOST_AUTO_TEST_CASE(null_without_authentication_is_refused) {
  const auto bare = find_esp_algorithm("null", 0);
  BOOST_REQUIRE(!bare);
  BOOST_TEST(bare.error().remedy.find("null-sha2_256-128") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_combined_mode_takes_no_authenticator) {
  BOOST_TEST(!find_esp_algorithm("aes128gcm16-sha1-96", 20));
}

BOOST_AUTO_TEST_CASE(unknown_names_are_refused_and_quoted_safely) {
  for (const char* name : {"", "-", "rot13", "aes", "AES128", "aes128-", "aes128-sha1", "aes128-sha1-96-sha1-96",
                           "-sha1-96", "aes128 ", "hmac-sha1-96", "\x1b[31m"}) {
    const auto found = find_esp_algorithm(name, 20);
    BOOST_REQUIRE_MESSAGE(!found, name);
    BOOST_TEST(found.error().text().find('\x1b') == std::string::npos);
  }
  for (const char* name : {"", "hmac", "hmac-", "sha1-96", "hmac-sha1", "hmac-sha1-96 ", "hmac-hmac-sha1-96",
                           "hmac-aes_xcbc-96", "aes_xcbc-128"}) {
    BOOST_TEST(!find_ah_algorithm(name), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
