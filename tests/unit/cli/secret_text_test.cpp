// Texts that hold keys leave nothing behind.
#include "cli/secret_text.h"

#include <optional>
#include <string>

#include <boost/test/unit_test.hpp>

#include "freed_memory.h"

namespace spigrp {
namespace {

const std::string kSecret = "0x5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

BOOST_AUTO_TEST_CASE(the_watch_over_freed_memory_sees_what_a_usual_string_leaves) {
  auto text = std::make_optional<std::string>(kSecret + '!');
  const FreedMemory freed(kSecret);
  text.reset();
  BOOST_TEST(freed.held_it());
}

BOOST_AUTO_TEST_CASE(a_secret_text_is_wiped_when_it_goes) {
  auto text = std::make_optional<SecretText>(kSecret + '!');
  const FreedMemory freed(kSecret);
  text.reset();
  BOOST_TEST(!freed.held_it());
}

BOOST_AUTO_TEST_CASE(a_secret_text_is_wiped_when_it_grows) {
  const FreedMemory freed(kSecret);
  SecretText text(kSecret.begin(), kSecret.end());
  for (int i = 0; i < 10'000; ++i) text += 'x';
  BOOST_TEST(text.starts_with(kSecret.c_str()));
  BOOST_TEST(!freed.held_it());
}

BOOST_AUTO_TEST_CASE(a_secret_stream_is_wiped_when_it_grows_and_when_it_goes) {
  const FreedMemory freed(kSecret);
  {
    SecretStream stream;
    stream << kSecret;
    for (int i = 0; i < 10'000; ++i) stream << i;
    BOOST_TEST(stream.view().starts_with(kSecret));
  }
  BOOST_TEST(!freed.held_it());
}

}  // namespace
}  // namespace spigrp
