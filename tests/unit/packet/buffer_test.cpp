// make_writable: the packet that comes back has its bytes, its room, and no other holder; the other holder's bytes
// stay.
#include "packet/buffer.h"

#include <boost/test/unit_test.hpp>

#include "support/packets.h"

namespace spigrp {
using namespace test;

BOOST_FIXTURE_TEST_SUITE(buffer, BuffersAreGivenBack)

const Bytes kBytes = counted_bytes(1000);

void check_writable(const rte_mbuf* packet, const Bytes& bytes, uint16_t head_bytes, uint16_t tail_bytes) {
  BOOST_REQUIRE(packet != nullptr);
  BOOST_TEST(bytes_of(packet) == bytes);
  BOOST_TEST(packet->nb_segs == 1);
  BOOST_TEST(packet->next == nullptr);
  BOOST_TEST(rte_pktmbuf_pkt_len(packet) == bytes.size());
  BOOST_TEST(rte_mbuf_refcnt_read(packet) == 1);
  BOOST_TEST(RTE_MBUF_DIRECT(packet));
  BOOST_TEST(rte_pktmbuf_headroom(packet) >= head_bytes);
  BOOST_TEST(rte_pktmbuf_tailroom(packet) >= tail_bytes);
}

void scribble(rte_mbuf* packet) {
  std::memset(rte_pktmbuf_prepend(packet, rte_pktmbuf_headroom(packet)), 0xee, rte_pktmbuf_data_len(packet));
  const uint16_t tail = rte_pktmbuf_tailroom(packet);
  std::memset(rte_pktmbuf_append(packet, tail), 0xee, tail);
  std::memset(packet->buf_addr, 0xee, packet->buf_len);
}

BOOST_AUTO_TEST_CASE(a_packet_with_room_comes_back_untouched) {
  rte_mbuf* packet = packet_from(kBytes);
  const uint16_t offset = packet->data_off;
  BOOST_TEST(make_writable(packet, 0, 0, packet_pool()) == packet);
  BOOST_TEST(make_writable(packet, kHeadroomBytes, 100, packet_pool()) == packet);
  BOOST_TEST(packet->data_off == offset);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(data_is_shifted_where_head_or_tail_is_short) {  // HAZARDS 12
  const uint16_t free_bytes = static_cast<uint16_t>(kBufferBytes - kBytes.size());
  const std::pair<uint16_t, uint16_t> rooms[] = {{kHeadroomBytes + 1, 0},
                                                 {2000, 100},
                                                 {0, free_bytes},
                                                 {free_bytes, 0},
                                                 {1, static_cast<uint16_t>(free_bytes - 1)},
                                                 {static_cast<uint16_t>(free_bytes - 1), 1}};
  for (const auto& [head, tail] : rooms) {
    rte_mbuf* packet = packet_from(kBytes);
    BOOST_TEST(make_writable(packet, head, tail, packet_pool()) == packet);
    check_writable(packet, kBytes, head, tail);
    rte_pktmbuf_free(packet);
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_fit_is_refused_and_left_as_it_was) {
  const uint16_t free_bytes = static_cast<uint16_t>(kBufferBytes - kBytes.size());
  rte_mbuf* packet = packet_from(kBytes);
  BOOST_TEST(make_writable(packet, static_cast<uint16_t>(free_bytes + 1), 0, packet_pool()) == nullptr);
  BOOST_TEST(make_writable(packet, 0, static_cast<uint16_t>(free_bytes + 1), packet_pool()) == nullptr);
  BOOST_TEST(make_writable(packet, 65535, 65535, packet_pool()) == nullptr);
  BOOST_TEST(bytes_of(packet) == kBytes);
  BOOST_TEST(packet->data_off == kHeadroomBytes);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(a_chain_is_made_one_piece) {  // HAZARDS 12, 22
  for (size_t other_bytes : {1u, 7u, 333u, 999u}) {
    rte_mbuf* packet = make_writable(chained_packet_from(kBytes, 1, other_bytes), 200, 50, packet_pool());
    check_writable(packet, kBytes, 200, 50);
    rte_pktmbuf_free(packet);
  }
}

BOOST_AUTO_TEST_CASE(a_chain_that_does_not_fit_one_buffer_is_refused) {
  const Bytes jumbo = counted_bytes(9000);
  rte_mbuf* packet = chained_packet_from(jumbo, 2000, 2000);
  BOOST_TEST(make_writable(packet, 0, 0, packet_pool()) == nullptr);
  BOOST_TEST(bytes_of(packet) == jumbo);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(a_buffer_that_someone_else_refers_to_is_copied) {  // HAZARDS 12
  rte_mbuf* packet = packet_from(kBytes);
  packet->port = 7;
  rte_mbuf_refcnt_update(packet, 1);  // someone else's
  rte_mbuf* ours = make_writable(packet, 0, 0, packet_pool());
  BOOST_TEST(ours != packet);
  check_writable(ours, kBytes, 0, 0);
  BOOST_TEST(ours->port == 7);
  BOOST_TEST(rte_mbuf_refcnt_read(packet) == 1);
  scribble(ours);
  BOOST_TEST(bytes_of(packet) == kBytes);
  rte_pktmbuf_free(ours);
  rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(a_clone_and_its_origin_are_both_copied) {  // HAZARDS 12
  rte_mbuf* origin = packet_from(kBytes);
  rte_mbuf* clone = rte_pktmbuf_clone(origin, packet_pool());
  BOOST_REQUIRE(clone != nullptr);
  rte_mbuf* ours = make_writable(clone, 10, 10, packet_pool());  // indirect
  BOOST_TEST(ours != clone);
  check_writable(ours, kBytes, 10, 10);
  scribble(ours);
  BOOST_TEST(bytes_of(origin) == kBytes);
  clone = rte_pktmbuf_clone(origin, packet_pool());
  rte_mbuf* other = make_writable(origin, 10, 10, packet_pool());  // direct, but the clone reads it
  BOOST_TEST(other != origin);
  scribble(other);
  BOOST_TEST(bytes_of(clone) == kBytes);
  for (rte_mbuf* packet : {ours, other, clone}) rte_pktmbuf_free(packet);
}

BOOST_AUTO_TEST_CASE(an_external_buffer_is_copied) {  // HAZARDS 12
  static uint8_t memory[2048];
  std::copy(kBytes.begin(), kBytes.end(), memory + 128);
  static unsigned freed = 0;
  uint16_t usable = sizeof(memory);
  rte_mbuf_ext_shared_info* shared = rte_pktmbuf_ext_shinfo_init_helper(
      memory, &usable, [](void*, void*) { ++freed; }, nullptr);
  rte_mbuf* packet = rte_pktmbuf_alloc(packet_pool());
  rte_pktmbuf_attach_extbuf(packet, memory, RTE_BAD_IOVA, usable, shared);
  packet->data_off = 128;
  rte_pktmbuf_append(packet, static_cast<uint16_t>(kBytes.size()));
  rte_mbuf* ours = make_writable(packet, 0, 0, packet_pool());
  check_writable(ours, kBytes, 0, 0);
  scribble(ours);
  BOOST_TEST(std::equal(kBytes.begin(), kBytes.end(), memory + 128));
  BOOST_TEST(freed == 1u);
  rte_pktmbuf_free(ours);
}

BOOST_AUTO_TEST_CASE(an_empty_pool_leaves_the_packet_to_the_caller) {
  rte_mempool* tiny = rte_pktmbuf_pool_create("tiny", 3, 0, 0, kBufferBytes, 0);
  rte_mbuf* taken[3];
  BOOST_REQUIRE(rte_pktmbuf_alloc_bulk(tiny, taken, 3) == 0);
  rte_mbuf* packet = chained_packet_from(kBytes, 10, 500);
  BOOST_TEST(make_writable(packet, 0, 0, tiny) == nullptr);
  BOOST_TEST(bytes_of(packet) == kBytes);
  rte_pktmbuf_free(packet);
  rte_pktmbuf_free_bulk(taken, 3);
  rte_mempool_free(tiny);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
