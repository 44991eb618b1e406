// spigrpd: its command line.
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <malloc.h>

#include "config/options.h"
#include "config/process.h"
#include "control/daemon.h"
#include "control/plan.h"
#include "control/version.h"

namespace spigrp {
namespace {

constexpr int kDone = 0, kRefused = 1, kWrongUsage = 2;

constexpr std::string_view kHelp = R"(spigrpd - an IPsec gateway in userspace

  spigrpd [FILE]          runs the gateway that FILE (TOML) describes, in the foreground, until SIGTERM
  spigrpd --check [FILE]  says what it would do, or what is wrong and in which line, and does nothing
  spigrpd --help, --version

Without FILE: an embedded default, two ports that lead nowhere, without huge pages or a NIC: enough to try the
commands (spi, spigrp, eroute, tncfg …; each has --help). Example files, one for each usual case, lie in
config/examples of the source, and beside the documentation where it is installed; spigrp.toml(5) has every key.

The log goes to standard error. Exit status: 0 ended by a signal, 1 it could not start, 2 wrong usage.
)";

int complain(const Error& error, int status) {
  std::fprintf(stderr, "spigrpd: %s\n", error.text().c_str());
  return status;
}

int show(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return kDone;
  return complain({"standard output", "cannot be written"}, kRefused);
}

int run(const std::vector<std::string_view>& words) {
  bool check = false;
  std::optional<std::string_view> file;
  for (const std::string_view word : words) {
    if (word == "--help" || word == "-h") return show(std::string(kHelp));
    if (word == "--version") return show("spigrpd " + std::string(kDaemonVersion) + '\n');
    if (word == "--check") {
      check = true;
    } else if (word.starts_with('-') || file) {
      return complain({as_typed(word), file ? "one configuration file is enough" : "no such option",
                       "spigrpd --help shows how it is called"},
                      kWrongUsage);
    } else {
      file = word;
    }
  }
  const auto options = file ? load_options(*file) : Expected<Options>(embedded_options());
  if (!options) return complain(options.error(), kRefused);
  if (!check) {
    const auto ended = run_daemon(*options);
    return ended ? kDone : complain(options->located(ended.error()), kRefused);
  }
  hide_memory();  // the batch may hold keys
  const auto plan = plan_text(*options);
  if (!plan) return complain(options->located(plan.error()), kRefused);
  return show(*plan);
}

}  // namespace
}  // namespace spigrp

int main(int argc, char** argv) {
  spigrp::take_large_pages(argv);
  // Small pieces that are freed are joined to their neighbours at once. Else malloc keeps a million of a large
  // transaction for later, and then joins them in one go, while clients wait.
  ::mallopt(M_MXFAST, 0);
  spigrp::open_standard_descriptors();
  return spigrp::run({argv + 1, argv + argc});
}
