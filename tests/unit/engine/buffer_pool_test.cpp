// Packet buffers lie one behind the other, also where pages are small.
#include "engine/buffer_pool.h"

#include <algorithm>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>

namespace spigrp {
namespace {

constexpr BufferPoolSizes kSizes{100, 0, 2432};

struct TakenOut {
  explicit TakenOut(rte_mempool* pool) {
    while (rte_mbuf* packet = rte_pktmbuf_alloc(pool)) packets.push_back(packet);
    std::sort(packets.begin(), packets.end());
  }
  ~TakenOut() { rte_pktmbuf_free_bulk(packets.data(), static_cast<unsigned>(packets.size())); }
  TakenOut(const TakenOut&) = delete;
  TakenOut& operator=(const TakenOut&) = delete;

  std::vector<rte_mbuf*> packets;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(buffer_pool)

BOOST_AUTO_TEST_CASE(buffers_do_not_begin_at_the_same_place_of_a_page) {
  const BufferPool pool = make_buffer_pool("pool_test_rows", kSizes);
  BOOST_REQUIRE(pool != nullptr);
  const TakenOut taken(pool.get());
  BOOST_REQUIRE_EQUAL(taken.packets.size(), kSizes.packets);
  for (size_t i = 1; i < taken.packets.size(); ++i) {
    const auto distance =
        reinterpret_cast<uintptr_t>(taken.packets[i]) - reinterpret_cast<uintptr_t>(taken.packets[i - 1]);
    BOOST_TEST(distance >= sizeof(rte_mbuf) + kSizes.packet_bytes);
    BOOST_TEST(distance < sizeof(rte_mbuf) + kSizes.packet_bytes + 256u);
  }
}

BOOST_AUTO_TEST_CASE(a_buffer_is_all_that_a_driver_expects) {
  const BufferPool pool = make_buffer_pool("pool_test_mbufs", kSizes);
  BOOST_REQUIRE(pool != nullptr);
  BOOST_TEST(rte_pktmbuf_data_room_size(pool.get()) == kSizes.packet_bytes);
  BOOST_TEST(rte_pktmbuf_priv_size(pool.get()) == 0u);
  const TakenOut taken(pool.get());
  for (rte_mbuf* packet : taken.packets) {
    const char* reason = nullptr;
    BOOST_TEST(rte_mbuf_check(packet, 1, &reason) == 0, (reason == nullptr ? "" : reason));
    BOOST_TEST(packet->buf_len == kSizes.packet_bytes);
    BOOST_TEST(rte_pktmbuf_headroom(packet) == RTE_PKTMBUF_HEADROOM);
    BOOST_TEST(static_cast<const void*>(packet->buf_addr) == packet + 1);
    if (rte_eal_iova_mode() == RTE_IOVA_VA)
      BOOST_TEST(packet->buf_iova == reinterpret_cast<rte_iova_t>(packet->buf_addr));
  }
  BOOST_TEST(rte_pktmbuf_alloc(pool.get()) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_pool_leaves_nothing_behind) {
  for (int round = 0; round < 100; ++round) {
    BOOST_REQUIRE(make_buffer_pool("pool_test_again", kSizes) != nullptr);
  }
  BOOST_TEST(rte_memzone_lookup("pool_test_again_zone") == nullptr);
}

BOOST_AUTO_TEST_CASE(too_many_are_refused) {
  BOOST_TEST(make_buffer_pool("pool_test_many", {100'000'000, 0, 2432}) == nullptr);
  BOOST_TEST(rte_errno != 0);
  BOOST_TEST(make_buffer_pool("pool_test_many", kSizes) != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
