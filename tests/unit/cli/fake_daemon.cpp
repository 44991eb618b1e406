// See fake_daemon.h. One connection at a time, which is all that a command has.
#include "fake_daemon.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace spigrp {

FakeDaemon::FakeDaemon(Script script, Answer greeting) : script_(std::move(script)), greeting_(std::move(greeting)) {
  char name[] = "/tmp/spigrp-cli-XXXXXX";
  if (mkdtemp(name) == nullptr || pipe(stop_) != 0) throw std::runtime_error("no folder or pipe for the fake daemon");
  folder_ = name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = this->path();
  std::copy(path.begin(), path.end(), address.sun_path);
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 || listen(listener_, 8) != 0) {
    throw std::runtime_error("the fake daemon cannot listen");
  }
  thread_ = std::thread([this] { run(); });
}

FakeDaemon::~FakeDaemon() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
  close(listener_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::vector<nlohmann::json> FakeDaemon::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

// False: the test is over.
bool FakeDaemon::wait_for(int descriptor, short events) const {
  pollfd waited[] = {{descriptor, events, 0}, {stop_[0], POLLIN, 0}};
  while (poll(waited, 2, -1) < 0) {
  }
  return waited[1].revents == 0;
}

void FakeDaemon::run() {
  while (wait_for(listener_, POLLIN)) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    if (say(client, greeting_)) serve(client);
    close(client);
  }
}

void FakeDaemon::serve(int client) {
  std::string received;
  char chunk[4096];
  while (wait_for(client, POLLIN)) {
    const ssize_t got = recv(client, chunk, sizeof(chunk), 0);
    if (got <= 0) return;
    received.append(chunk, static_cast<size_t>(got));
    for (size_t end = received.find('\n'); end != std::string::npos; end = received.find('\n')) {
      const auto request = nlohmann::json::parse(received.substr(0, end), nullptr, false);
      received.erase(0, end + 1);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      if (!say(client, script_(request))) return;
    }
  }
}

bool FakeDaemon::say(int client, const Answer& answer) const {
  do {
    std::string_view left = answer.bytes;
    while (!left.empty()) {
      if (!wait_for(client, POLLOUT)) return false;
      const ssize_t sent = send(client, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN) return false;
      left.remove_prefix(static_cast<size_t>(std::max<ssize_t>(sent, 0)));
    }
  } while (answer.then == Answer::Then::kRepeat);
  return answer.then == Answer::Then::kStay;
}

Answer result_to(const nlohmann::json& request, const nlohmann::json& result) {
  return {nlohmann::json({{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", result}}).dump() + '\n'};
}

Answer error_to(const nlohmann::json& request, const nlohmann::json& error) {
  return {nlohmann::json({{"jsonrpc", "2.0"}, {"id", request["id"]}, {"error", error}}).dump() + '\n'};
}

}  // namespace spigrp
