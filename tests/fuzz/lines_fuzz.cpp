// What the commands send of a batch: its lines go round the JSON library, and must be to it what they were, or no
// message where it would make none. The daemon is a socket that never answers.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/client.h"

namespace {

void must(bool done) {
  if (!done) abort();
}

class Listener {
 public:
  Listener() {
    std::string folder = "/tmp/spigrp-fuzz-XXXXXX";
    must(mkdtemp(folder.data()) != nullptr);
    const std::string file = folder + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(file.begin(), file.end(), address.sun_path);
    must(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    must(listen(descriptor_, 1) == 0);
    // What it is reached by is left when its name is gone, so that a crash leaves nothing behind.
    const int itself = open(file.c_str(), O_PATH | O_CLOEXEC);
    must(itself >= 0);
    path_ = "/proc/self/fd/" + std::to_string(itself);
    must(unlink(file.c_str()) == 0 && rmdir(folder.c_str()) == 0);
  }

  const std::string& path() const { return path_; }

  // All that a client, which is gone, has sent.
  std::string take() const {
    const int client = accept(descriptor_, nullptr, nullptr);
    must(client >= 0);
    std::string received;
    std::array<char, 65536> chunk;
    for (ssize_t got = 1; got > 0;) {
      got = read(client, chunk.data(), chunk.size());
      must(got >= 0);
      received.append(chunk.data(), static_cast<size_t>(got));
    }
    close(client);
    return received;
  }

 private:
  int descriptor_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string path_;
};

bool is_text(const std::string& bytes) {
  try {
    return !nlohmann::json(bytes).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Listener listener;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const spigrp::Request request = spigrp::TransactionLines{{text}, static_cast<uint32_t>(size)};
  spigrp::Client client(listener.path(), std::chrono::milliseconds(0));
  const auto answer = client.call(request);
  must(!answer);
  if (answer.error().status != spigrp::ExitStatus::kNoDaemon) {
    must(!is_text(text));
    return 0;
  }
  const std::string sent = listener.take();
  must(!sent.empty() && sent.find('\n') == sent.size() - 1);
  const nlohmann::json expected = {
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", "lines"}, {"params", spigrp::request_params(request)}};
  must(expected["params"]["text"] == text && nlohmann::json::parse(sent, nullptr, false) == expected);
  return 0;
}
