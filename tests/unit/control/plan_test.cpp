// `spigrpd --check`: devices that are not there are found, and the start-up batch is read.
#include "control/plan.h"

#include <cstdlib>
#include <fstream>
#include <string>

#include <boost/test/unit_test.hpp>
#include <unistd.h>

#include "control/startup_batch.h"

namespace spigrp {
namespace {

Options with_device(const std::string& device) {
  Options options = embedded_options();
  options.ports[0].device = device;
  return options;
}

struct File {
  explicit File(const std::string& text) {
    const int descriptor = mkstemp(name);
    BOOST_REQUIRE(descriptor >= 0);
    close(descriptor);
    std::ofstream(name) << text;
  }
  ~File() { unlink(name); }
  char name[32] = "/tmp/spigrp-plan-XXXXXX";
};

BOOST_AUTO_TEST_CASE(the_embedded_default_can_run) {
  const auto text = plan_text(embedded_options());
  BOOST_REQUIRE(text.has_value());
  BOOST_TEST(text->find("port lan: ") == 0u);
  BOOST_TEST(text->find("without huge pages") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_device_that_is_not_there_is_named) {
  for (const char* device : {"0000:ff:1f.6", "ff:1f.6", "net_af_packet0,iface=nosuch0", "net_pcap0,rx_iface=nosuch0",
                             "net_pcap0,rx_pcap=/nonexistent.pcap,tx_pcap=/tmp/out.pcap"}) {
    const auto text = plan_text(with_device(device));
    BOOST_REQUIRE_MESSAGE(!text.has_value(), device);
    BOOST_TEST(text.error().text().find(device) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_device_that_is_made_need_not_be_there) {
  for (const char* device : {"net_tap0,iface=nosuch0", "net_null0", "net_memif0,role=server,id=0"}) {
    BOOST_TEST(plan_text(with_device(device)).has_value(), device);
  }
}

BOOST_AUTO_TEST_CASE(the_startup_batch_is_read_and_counted) {
  const File file("tncfg --create ipsec0\n# a comment\ntncfg --attach --virtual ipsec0 --physical wan\n");
  Options options = embedded_options();
  options.startup_batch = file.name;
  const auto text = plan_text(options);
  BOOST_REQUIRE(text.has_value());
  BOOST_TEST(text->find("2 commands of " + std::string(file.name)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_wrong_line_of_the_startup_batch_is_named) {
  const File file("tncfg --create ipsec0\ntncfg --nonsense\n");
  const auto batch = read_startup_batch(file.name);
  BOOST_REQUIRE(!batch.has_value());
  BOOST_TEST(batch.error().text().find(std::string(file.name) + ":2") == 0u);
}

BOOST_AUTO_TEST_CASE(names_are_not_looked_up_in_the_startup_batch) {
  const File file("spigrp inet localhost 0x113 tun\n");
  BOOST_TEST(!read_startup_batch(file.name).has_value());
}

BOOST_AUTO_TEST_CASE(a_startup_batch_that_is_not_there_is_said_to_be) {
  BOOST_TEST(!read_startup_batch("/nonexistent/batch").has_value());
  BOOST_TEST(!read_startup_batch("/tmp").has_value());
}

}  // namespace
}  // namespace spigrp
