// Options is the daemon's configuration file (TOML) as a value: ports, workers, memory, tables, socket. Read and
// validated once, before anything starts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"
#include "config/ip_address.h"

namespace spigrp {

struct PortOptions {
  std::string name;                 // the name that commands use: "lan", "eth1"
  std::string device;               // a DPDK device: PCI address or vdev string "net_tap0,iface=tap0"
  uint16_t mtu_bytes = 1500;        // of the IP packet
  std::vector<IpPrefix> addresses;  // with host bits: "192.0.2.1/24"
  std::string mac;                  // empty: the device's own
  uint16_t rx_queue_packets = 512;
  uint16_t tx_queue_packets = 512;

  friend bool operator==(const PortOptions&, const PortOptions&) = default;
};

enum class IdlePolicy : uint8_t { kPoll, kSleep };

struct WorkerOptions {
  uint16_t count = 1;
  std::vector<uint16_t> cores;           // one a worker; empty: not pinned
  IdlePolicy idle = IdlePolicy::kSleep;  // what an idle worker does

  friend bool operator==(const WorkerOptions&, const WorkerOptions&) = default;
};

struct MemoryOptions {
  bool huge_pages = false;
  uint32_t megabytes = 256;  // what DPDK reserves
  uint32_t packet_buffers = 16384;
  uint16_t buffer_bytes = 2432;      // data room of a packet buffer, headroom of 128 included
  bool secondary_processes = false;  // lets dpdk-proc-info and dpdk-dumpcap attach; needs huge pages
  std::string file_prefix = "spigrp";
  std::vector<std::string> eal_arguments;  // passed on as they are

  friend bool operator==(const MemoryOptions&, const MemoryOptions&) = default;
};

struct TableOptions {
  uint32_t sas = 16384;
  uint32_t eroutes = 16384;
  uint32_t neighbours = 4096;
  uint32_t routes = 4096;
  uint32_t flow_cache_entries = 0;  // per worker, a power of two; 0: as many as suit the eroutes

  // What is meant: twice as many as there may be eroutes, within bounds.
  uint32_t flow_cache_entries_meant() const noexcept;

  friend bool operator==(const TableOptions&, const TableOptions&) = default;
};

enum class Access : uint8_t { kEdit, kRead };  // what clients may do; who reads is never shown a key

struct SocketOptions {
  std::filesystem::path path = "/run/spigrp/spigrpd.sock";
  uint32_t mode = 0600;
  uint32_t max_clients = 64;
  uint32_t max_message_bytes = 16u << 20;
  uint32_t idle_seconds = 300;    // a silent client is closed after this
  uint32_t partial_seconds = 10;  // so is one whose message does not get finished
  Access access = Access::kEdit;

  friend bool operator==(const SocketOptions&, const SocketOptions&) = default;
};

// Where the daemon keeps its state beyond its own life; without `directory`: nowhere.
struct StateOptions {
  std::filesystem::path directory;
  bool durable = false;  // an edit is on the disk before it is answered: it survives a power failure too

  friend bool operator==(const StateOptions&, const StateOptions&) = default;
};

struct Options {
  std::vector<PortOptions> ports;
  WorkerOptions workers;
  MemoryOptions memory;
  TableOptions tables;
  SocketOptions socket;
  std::optional<SocketOptions> read_socket;  // a second one, for clients that may not edit
  StateOptions state;
  std::optional<std::filesystem::path> startup_batch;  // commands run as one transaction before traffic
  std::string log_level = "info";
  std::vector<std::string> log_topics;

  // Where things stand in the file, by the names that errors have for them: "memory.megabytes", "port lan",
  // "socket /run/spigrp/spigrpd.sock". Empty where there is no file.
  std::string file_name;
  std::map<std::string, uint32_t, std::less<>> lines;

  // An error that shows up only when the options are put to use, with its place in the file where that is known.
  Error located(Error error) const;
};

inline constexpr size_t kMaxOptionsBytes = 1u << 20;  // of a configuration file

// Errors carry the file's name and line, and are the topmost in the file: unknown keys, wrong types, values out of
// range, ports named twice.
Expected<Options> parse_options(std::string_view toml, std::string_view file_name);
// A relative startup_batch is taken from the file's folder. Errors besides: the file cannot be read.
Expected<Options> load_options(const std::filesystem::path& file);

// What the daemon does without arguments: no huge pages, no NIC, two null ports that lead nowhere; the same as
// examples/embedded.toml.
Options embedded_options();

}  // namespace spigrp
