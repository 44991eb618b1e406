// The configuration file: what each key takes, and that whatever is wrong is one sentence with the file and the line.
#include "config/options.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "options_text.h"

namespace spigrp {

using test::all_refused;
using test::decimal;
using test::error_text;
using test::holds;
using test::kPort;
using test::parse;
using test::with;

BOOST_AUTO_TEST_SUITE(options)

BOOST_AUTO_TEST_CASE(a_port_is_enough_and_the_rest_has_defaults) {
  const auto options = with("");
  BOOST_REQUIRE_MESSAGE(options.has_value(), error_text(options));
  BOOST_TEST(options->ports.size() == 1u);
  BOOST_TEST((options->ports[0] == PortOptions{.name = "lan", .device = "net_null0"}));
  BOOST_TEST((options->workers == WorkerOptions{}));
  BOOST_TEST((options->memory == MemoryOptions{}));
  BOOST_TEST((options->tables == TableOptions{}));
  BOOST_TEST((options->socket == SocketOptions{}));
  BOOST_TEST(!options->startup_batch.has_value());
  BOOST_TEST((options->log_level == "info" && options->log_topics.empty()));
}

BOOST_AUTO_TEST_CASE(every_key_lands_where_its_name_says) {
  const auto options = parse(R"(
startup_batch = "/etc/spigrp.batch"
log_level = "debug"
log_topics = ["esp", "tunnel-xmit"]
[[ports]]
name = "wan"
device = "0000:03:00.1,arg=1"
mtu_bytes = 9000
addresses = ["192.0.2.1/24", "2001:db8::1/64"]
mac = "02:00:00:00:00:AA"
rx_queue_packets = 64
tx_queue_packets = 4096
[workers]
count = 2
cores = [3, 5]
idle = "poll"
[memory]
huge_pages = true
megabytes = 512
packet_buffers = 2048
buffer_bytes = 9600
secondary_processes = true
file_prefix = "gw-1.a_b"
eal_arguments = ["--iova-mode=va", "--legacy-mem"]
[tables]
sas = 8
eroutes = 16777216
neighbours = 9
routes = 10
flow_cache_entries = 8
[socket]
path = "/run/other.sock"
mode = 0o660
max_clients = 4096
max_message_bytes = 1073741824
idle_seconds = 86400
partial_seconds = 1
)");
  BOOST_REQUIRE_MESSAGE(options.has_value(), error_text(options));
  const PortOptions port{.name = "wan",
                         .device = "0000:03:00.1,arg=1",
                         .mtu_bytes = 9000,
                         .addresses = {parse_ip_prefix("192.0.2.1/24", HostBits::kAllowed).value(),
                                       parse_ip_prefix("2001:db8::1/64", HostBits::kAllowed).value()},
                         .mac = "02:00:00:00:00:AA",
                         .rx_queue_packets = 64,
                         .tx_queue_packets = 4096};
  BOOST_REQUIRE(options->ports.size() == 1u);
  BOOST_TEST((options->ports[0] == port));
  BOOST_TEST((options->workers == WorkerOptions{.count = 2, .cores = {3, 5}, .idle = IdlePolicy::kPoll}));
  BOOST_TEST((options->memory == MemoryOptions{.huge_pages = true,
                                               .megabytes = 512,
                                               .packet_buffers = 2048,
                                               .buffer_bytes = 9600,
                                               .secondary_processes = true,
                                               .file_prefix = "gw-1.a_b",
                                               .eal_arguments = {"--iova-mode=va", "--legacy-mem"}}));
  BOOST_TEST((options->tables == TableOptions{8, 16777216, 9, 10, 8}));
  BOOST_TEST((options->socket == SocketOptions{"/run/other.sock", 0660, 4096, 1u << 30, 86400, 1}));
  BOOST_TEST((options->startup_batch == "/etc/spigrp.batch"));
  BOOST_TEST((options->log_level == "debug" && options->log_topics.size() == 2));
}

BOOST_AUTO_TEST_CASE(the_forms_that_toml_has_for_one_thing_are_all_read) {
  const auto options = parse(
      "workers.count = 2\nports = [{name = 'lan', device = 'net_null0'}, {name = \"wan\", device = "
      "\"net_null1\"}]\nsocket = { mode = 0o640 }\ntables.\"sas\" = 0x10\r\n# a comment\n");
  BOOST_REQUIRE_MESSAGE(options.has_value(), error_text(options));
  BOOST_TEST((options->ports.size() == 2 && options->workers.count == 2));
  BOOST_TEST((options->socket.mode == 0640 && options->tables.sas == 16));
}

// Ends of every range: the last value inside is taken, the first outside is refused in its line.
BOOST_AUTO_TEST_CASE(numbers_are_taken_up_to_their_limits_and_no_further) {
  const struct {
    std::string_view before, key;
    uint64_t lowest, highest;
  } cases[] = {
      {"", "mtu_bytes", 68, 9600},
      {"[workers]\n", "count", 1, 64},
      {"[memory]\nmegabytes = 1048576\n", "packet_buffers", 1024, 16777216},
      {"[memory]\npacket_buffers = 1024\n", "megabytes", 64, 1048576},
      {"[memory]\nmegabytes = 2048\n", "buffer_bytes", 2176, 65535},
      {"[tables]\n", "sas", 8, 16777216},
      {"[tables]\n", "eroutes", 8, 16777216},
      {"[tables]\n", "neighbours", 8, 16777216},
      {"[tables]\n", "routes", 8, 16777216},
      {"[socket]\n", "max_clients", 1, 4096},
      {"[socket]\n", "max_message_bytes", 4096, 1u << 30},
      {"[socket]\n", "idle_seconds", 1, 86400},
      {"[socket]\n", "partial_seconds", 1, 86400},
  };
  for (const auto& [before, key, lowest, highest] : cases) {
    const std::string assign = std::string(before) + std::string(key) + " = ";
    for (const uint64_t good : {lowest, lowest + 1, highest}) {
      BOOST_TEST(error_text(with(assign + decimal(good))) == "");
    }
    const std::string range =
        std::string(key) + ": must be a whole number from " + decimal(lowest) + " to " + decimal(highest);
    for (const std::string& bad :
         {decimal(lowest - 1), decimal(highest + 1), std::string("-1"), std::string("1.5"), '"' + decimal(lowest) + '"',
          std::string("true"), std::string("[1]"), std::string("2020-01-01"), std::string("9223372036854775807")}) {
      BOOST_TEST(holds(error_text(with(assign + bad)), range), error_text(with(assign + bad)));
    }
    const size_t line = 4 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    BOOST_TEST(error_text(with(assign + "-1")).find("f:" + decimal(line) + ": ") == 0u);
  }
}

BOOST_AUTO_TEST_CASE(queues_and_the_flow_cache_are_powers_of_two) {
  for (const std::string_view key : {"rx_queue_packets", "tx_queue_packets"}) {
    for (unsigned packets = 0; packets <= 8192; packets = packets < 70 ? packets + 1 : packets * 2) {
      const bool good = packets >= 64 && packets <= 4096 && (packets & (packets - 1)) == 0;
      BOOST_TEST(with(std::string(key) + " = " + decimal(packets)).has_value() == good, key << " = " << packets);
    }
  }
  all_refused({{"rx_queue_packets = 100", "f:4: ports.rx_queue_packets: must be a power of two from 64 to 4096"},
               {"tx_queue_packets = 8192", "f:4: ports.tx_queue_packets: must be a power of two from 64 to 4096"},
               {"[tables]\nflow_cache_entries = 4", "f:5: tables.flow_cache_entries: must be a power of two from 8 to"},
               {"[tables]\nflow_cache_entries = 1000", "f:5: tables.flow_cache_entries: must be a power of two"},
               {"[tables]\nflow_cache_entries = 33554432", "f:5: tables.flow_cache_entries: must be a power of two"}});
  BOOST_TEST(with("[tables]\nflow_cache_entries = 16777216").has_value());
}

BOOST_AUTO_TEST_CASE(unknown_keys_and_tables_are_refused_and_the_known_ones_are_listed) {
  all_refused(
      {{"colour = 1",
        "f:4: ports.colour: no such key; the keys of ports are name, device, mtu_bytes, addresses, "
        "mac, rx_queue_packets, tx_queue_packets"},
       {"[worker]\ncount = 1",
        "f:4: worker: no such key; the keys outside of tables are ports, workers, memory, "
        "tables, socket, read_socket, state, durable, startup_batch, log_level, log_topics"},
       {"[workers]\nCount = 1", "f:5: workers.Count: no such key; the keys of workers are count, cores, idle"},
       {"[memory]\nmegabites = 1", "f:5: memory.megabites: no such key; the keys of memory are huge_pages, "},
       {"[tables]\nsa = 1", "f:5: tables.sa: no such key; the keys of tables are sas, eroutes, neighbours, "},
       {"[socket]\nuser = 1", "f:5: socket.user: no such key; the keys of socket are path, mode, max_clients, "},
       {"[socket.more]\nx = 1", "f:4: socket.more: no such key"},
       {"\"new\\nline\" = 1", "f:4: ports.new?line: no such key"}});
}

BOOST_AUTO_TEST_CASE(other_types_are_refused) {
  all_refused(
      {{"[[workers]]\ncount = 1", "f:4: workers: must be a table; begin it with [workers]"},
       {"addresses = \"192.0.2.1/24\"", "f:4: ports.addresses: must be an array of strings"},
       {"addresses = [\n\"192.0.2.1/24\",\n7]", "f:6: ports.addresses: must be a string; put it in double quotes"},
       {"mac = 2", "f:4: ports.mac: must be a string"},
       {"[workers]\ncores = 1", "f:5: workers.cores: must be an array of whole numbers"},
       {"[workers]\ncores = [\"1\"]", "f:5: workers.cores: must be whole numbers from 0 to 1023"},
       {"[workers]\nidle = true", "f:5: workers.idle: must be a string"},
       {"[memory]\nhuge_pages = 1", "f:5: memory.huge_pages: must be true or false"},
       {"[memory]\nsecondary_processes = \"no\"", "f:5: memory.secondary_processes: must be true or false"},
       {"[memory]\neal_arguments = \"-v\"", "f:5: memory.eal_arguments: must be an array of strings"}});
  BOOST_TEST(holds(error_text(parse("ports = 1")), "f:1: ports: must be tables; begin each with [[ports]]"));
  BOOST_TEST(
      holds(error_text(parse("[ports]\nname = 'lan'")), "f:1: ports: must be tables; begin each with [[ports]]"));
  BOOST_TEST(holds(error_text(parse("ports = [1]")), "f:1: ports: must be a table"));
  BOOST_TEST(holds(error_text(parse("memory = 1\n" + std::string(kPort))), "f:1: memory: must be a table"));
}

BOOST_AUTO_TEST_CASE(what_is_no_toml_is_refused_with_its_line) {
  all_refused({{"[workers", "f:4"},
               {"mtu_bytes 1500", "f:4"},
               {"mtu_bytes = 1500\nmtu_bytes = 1500", "f:5"},
               {"mac = \"02:00", "f:4"},
               {"mtu_bytes = 08", "f:4"},
               {"mac = \"\xff\"", "f:4"},
               {"[workers]\n[workers]", "f:5"}});
  for (const std::string_view text : {"[workers", "mac = \"02:00", "mtu_bytes = 08"}) {
    BOOST_TEST(holds(error_text(with(text)), "syntax error"), error_text(with(text)));
  }
}

BOOST_AUTO_TEST_CASE(of_several_mistakes_the_topmost_is_told) {
  BOOST_TEST(error_text(with("[memory]\nmegabytes = 1\n[workers]\ncount = 0")).find("f:5: memory.megabytes") == 0u);
  BOOST_TEST(error_text(with("[workers]\ncount = 0\n[memory]\nmegabytes = 1")).find("f:5: workers.count") == 0u);
  BOOST_TEST(error_text(parse("colour = 1\n[[ports]]\n")).find("f:1: colour") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(other_options)

BOOST_AUTO_TEST_CASE(workers_have_a_core_each_or_none) {
  BOOST_TEST((with("[workers]\ncount = 2\ncores = [0, 1023]")->workers.cores == std::vector<uint16_t>{0, 1023}));
  BOOST_TEST(with("[workers]\ncount = 2\ncores = []")->workers.cores.empty());
  all_refused(
      {{"[workers]\ncount = 2\ncores = [1]", "f:6: workers.cores: 1 cores for a count of 2 workers; name one for"},
       {"[workers]\ncores = [1, 2]", "f:5: workers.cores: 2 cores for a count of 1 worker"},
       {"[workers]\ncount = 3\ncores = [1, 2,\n1]", "f:7: workers.cores: core 1 is there twice"},
       {"[workers]\ncores = [1024]", "f:5: workers.cores: must be whole numbers from 0 to 1023"},
       {"[workers]\ncores = [-1]", "f:5: workers.cores: must be whole numbers from 0 to 1023"},
       {"[workers]\nidle = \"nap\"", "f:5: workers.idle: nap: is neither poll nor sleep"}});
  BOOST_TEST((with("[workers]\nidle = \"poll\"")->workers.idle == IdlePolicy::kPoll));
  BOOST_TEST((with("[workers]\nidle = \"sleep\"")->workers.idle == IdlePolicy::kSleep));
}

BOOST_AUTO_TEST_CASE(memory_holds_its_packet_buffers) {
  // 64 MiB hold 25575 buffers of 2432 and 192 bytes.
  BOOST_TEST(error_text(with("[memory]\nmegabytes = 64\npacket_buffers = 25575")) == "");
  all_refused(
      {{"[memory]\nmegabytes = 64\npacket_buffers = 25576",
        "f:6: memory.packet_buffers: 25576 buffers of 2432 bytes do not fit into 64 megabytes"},
       {"[memory]\nbuffer_bytes = 65535", "f:4: memory.packet_buffers: 16384 buffers of 65535 bytes do not fit"},
       {"[memory]\nsecondary_processes = true",
        "f:5: memory.secondary_processes: other processes can share huge pages only; set huge_pages = true too"}});
  BOOST_TEST(error_text(with("[memory]\nsecondary_processes = true\nhuge_pages = true")) == "");
}

BOOST_AUTO_TEST_CASE(a_file_prefix_is_a_safe_name) {
  const auto prefixed = [](const std::string& prefix) { return with("[memory]\nfile_prefix = '" + prefix + "'"); };
  for (const std::string& prefix :
       {std::string("spigrp"), std::string("a"), std::string("gw-1.x_y"), std::string(48, 'p')}) {
    BOOST_TEST(error_text(prefixed(prefix)) == "");
  }
  for (const std::string& prefix :
       {std::string(), std::string("."), std::string(".."), std::string("a/b"), std::string("-p"), std::string("a b"),
        std::string("a,b"), std::string(49, 'p'), std::string("\xc3\xa4")}) {
    BOOST_TEST(error_text(prefixed(prefix)).find("f:5: memory.file_prefix: ") == 0u, prefix);
  }
}

BOOST_AUTO_TEST_CASE(a_socket_has_an_absolute_path_that_fits) {
  const auto at = [](const std::string& path) { return with("[socket]\npath = '" + path + "'"); };
  BOOST_TEST((at("/run/gw.sock")->socket.path == "/run/gw.sock"));
  BOOST_TEST(at('/' + std::string(106, 's')).has_value());
  BOOST_TEST(holds(error_text(at('/' + std::string(107, 's'))), "f:5: socket.path: is longer than 107 bytes"));
  for (const char* path : {"", "gw.sock", "./gw.sock", "/", "/run/"}) {
    BOOST_TEST(error_text(at(path)).find("f:5: socket.path: ") == 0u, path);
  }
}

BOOST_AUTO_TEST_CASE(a_sockets_mode_is_octal_and_lets_not_everybody_in) {
  for (const auto& [text, mode] :
       {std::pair{"0o600", 0600u}, {"0o660", 0660u}, {"0o700", 0700u}, {"0o0", 0u}, {"0o775", 0775u}}) {
    const auto options = with("[socket]\nmode = " + std::string(text));
    BOOST_REQUIRE_MESSAGE(options.has_value(), error_text(options));
    BOOST_TEST(options->socket.mode == mode);
  }
  for (const char* text :
       {"600", "384", "0x180", "0b110000000", "0o1600", "0o10000000000000", "-1", "\"0600\"", "\"rw\"", "6e2"}) {
    BOOST_TEST(holds(error_text(with("[socket]\nmode = " + std::string(text))),
                     "f:5: socket.mode: must be access rights in octal, up to 0o777; write 0o600"),
               text);
  }
  for (const char* text : {"0o666", "0o602", "0o777", "0o2"}) {
    BOOST_TEST(
        holds(error_text(with("[socket]\nmode = " + std::string(text))), "would let every user of this machine in"));
  }
}

BOOST_AUTO_TEST_CASE(log_levels_and_topics_are_words_that_there_are) {
  const auto top = [](const std::string& line) { return parse(line + '\n' + std::string(kPort)); };
  for (const char* level : {"trace", "debug", "info", "warn", "error"}) {
    BOOST_TEST(top("log_level = '" + std::string(level) + '\'')->log_level == level);
  }
  BOOST_TEST(error_text(top("log_level = 'warning'")) ==
             "f:1: log_level: warning: no such log level; it is one of trace, debug, info, warn, error");
  BOOST_TEST(
      holds(error_text(top("log_topics = ['esp',\n'all']")), "f:2: log_topics: all: no such log topic; it is one of"));
  BOOST_TEST(holds(error_text(top("startup_batch = ''")), "f:1: startup_batch: is empty"));
  BOOST_TEST(holds(error_text(top("startup_batch = 1")), "f:1: startup_batch: must be a string"));
}

BOOST_AUTO_TEST_CASE(what_shows_up_later_is_located_too) {
  const auto options = with(
      "[memory]\npacket_buffers = 1024\n[socket]\npath = '/run/x.sock'\n[[ports]]\nname = 'wan'\n"
      "device = 'net_null1'\naddresses = ['192.0.2.1/24']");
  BOOST_REQUIRE_MESSAGE(options.has_value(), error_text(options));
  const auto located = [&](std::string object) {
    return options->located({std::move(object), "wrong", "mend it"}).text();
  };
  BOOST_TEST(located("port lan") == "f:1: port lan: wrong; mend it");
  BOOST_TEST(located("port wan") == "f:8: port wan: wrong; mend it");
  BOOST_TEST(located("memory.packet_buffers") == "f:5: memory.packet_buffers: wrong; mend it");
  BOOST_TEST(located("socket /run/x.sock") == "f:7: socket /run/x.sock: wrong; mend it");
  BOOST_TEST(located("address 192.0.2.1/24") == "f:11: address 192.0.2.1/24: wrong; mend it");
  // What the file does not say stays as it is.
  BOOST_TEST(located("memory.megabytes") == "memory.megabytes: wrong; mend it");
  BOOST_TEST(located("EAL") == "EAL: wrong; mend it");
  BOOST_TEST(embedded_options().located({"port lan", "wrong", ""}).text() == "port lan: wrong");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
