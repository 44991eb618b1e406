// See server.h.
#include "control/server.h"

#include <chrono>
#include <new>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace spigrp {
namespace {

constexpr std::chrono::milliseconds kPauseAfterFailure{100};

// A short word to somebody who is not let in; nobody waits for it to be read.
void send_away(int connection, Error error) noexcept {
  const std::string line = error_line({kRefused, std::move(error)});
  (void)::send(connection, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

Server::Server(boost::asio::io_context& io, SocketFile file, const SocketOptions& options, Service& service)
    : file_(std::move(file)), options_(options), service_(service), acceptor_(io) {}

Expected<void> Server::start() {
  boost::system::error_code error;
  acceptor_.assign(Protocol(), file_.release_descriptor(), error);
  if (!error) acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) return failure("socket " + options_.path.string(), "cannot listen: " + error.message());
  accept();
  return {};
}

void Server::stop() noexcept {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  const auto sessions = sessions_;  // each takes itself out of the list
  for (const auto& weak : sessions) {
    if (const auto session = weak.lock()) session->close();
  }
}

void Server::poll() {
  if (!accepting_ && acceptor_.is_open() && Clock::now() >= paused_until_) accept();
}

// Where this throws, poll() comes back to it.
void Server::accept() {
  acceptor_.async_accept([this](const boost::system::error_code& error, Protocol::socket socket) {
    accepting_ = false;
    if (!acceptor_.is_open()) return;
    if (!error) {
      accept();  // first: whatever this one meets with, others come in
      return admit(std::move(socket));
    }
    // Mostly: no descriptor left. Those that clients give back will do, so try again in a while.
    paused_until_ = Clock::now() + kPauseAfterFailure;
    spdlog::warn("control socket: a client cannot be accepted: {}", error.message());
  });
  accepting_ = true;
}

void Server::admit(Protocol::socket socket) {
  if (!peer_is_allowed(socket.native_handle(), options_)) {
    spdlog::warn("control socket: a client of another user is refused");
    return send_away(socket.native_handle(), {"this user", "may not talk to the daemon", "be its user, or root"});
  }
  if (sessions_.size() >= options_.max_clients) {
    return send_away(socket.native_handle(),
                     {"the daemon", "has its " + std::to_string(options_.max_clients) + " clients already",
                      "try again later, or raise max_clients in the configuration's [socket]"});
  }
  const auto place = sessions_.emplace(sessions_.end());
  std::shared_ptr<Session> session;
  try {
    session =
        std::make_shared<Session>(std::move(socket), service_, options_, [this, place] { sessions_.erase(place); });
  } catch (const std::bad_alloc&) {
    sessions_.erase(place);
    throw;
  }
  *place = session;
  session->start();
}

}  // namespace spigrp
