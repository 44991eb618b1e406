// load_options, and the example files: each is read, and the embedded one is what spigrpd does without a file.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <boost/test/unit_test.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "config/options.h"
#include "error_text.h"

namespace spigrp {

using test::error_text;
using test::holds;

namespace {

const std::filesystem::path kExamples = std::filesystem::path(SPIGRP_VECTORS) / "../../config/examples";
constexpr std::string_view kOnePort = "[[ports]]\nname = 'lan'\ndevice = 'net_null0'\n";

// A folder of the test's own, which ends with it.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "spigrp-options-XXXXXX";
    BOOST_REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(stream.is_open(), file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options_file)

BOOST_AUTO_TEST_CASE(a_file_is_read_and_its_errors_have_its_name) {
  const Folder folder;
  const auto good = load_options(folder.write("good.toml", kOnePort));
  BOOST_REQUIRE_MESSAGE(good.has_value(), error_text(good));
  BOOST_TEST(good->ports[0].name == "lan");
  BOOST_TEST(good->file_name == (folder.path() / "good.toml").string());
  const auto bad = folder.write("bad.toml", std::string(kOnePort) + "colour = 1\n");
  BOOST_TEST(error_text(load_options(bad)).find(bad.string() + ":4: ports.colour: no such key") == 0u);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_said_to_be) {
  const Folder folder;
  const std::string missing = folder.path() / "missing.toml";
  BOOST_TEST(error_text(load_options(missing)) ==
             missing + ": cannot be read: No such file or directory; name a configuration file");
  BOOST_TEST(error_text(load_options(folder.path())) ==
             folder.path().string() + ": cannot be read: Is a directory; name a configuration file");
  BOOST_TEST(holds(error_text(load_options("")), "cannot be read"));
  if (geteuid() != 0) {  // root reads everything
    const auto closed = folder.write("closed.toml", kOnePort);
    chmod(closed.c_str(), 0);
    BOOST_TEST(holds(error_text(load_options(closed)), "cannot be read: Permission denied"));
  }
}

BOOST_AUTO_TEST_CASE(an_endless_file_is_not_read_to_its_end) {
  BOOST_TEST(holds(error_text(load_options("/dev/zero")), "/dev/zero: is larger than 1 MiB"));
}

BOOST_AUTO_TEST_CASE(a_relative_startup_batch_lies_beside_the_file) {
  const Folder folder;
  const auto batch_of = [&](std::string_view line) {
    return load_options(folder.write("gw.toml", std::string(line) + '\n' + std::string(kOnePort)))
        ->startup_batch.value();
  };
  BOOST_TEST((batch_of("startup_batch = 'gw.batch'") == folder.path() / "gw.batch"));
  BOOST_TEST((batch_of("startup_batch = 'more/gw.batch'") == folder.path() / "more/gw.batch"));
  BOOST_TEST((batch_of("startup_batch = '/etc/gw.batch'") == "/etc/gw.batch"));
  // Only load_options knows of a folder.
  BOOST_TEST(
      (parse_options("startup_batch = 'gw.batch'\n" + std::string(kOnePort), "/etc/f")->startup_batch == "gw.batch"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(option_examples)

BOOST_AUTO_TEST_CASE(every_example_is_right) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kExamples)) {
    if (entry.path().extension() != ".toml") continue;
    const auto options = load_options(entry.path());
    BOOST_TEST(options.has_value(), error_text(options));
    ++count;
  }
  BOOST_TEST(count >= 6u);
}

BOOST_AUTO_TEST_CASE(the_embedded_example_is_what_spigrpd_does_without_a_file) {
  const auto example = load_options(kExamples / "embedded.toml");
  BOOST_REQUIRE_MESSAGE(example.has_value(), error_text(example));
  const Options embedded = embedded_options();
  BOOST_TEST((example->ports == embedded.ports));
  BOOST_TEST((example->workers == embedded.workers));
  BOOST_TEST((example->memory == embedded.memory));
  BOOST_TEST((example->tables == embedded.tables));
  BOOST_TEST((example->socket == embedded.socket));
  BOOST_TEST((example->startup_batch == embedded.startup_batch));
  BOOST_TEST((example->log_level == embedded.log_level && example->log_topics == embedded.log_topics));
  BOOST_TEST((embedded.ports.size() == 2 && embedded.ports[0].name == "lan" && embedded.ports[1].name == "wan"));
  BOOST_TEST(!embedded.memory.huge_pages);
  BOOST_TEST((embedded.socket.path == "/run/spigrp/spigrpd.sock"));
}

BOOST_AUTO_TEST_CASE(the_reference_has_every_default) {
  const auto reference = load_options(kExamples / "reference.toml");
  BOOST_REQUIRE_MESSAGE(reference.has_value(), error_text(reference));
  const Options defaults;
  BOOST_TEST((reference->workers == defaults.workers));
  BOOST_TEST((reference->memory == defaults.memory));
  TableOptions tables;
  tables.flow_cache_entries = tables.flow_cache_entries_meant();  // which follows from the eroutes where it is left out
  BOOST_TEST((reference->tables == tables));
  BOOST_TEST((reference->socket == defaults.socket));
  BOOST_TEST((reference->log_level == defaults.log_level && reference->log_topics == defaults.log_topics));
  const PortOptions port, &shown = reference->ports.at(0);
  BOOST_TEST((shown.mtu_bytes == port.mtu_bytes && shown.rx_queue_packets == port.rx_queue_packets));
  BOOST_TEST(shown.tx_queue_packets == port.tx_queue_packets);
}

// The keys as the errors list them are all in the reference and in the manual page.
BOOST_AUTO_TEST_CASE(every_key_is_in_the_reference_and_in_the_manual) {
  const std::string reference = text_of(kExamples / "reference.toml");
  const std::string manual = text_of(kExamples / "../../docs/man/spigrp.toml.5");
  size_t count = 0;
  for (const char* table : {"", "[[ports]]\nname = 'x'\ndevice = 'x'\n", "[workers]\n", "[memory]\n", "[tables]\n",
                            "[socket]\n", "[read_socket]\n"}) {
    const std::string text = error_text(parse_options(std::string(table) + "no-such-key = 1\n", "f"));
    BOOST_REQUIRE(holds(text, "no such key; the keys "));
    std::string keys = text.substr(text.find(" are ") + 5);
    keys += ", ";
    for (size_t end = 0; (end = keys.find(", ")) != std::string::npos; keys.erase(0, end + 2)) {
      const std::string key = keys.substr(0, end);
      const bool is_table = holds(reference, '[' + key + ']');
      BOOST_TEST((is_table || holds(reference, '\n' + key + " = ") || holds(reference, "\n# " + key + " = ")), key);
      BOOST_TEST(holds(manual, key), key << " is not in spigrp.toml(5)");
      ++count;
    }
  }
  BOOST_TEST(count == 11u + 7 + 3 + 7 + 5 + 6 + 6);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
