// What tests of a daemon's parts have in common that need a state directory, or an engine with one port.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <boost/test/unit_test.hpp>

#include "config/options.h"

namespace spigrp::test {

// A sanitized build is so many times slower: what is to last for some turns of others is made smaller by it.
#ifdef __SANITIZE_ADDRESS__
inline constexpr unsigned kSlower = 8;
#else
inline constexpr unsigned kSlower = 1;
#endif

// Gone with its owner.
class StateFolder {
 public:
  StateFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "spigrp-state-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~StateFolder() { std::filesystem::remove_all(path_); }
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  StateOptions options() const {
    StateOptions options;
    options.directory = path_ / "kept";
    return options;
  }
  // The files as they are now, in the place of those that the other had.
  void copy_to(const StateFolder& other) const {
    std::filesystem::remove_all(other.path_ / "kept");
    std::filesystem::copy(path_ / "kept", other.path_ / "kept");
  }

 private:
  std::filesystem::path path_;
};

// A port that neither receives nor sends, and tables for some ten thousand objects. DPDK takes no device's name twice.
inline Options options_of_one_port() {
  static unsigned number = 0;
  PortOptions port;
  port.name = "wan";
  port.device = "net_null_one" + std::to_string(++number);
  port.addresses = {parse_ip_prefix("192.0.2.1/24", HostBits::kAllowed).value()};
  Options options;
  options.ports = {port};
  options.memory.packet_buffers = 4096;
  options.tables.sas = options.tables.eroutes = 65536;
  return options;
}

}  // namespace spigrp::test
