// The line of an SA: every field in its place, and those that say nothing left out.
#include "cli/sa_printer.h"

#include <boost/test/unit_test.hpp>

#include "rows.h"

namespace spigrp {
namespace {

BOOST_AUTO_TEST_CASE(a_new_esp_sa_has_a_line_without_errors_and_idle_time) {
  SaRow row = sa_row("esp.115@192.0.2.2");
  row.replay_window = 64;
  row.icv_bits = 128;
  row.encryption_key_bits = 160;
  BOOST_TEST(sa_line(row) ==
             "esp.115@192.0.2.2 ESP_AES128GCM16: dir=out src=192.0.2.1 ooowin=64 seq=0 bit=0x0 alen=128 aklen=0 "
             "eklen=160 life(c,s,h)=bytes(0,0,0)addtime(0,0,0)usetime(0,0,0)packets(0,0,0)");
}

BOOST_AUTO_TEST_CASE(an_sa_that_was_used_and_erred_says_how_often) {
  SaRow row = sa_row("ah:abcdef01@2001:db8::2");
  row.algorithm = "AH_HMAC_SHA1";
  row.direction = "in";
  row.replay_window = 4096;
  row.sequence = UINT32_MAX;
  row.window_bits = UINT64_MAX;
  row.icv_bits = 96;
  row.authentication_key_bits = 160;
  row.packets = 12;
  row.bytes = 3456;
  row.authentication_failures = 1;
  row.replays = 2;
  row.outside_window = 3;
  row.malformed = 4;
  row.exhausted = 5;
  row.age_s = 100;
  row.used_s = 50;
  row.idle_s = 0;
  BOOST_TEST(sa_line(row) ==
             "ah:abcdef01@2001:db8::2 AH_HMAC_SHA1: dir=in src=2001:db8::1 ooowin=4096 seq=4294967295 "
             "bit=0xffffffffffffffff alen=96 aklen=160 eklen=0 auth_errs=1 replay_errs=2 ooo_errs=3 malformed_errs=4 "
             "exhausted_errs=5 life(c,s,h)=bytes(3456,0,0)addtime(100,0,0)usetime(50,0,0)packets(12,0,0) idle=0");
}

BOOST_AUTO_TEST_CASE(of_a_lifetime_all_is_shown_that_was_ever_used_of_it) {
  SaRow row = sa_row("tun.113@192.0.2.2");
  row.packets = 3;  // since the daemon began
  row.lifetime_packets = 12;
  row.lifetime_bytes = 340;
  row.lifetime = parse_lifetime("hard-packets=20").value();
  BOOST_TEST(sa_line(row).find("=bytes(340,0,0)addtime(0,0,0)usetime(0,0,0)packets(12,0,20)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tunnel_shows_the_choices_that_are_not_the_usual_ones) {
  SaRow row = sa_row("tun.113@192.0.2.2");
  row.algorithm = "X";
  const std::string start = "tun.113@192.0.2.2 X: dir=out src=192.0.2.1 ", end = sa_line(row).substr(start.size());
  row.outer = {{46}, EcnChoice::kOff, DfChoice::kSet, {}, Fragmentation::kBefore};
  BOOST_TEST(sa_line(row) == start + "dscp=46 ecn=off df=set ttl=copy fragment=before " + end);
  row.outer = {.df = DfChoice::kClear, .ttl = {1}};
  BOOST_TEST(sa_line(row) == start + "df=clear ttl=1 " + end);
}

BOOST_AUTO_TEST_CASE(an_sa_in_udp_shows_its_ports_and_where_its_peer_has_gone) {
  SaRow row = sa_row("esp.115@192.0.2.2");
  const std::string bare = sa_line(row);
  row.udp_encapsulation = {4500, 40001};
  BOOST_TEST(sa_line(row) == bare + " natencap=nonesp sport=4500 dport=40001");
  row.peer_port = 40007;
  BOOST_TEST(sa_line(row) == bare + " natencap=nonesp sport=4500 dport=40001 peer_port=40007");
}

BOOST_AUTO_TEST_CASE(tunnels_and_compression_have_no_window) {
  for (const std::string id : {"tun.113@192.0.2.2", "comp.114@192.0.2.2"}) {
    SaRow row = sa_row(id.c_str());
    row.algorithm = "X";
    row.replay_window = 64;
    row.idle_s = 7;
    BOOST_TEST(sa_line(row) == id +
                                   " X: dir=out src=192.0.2.1 life(c,s,h)=bytes(0,0,0)addtime(0,0,0)usetime(0,0,0)"
                                   "packets(0,0,0) idle=7" +
                                   (id.starts_with("comp") ? " ratio=0:0" : ""));
  }
}

BOOST_AUTO_TEST_CASE(compression_says_what_it_is_worth) {
  SaRow row = sa_row("comp.114@192.0.2.2");
  row.algorithm = "COMP_DEFLATE";
  row.packets = 2;
  row.bytes = 3000;
  row.compressed_bytes = 1234;
  BOOST_TEST(sa_line(row) ==
             "comp.114@192.0.2.2 COMP_DEFLATE: dir=out src=192.0.2.1 life(c,s,h)=bytes(3000,0,0)addtime(0,0,0)"
             "usetime(0,0,0)packets(2,0,0) ratio=3000:1234");
}

}  // namespace
}  // namespace spigrp
