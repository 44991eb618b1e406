// See options.h. Each table of the file has a function here that lists its keys with their ranges; ports have a file of
// their own. What depends on the machine (is there such a device, such a core) is found where it is used.
#include "config/options.h"

#include <algorithm>
#include <array>
#include <bit>

#include "config/log_topic.h"
#include "config/port_options.h"
#include "config/toml_reader.h"

namespace spigrp {
namespace {

constexpr Range kWorkers = {1, 64};
constexpr Range kCores = {0, 1023};  // as many as a Linux cpu_set_t has
constexpr Range kMegabytes = {64, 1u << 20};
constexpr Range kPacketBuffers = {1024, 1u << 24};
// DPDK's headroom of 128 bytes and the 2048 that drivers take for granted, which a frame of 1518 bytes fits in with the
// headers of several tunnels; up to what an mbuf's 16 bits hold. Larger packets are received and sent in chains of
// buffers, by devices that can; one that cannot wants buffers of its MTU and 146 bytes (headroom, Ethernet, VLAN).
constexpr Range kBufferBytes = {2048 + 128, 65535};
constexpr Range kTableEntries = {8, 1u << 24};
constexpr uint32_t kFewestFlows = 1u << 14, kMostFlows = 1u << 20;  // remembered where the file does not say how many
constexpr Range kClients = {1, 4096};
constexpr Range kMessageBytes = {4096, 1u << 30};
constexpr Range kSeconds = {1, 86400};

// Of a packet buffer: struct rte_mbuf and its mempool's header.
constexpr uint64_t kBufferOverheadBytes = 128 + 64;

// DPDK makes a Unix socket of 108 bytes out of it: /var/run/dpdk/PREFIX/mp_socket_PID_TIME.
constexpr size_t kLongestFilePrefix = 48;
constexpr size_t kLongestSocketPath = 107;  // sun_path, unix(7), and its end

constexpr std::array<std::string_view, 5> kLogLevels = {"trace", "debug", "info", "warn", "error"};

Expected<void> check_idle(const std::string& word) {
  if (word == "poll" || word == "sleep") return {};
  return failure(as_typed(word), "is neither poll nor sleep");
}

Expected<void> check_file_prefix(const std::string& prefix) {
  const bool safe = !prefix.empty() && prefix.size() <= kLongestFilePrefix && prefix[0] != '.' && prefix[0] != '-' &&
                    std::all_of(prefix.begin(), prefix.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                             c == '_' || c == '-';
                    });
  if (safe) return {};
  return failure(as_typed(prefix), "is no name of a folder that is safe everywhere",
                 "use 1 to " + std::to_string(kLongestFilePrefix) + " letters, digits, '.', '_', '-', a letter first");
}

Expected<void> check_not_empty(const std::string& text) {
  if (text.empty()) return failure({}, "is empty");
  return {};
}

Expected<void> check_socket_path(const std::string& path) {
  if (!path.starts_with('/')) return failure(as_typed(path), "is no absolute path", "begin it with /");
  if (path.ends_with('/')) return failure(as_typed(path), "is a folder", "name the socket in it");
  if (path.size() <= kLongestSocketPath) return {};
  return failure({},
                 "is longer than " + std::to_string(kLongestSocketPath) + " bytes, the most that a socket can have");
}

Expected<void> check_log_level(const std::string& level) {
  if (std::find(kLogLevels.begin(), kLogLevels.end(), level) != kLogLevels.end()) return {};
  return failure(as_typed(level), "no such log level", "it is one of trace, debug, info, warn, error");
}

void read_workers(TomlReader& reader, WorkerOptions& workers) {
  reader.whole("count", workers.count, kWorkers);
  reader.whole_list("cores", workers.cores, kCores);
  for (size_t i = 0; i < workers.cores.size(); ++i) {
    const auto first = workers.cores.begin(), here = first + static_cast<std::ptrdiff_t>(i);
    if (std::find(first, here, *here) == here) continue;
    reader.refuse("cores", i, "core " + std::to_string(*here) + " is there twice", "give each worker its own");
    break;
  }
  if (!workers.cores.empty() && workers.cores.size() != workers.count) {
    reader.refuse("cores",
                  std::to_string(workers.cores.size()) + " cores for a count of " + std::to_string(workers.count) +
                      (workers.count == 1 ? " worker" : " workers"),
                  "name one for each worker, or leave cores out");
  }
  std::string idle = workers.idle == IdlePolicy::kPoll ? "poll" : "sleep";
  reader.text("idle", idle, check_idle);
  workers.idle = idle == "poll" ? IdlePolicy::kPoll : IdlePolicy::kSleep;
}

void read_memory(TomlReader& reader, MemoryOptions& memory) {
  reader.flag("huge_pages", memory.huge_pages);
  reader.whole("megabytes", memory.megabytes, kMegabytes);
  reader.whole("packet_buffers", memory.packet_buffers, kPacketBuffers);
  reader.whole("buffer_bytes", memory.buffer_bytes, kBufferBytes);
  reader.flag("secondary_processes", memory.secondary_processes);
  reader.text("file_prefix", memory.file_prefix, check_file_prefix);
  reader.text_list("eal_arguments", memory.eal_arguments, check_not_empty);
  if (memory.secondary_processes && !memory.huge_pages) {
    reader.refuse("secondary_processes", "other processes can share huge pages only", "set huge_pages = true too");
  }
  const uint64_t bytes = uint64_t{memory.packet_buffers} * (memory.buffer_bytes + kBufferOverheadBytes);
  if (bytes > uint64_t{memory.megabytes} << 20) {
    reader.refuse("packet_buffers",
                  std::to_string(memory.packet_buffers) + " buffers of " + std::to_string(memory.buffer_bytes) +
                      " bytes do not fit into " + std::to_string(memory.megabytes) + " megabytes",
                  "raise megabytes above " + std::to_string(bytes >> 20) + ", or lower packet_buffers");
  }
}

void read_tables(TomlReader& reader, TableOptions& tables) {
  reader.whole("sas", tables.sas, kTableEntries);
  reader.whole("eroutes", tables.eroutes, kTableEntries);
  reader.whole("neighbours", tables.neighbours, kTableEntries);
  reader.whole("routes", tables.routes, kTableEntries);
  reader.power_of_two("flow_cache_entries", tables.flow_cache_entries, kTableEntries);
}

void read_socket(TomlReader& reader, SocketOptions& socket) {
  std::string path = socket.path.string();
  reader.text("path", path, check_socket_path);
  socket.path = path;
  if (reader.has("path")) reader.file().remember("socket " + path, reader.line_of("path"));
  reader.mode("mode", socket.mode);
  reader.whole("max_clients", socket.max_clients, kClients);
  reader.whole("max_message_bytes", socket.max_message_bytes, kMessageBytes);
  reader.whole("idle_seconds", socket.idle_seconds, kSeconds);
  reader.whole("partial_seconds", socket.partial_seconds, kSeconds);
}

Expected<void> check_state_directory(const std::string& path) {
  if (path.starts_with('/')) return {};
  return failure(as_typed(path), "is no absolute path", "begin it with /");
}

void read_state(TomlReader& reader, StateOptions& state) {
  std::string directory;
  reader.text("state", directory, check_state_directory);
  state.directory = directory;
  if (reader.has("state")) reader.file().remember("state " + directory, reader.line_of("state"));
  reader.flag("durable", state.durable);
  if (state.durable && directory.empty()) {
    reader.refuse("durable", "there is no state that could be", "name its directory with state = \"…\"");
  }
}

void read_document(TomlReader& reader, Options& options) {
  read_ports(reader, options.ports);
  reader.table("workers", [&](TomlReader& table) { read_workers(table, options.workers); });
  reader.table("memory", [&](TomlReader& table) { read_memory(table, options.memory); });
  reader.table("tables", [&](TomlReader& table) { read_tables(table, options.tables); });
  reader.table("socket", [&](TomlReader& table) { read_socket(table, options.socket); });
  if (reader.has("read_socket")) {
    options.read_socket = SocketOptions{.path = "/run/spigrp/read.sock", .mode = 0660, .access = Access::kRead};
  }
  reader.table("read_socket", [&](TomlReader& table) {
    read_socket(table, *options.read_socket);
    if (options.read_socket->path == options.socket.path) {
      table.refuse("path", "is the control socket's too", "give each its own");
    }
  });
  read_state(reader, options.state);
  std::string startup_batch;
  reader.text("startup_batch", startup_batch, check_not_empty);
  if (!startup_batch.empty()) options.startup_batch = startup_batch;
  reader.text("log_level", options.log_level, check_log_level);
  reader.text_list("log_topics", options.log_topics,
                   [](const std::string& topic) { return validate_log_topic(topic); });
  reader.finish();
}

}  // namespace

uint32_t TableOptions::flow_cache_entries_meant() const noexcept {
  if (flow_cache_entries != 0) return flow_cache_entries;
  return std::bit_ceil(std::clamp(2 * std::min(eroutes, kMostFlows), kFewestFlows, kMostFlows));
}

Error Options::located(Error error) const {
  if (const auto line = lines.find(error.object); line != lines.end()) {
    error.object = file_name + ':' + std::to_string(line->second) + ": " + error.object;
  }
  return error;
}

Expected<Options> parse_options(std::string_view toml, std::string_view file_name) {
  if (toml.size() > kMaxOptionsBytes) {
    return failure(std::string(file_name), "is longer than " + std::to_string(kMaxOptionsBytes) + " bytes");
  }
  const auto document = parse_toml(toml, file_name);
  if (!document) return tl::unexpected(document.error());
  Options options;
  TomlFile file(file_name);
  TomlReader reader(file, *document, 0, {});
  read_document(reader, options);
  if (file.error()) return tl::unexpected(*file.error());
  options.file_name = file_name;
  options.lines = file.take_lines();
  return options;
}

Options embedded_options() {
  // net_null by itself receives as fast as it is asked.
  Options options;
  for (const auto& [name, device, address] :
       {std::array{"lan", "net_null0,no-rx=1", "198.51.100.1/24"}, {"wan", "net_null1,no-rx=1", "192.0.2.1/24"}}) {
    PortOptions port;
    port.name = name;
    port.device = device;
    if (const auto prefix = parse_ip_prefix(address, HostBits::kAllowed)) port.addresses.push_back(*prefix);
    options.ports.push_back(std::move(port));
  }
  return options;
}

}  // namespace spigrp
