// See session.h.
#include "control/session.h"

#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "config/key.h"

namespace spigrp {
namespace {

constexpr size_t kReadBytes = size_t{64} * 1024;
constexpr size_t kMostEventBytes = size_t{256} * 1024;  // that wait for a client
constexpr size_t kKeptBytes = 4 * kReadBytes;           // of room, between messages

}  // namespace

Session::Session(Socket socket, Service& service, const SocketOptions& options, std::function<void()> ended)
    : socket_(std::move(socket)),
      deadline_(socket_.get_executor()),
      service_(service),
      options_(options),
      ended_(std::move(ended)) {
  conversation_.access = options.access;
}

Session::~Session() {
  ended_();
}

void Session::start() {
  limit(std::chrono::seconds(options_.idle_seconds));
  next();
}

void Session::close() noexcept {
  boost::system::error_code ignored;
  socket_.close(ignored);
  deadline_.cancel(ignored);
}

// Closes the connection unless another limit is set before this one has passed.
void Session::limit(std::chrono::seconds from_now) {
  deadline_.expires_after(from_now);
  deadline_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;  // cancelled: there is a newer limit
    if (const auto self = weak.lock(); self && self->deadline_.expiry() <= Clock::now()) {
      self->service_.topics().say("verbose", "a client's time is up");
      self->close();
    }
  });
}

void Session::lift_limit() {
  deadline_.expires_at(Clock::time_point::max());
}

void Session::next() {
  const size_t end = received_.find('\n', searched_);
  const bool complete = end != std::string::npos;
  if ((complete ? end : received_.size()) > options_.max_message_bytes) {
    return refuse({"request", "is larger than " + std::to_string(options_.max_message_bytes) + " bytes",
                   "send less at once, or raise max_message_bytes in the configuration's [socket]"});
  }
  if (!complete) {
    searched_ = received_.size();
    return read();
  }
  lift_limit();  // from here on the daemon is who is waited for
  if (waits_turn_ && service_.is_busy())
    return wait_turn();  // another was before it; to read it again would be in vain
  waits_turn_ = false;
  std::optional<std::string> answer;
  try {
    answer = service_.answer(std::string_view(received_).substr(0, end), conversation_, shared_from_this());
  } catch (const std::bad_alloc&) {
    return close();  // nothing of it is in force, or not even that can be said; what it took is free again
  }
  if (!answer) return wait_turn();
  forget(end + 1);
  searched_ = 0;
  partial_ = false;
  send(std::move(*answer), false);
}

void Session::wait_turn() {
  waits_turn_ = true;
  service_.when_made([self = shared_from_this()] {
    boost::asio::post(self->socket_.get_executor(), [self] {
      if (self->socket_.is_open()) self->next();
    });
  });
}

// Messages hold keys, which are not to wait in spare room for the next message (invariant 5); nor is a client that once
// sent much to cost much for good.
void Session::forget(size_t bytes) {
  const size_t left = received_.size() - bytes;
  std::memmove(received_.data(), received_.data() + bytes, left);
  wipe(received_.data() + left, bytes);
  received_.resize(left);
  if (received_.capacity() > kKeptBytes) received_.shrink_to_fit();  // what is freed is wiped: wiping_heap.cpp
}

void Session::read() {
  // The limit of an unfinished message counts from its first byte, however many more trickle in.
  const bool unfinished = !received_.empty();
  if (!unfinished && monitors_) {
    boost::system::error_code ignored;
    deadline_.cancel(ignored);
  } else if (!unfinished || !partial_) {
    limit(std::chrono::seconds(unfinished ? options_.partial_seconds : options_.idle_seconds));
  }
  partial_ = unfinished;
  const size_t before = received_.size();
  received_.resize(before + kReadBytes);
  socket_.async_read_some(boost::asio::buffer(received_.data() + before, kReadBytes),
                          [self = shared_from_this(), before](const boost::system::error_code& error, size_t bytes) {
                            self->received_.resize(before + bytes);
                            if (error) return self->close();
                            self->next();
                          });
}

void Session::send(std::string answer, bool and_close) {
  answer_ = std::move(answer);
  answering_ = true;
  closes_after_answer_ = and_close;
  limit(std::chrono::seconds(options_.idle_seconds));
  write();
}

// What found no memory on its way before goes with this one, also where there is no room for more.
void Session::hear(const std::string& line) noexcept {
  try {
    if (events_.size() + line.size() <= kMostEventBytes) {
      events_ += line;
    } else {
      ++events_lost_;
    }
  } catch (const std::bad_alloc&) {
    ++events_lost_;
  }
  try {
    write();
  } catch (const std::bad_alloc&) {  // it goes with the next
  }
}

// Where it throws, all waits as before.
void Session::write() {
  if (writing_) return;
  const bool answer = answering_;
  if (!answer && events_lost_ > 0) {
    events_ += event_line(LostEvent{events_lost_});
    events_lost_ = 0;
  }
  std::string& waiting = answer ? answer_ : events_;
  if (waiting.empty() && !answer) return;
  on_its_way_ = std::exchange(waiting, {});
  try {
    begin_write(answer);
  } catch (const std::bad_alloc&) {
    waiting = std::exchange(on_its_way_, {});
    throw;
  }
  answering_ = false;
  writing_ = true;
}

void Session::begin_write(bool answer) {
  boost::asio::async_write(socket_, boost::asio::buffer(on_its_way_),
                           [self = shared_from_this(), answer](const boost::system::error_code& error, size_t) {
                             self->on_its_way_ = {};
                             self->writing_ = false;
                             if (error || (answer && self->closes_after_answer_)) return self->close();
                             self->write();
                             if (answer) self->next();
                           });
}

void Session::refuse(Error error) {
  service_.topics().say("verbose", "a client is sent away: " + error.text());
  send(error_line({kInvalidRequest, std::move(error)}), true);
}

}  // namespace spigrp
