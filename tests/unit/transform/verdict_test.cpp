// Verdict: one byte that is nothing for a packet that is kept, and says each reason.
#include <bit>
#include <set>

#include <boost/test/unit_test.hpp>

#include "transform/step_burst.h"

namespace spigrp {

BOOST_AUTO_TEST_SUITE(verdict)

BOOST_AUTO_TEST_CASE(a_verdict_says_every_reason_in_one_byte) {
  static_assert(sizeof(Verdict) == 1);
  static_assert(Verdict::keep().kept());
  std::set<uint8_t> bytes{std::bit_cast<uint8_t>(Verdict::keep())};
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    const auto reason = static_cast<DropReason>(i);
    const Verdict verdict = reason;
    BOOST_TEST(!verdict.kept());
    BOOST_TEST(drop_reason_name(verdict.reason()) == drop_reason_name(reason));
    bytes.insert(std::bit_cast<uint8_t>(verdict));
  }
  BOOST_TEST(bytes.size() == kDropReasonCount + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
