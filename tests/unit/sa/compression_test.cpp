// comp SAs: how they are made, what a group says of them, by what they are found, and when compressing is worth trying.
#include <boost/test/unit_test.hpp>

#include "tables_fixture.h"

namespace spigrp {
namespace {

using namespace test;

BOOST_AUTO_TEST_SUITE(compression)

BOOST_AUTO_TEST_CASE(deflate_is_the_algorithm) {
  const auto sa = Sa::create(spec("comp.200@192.0.2.2"));
  BOOST_REQUIRE(sa.has_value());
  BOOST_TEST(((*sa)->overhead.head_bytes == 0 && (*sa)->overhead.tail_bytes == 0));
  BOOST_TEST(!(*sa)->keys.has_value());
  for (const char* algorithm : {"lzs", "Deflate", "deflate2", "aes128gcm16"}) {
    SaSpec other = spec("comp.200@192.0.2.2");
    other.algorithm = algorithm;
    const auto refused = Sa::create(other);
    BOOST_REQUIRE(!refused.has_value());
    BOOST_TEST(refused.error().text() == "comp.200@192.0.2.2: no such compression algorithm: " +
                                             std::string(algorithm) + "; give --comp deflate");
  }
}

BOOST_AUTO_TEST_CASE(a_packet_need_not_shrink_where_its_size_is_foretold) {
  Tables t;
  for (const char* id : {"tun.113@192.0.2.2", "comp.114@192.0.2.2", "esp.115@192.0.2.2"}) BOOST_REQUIRE(t.add(id));
  Sa* tun = t.tables->newest(said("tun.113@192.0.2.2"))->sa;
  Sa* comp = t.tables->newest(said("comp.114@192.0.2.2"))->sa;
  Sa* esp = t.tables->newest(said("esp.115@192.0.2.2"))->sa;
  const SaGroup with(std::array{tun, comp, esp}), without(std::array{tun, esp});
  for (uint32_t bytes = 20; bytes < 1500; ++bytes) {
    const IpPacket packet{Family::kIpv4, kProtocolUdp, 9, 20, false, bytes};
    BOOST_TEST(with.bytes_after(packet) == without.bytes_after(packet));
    BOOST_TEST(with.largest_within(packet, 1500) == without.largest_within(packet, 1500));
  }
}

BOOST_AUTO_TEST_CASE(a_group_knows_which_sa_may_not_be_absent) {
  Tables t;
  const auto group_of = [&](std::initializer_list<std::string_view> ids) {
    std::vector<Sa*> sas;
    for (const std::string_view id : ids) {
      if (t.tables->newest(said(id)) == nullptr) BOOST_REQUIRE(t.add(id));
      sas.push_back(t.tables->newest(said(id))->sa);
    }
    return SaGroup(sas);
  };
  constexpr auto kTun = "tun.113@192.0.2.2", kComp = "comp.114@192.0.2.2", kEsp = "esp.115@192.0.2.2";
  constexpr auto kComp2 = "comp.214@192.0.2.2";
  BOOST_TEST(group_of({kTun, kComp, kEsp}).last_required() == 2);
  BOOST_TEST(group_of({kTun, kEsp, kComp}).last_required() == 1);
  BOOST_TEST(group_of({kTun, kEsp, kComp, kComp2}).last_required() == 1);
  BOOST_TEST(group_of({kComp, kTun, kComp2}).last_required() == 1);
  BOOST_TEST(group_of({kTun, kComp}).last_required() == 0);
  BOOST_TEST(group_of({kComp, kComp2}).last_required() == 0);
  BOOST_TEST(group_of({kComp, kComp2}).only_compresses());
  BOOST_TEST(group_of({kComp}).only_compresses());
  BOOST_TEST(!group_of({kTun, kComp}).only_compresses());
  BOOST_TEST(!group_of({kTun, kComp}).protects());
}

BOOST_AUTO_TEST_CASE(a_comp_sa_that_can_be_outermost_is_known_by_its_addresses) {
  Tables t;
  constexpr auto kTun = "tun.113@192.0.2.2", kComp = "comp.114@192.0.2.2", kEsp = "esp.115@192.0.2.2";
  for (const char* id : {kTun, kComp, kEsp}) BOOST_REQUIRE(t.add(id));
  const auto words = [](const SaGroup* group) { return group == nullptr ? "none" : group->text(); };
  const auto comp = [&] {
    return words(t.tables->find_comp(address("192.0.2.1"), address("192.0.2.2"), t.versions->published()));
  };
  const auto bare = [&] {
    return words(t.tables->find_bare_tunnel(address("192.0.2.1"), address("192.0.2.2"), t.versions->published()));
  };
  BOOST_TEST(comp() == kComp);
  BOOST_REQUIRE(t.group({kTun, kComp, kEsp}));
  BOOST_TEST(comp() == "none");
  BOOST_TEST(bare() == "none");
  BOOST_REQUIRE(t.replace({kTun, kEsp, kComp}));
  BOOST_TEST(comp() == "tun.113@192.0.2.2 esp.115@192.0.2.2 comp.114@192.0.2.2");
  BOOST_TEST(bare() == "none");
  BOOST_REQUIRE(t.replace({kTun, kComp}));
  BOOST_TEST(comp() == "tun.113@192.0.2.2 comp.114@192.0.2.2");
  BOOST_TEST(bare() == "tun.113@192.0.2.2 comp.114@192.0.2.2");
  BOOST_REQUIRE(t.ungroup(kTun));
  BOOST_TEST(comp() == "none");  // what it was grouped with is missing
  BOOST_TEST(bare() == "none");
  BOOST_REQUIRE(t.remove(kComp));
  BOOST_REQUIRE(t.add(kComp));
  BOOST_TEST(comp() == kComp);
  BOOST_REQUIRE(t.remove(kComp));
  BOOST_TEST(comp() == "none");
}

BOOST_AUTO_TEST_CASE(failures_are_followed_by_ever_longer_pauses_up_to_a_limit) {
  CompressionTrials trials;
  const auto skipped = [&] {
    unsigned count = 0;
    while (!trials.worth_trying()) ++count;
    return count;
  };
  for (int i = 0; i < CompressionTrials::kFailuresInRow - 1; ++i) {
    trials.note_failure();
    BOOST_TEST(skipped() == 0u);
  }
  for (unsigned wanted : {8, 16, 32, 64, 128, 256, 512, 1024, 1024, 1024}) {
    trials.note_failure();
    BOOST_TEST(skipped() == wanted);
  }
  trials.note_success();
  BOOST_TEST(skipped() == 0u);
  for (int i = 0; i < CompressionTrials::kFailuresInRow; ++i) trials.note_failure();
  BOOST_TEST(skipped() == CompressionTrials::kFirstSkipped);
}

BOOST_AUTO_TEST_CASE(a_success_among_failures_forgives_them) {
  CompressionTrials trials;
  for (int i = 0; i < 100; ++i) {
    BOOST_TEST(trials.worth_trying());
    if (i % 4 == 3) {
      trials.note_success();
    } else {
      trials.note_failure();
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
