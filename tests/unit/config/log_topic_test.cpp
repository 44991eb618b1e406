// The log topics are klipsdebug's words.
#include "config/log_topic.h"

#include <boost/test/unit_test.hpp>

#include "error_text.h"

namespace spigrp {

BOOST_AUTO_TEST_SUITE(log_topic)

BOOST_AUTO_TEST_CASE(the_words_of_klipsdebug_are_topics) {
  for (const std::string_view topic :
       {"tunnel", "tunnel-xmit", "xform", "eroute", "spi", "esp", "ah", "rcv", "pfkey", "ipcomp", "verbose"}) {
    BOOST_TEST(validate_log_topic(topic).has_value(), topic);
  }
}

BOOST_AUTO_TEST_CASE(other_words_are_refused_and_the_topics_are_listed) {
  for (const std::string_view topic : {"", "ESP", "tunnel ", "all", "none"}) {
    BOOST_TEST(!validate_log_topic(topic).has_value(), topic << " was taken");
  }
  const std::string text = test::error_text(validate_log_topic("everything"));
  BOOST_TEST(text.find("everything: no such log topic; it is one of tunnel, tunnel-xmit,") == 0u);
  BOOST_TEST(text.ends_with("verbose"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
