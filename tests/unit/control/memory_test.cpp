// Where memory runs out once a transaction is published, it is in force, and its client is told so; where it runs out
// for events, they are told later.
#include <array>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/test/unit_test.hpp>

#include "control/service.h"
#include "control/session.h"
#include "route/route_edit.h"
#include "state_fixture.h"
#include "support/scarce_memory.h"

namespace spigrp {
namespace {

using nlohmann::json;
using test::MemoryRunsOut;

// Hears of a transaction when it has been published. If it is asked to, memory runs out then.
struct LateListener : EventListener {
  void subscribed() noexcept override {}
  void hear(const std::string& /*line*/) noexcept override {
    ++heard;
    if (then >= 0) runs_out.emplace(then);
  }

  int then = -1;  // so many allocations
  std::optional<MemoryRunsOut> runs_out;
  unsigned heard = 0;
};

struct ServiceOfOnePort {
  ServiceOfOnePort() {
    const std::string monitor = R"({"jsonrpc":"2.0","id":1,"method":"monitor","params":{}})";
    BOOST_REQUIRE(service.answer(monitor, conversation, listener).has_value());
  }

  static std::string sa_add(unsigned number) {
    const json spec = {{"id", "esp." + std::to_string(number) + "@192.0.2.2"},
                       {"source", "192.0.2.1"},
                       {"algorithm", "aes128gcm16"},
                       {"encryption_key", "0x" + std::string(40, 'a')}};
    return json({{"jsonrpc", "2.0"}, {"id", number}, {"method", "sa.add"}, {"params", {{"spec", spec}}}}).dump();
  }
  // Nothing: it could not be answered.
  std::optional<std::string> answer(const std::string& line) {
    try {
      return service.answer(line, conversation, listener);
    } catch (const std::bad_alloc&) {
      return std::nullopt;
    }
  }
  void is_in_force(const std::optional<std::string>& answered) {
    BOOST_REQUIRE(answered.has_value());
    const json message = json::parse(*answered);
    BOOST_REQUIRE_MESSAGE(message.contains("result"), *answered);
    BOOST_TEST(message["result"]["generation"] == status()["edited_at"]);
  }
  json status() { return json::parse(*answer(R"({"jsonrpc":"2.0","id":1,"method":"status","params":{}})"))["result"]; }

  std::unique_ptr<Engine> engine = Engine::create(test::options_of_one_port()).value();
  LogTopics topics{{}};
  Service service{{*engine, topics, nullptr, list_addresses(engine->routes())}};
  Conversation conversation;
  std::shared_ptr<LateListener> listener = std::make_shared<LateListener>();
};

BOOST_FIXTURE_TEST_SUITE(memory, ServiceOfOnePort)

// Not at every allocation: where there is none for a JSON object that ends, the process does.
BOOST_AUTO_TEST_CASE(what_is_in_force_is_answered_so_though_memory_runs_out_behind) {
  for (int nth = 0; nth < 30; ++nth) {
    const std::string line = sa_add(1000 + static_cast<unsigned>(nth));
    listener->then = nth;
    const auto answered = answer(line);
    BOOST_TEST(MemoryRunsOut::has_failed());
    listener->runs_out.reset();
    listener->then = -1;
    is_in_force(answered);
    BOOST_TEST(listener->heard == static_cast<unsigned>(nth) + 1);
  }
}

// Of as many as wait for a client at most, each found no memory to be sent in.
BOOST_AUTO_TEST_CASE(events_go_on_when_there_is_memory_again) {
  boost::asio::io_context loop;
  Session::Socket near(loop), far(loop);
  boost::asio::local::connect_pair(near, far);
  far.non_blocking(true);
  const SocketOptions options;
  const auto session = std::make_shared<Session>(std::move(near), service, options, [] {});
  const std::string line(size_t{128} * 1024, 'x');
  std::array<char, 4096> received;
  boost::system::error_code nothing;
  for (const int allocations : {1, 1}) {
    const MemoryRunsOut runs_out(allocations);
    session->hear(line);
    BOOST_TEST(MemoryRunsOut::has_failed());
  }
  BOOST_TEST(far.read_some(boost::asio::buffer(received), nothing) == 0u);
  session->hear(line);
  BOOST_TEST(far.read_some(boost::asio::buffer(received), nothing) > 0u);
  session->close();
  loop.poll();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace spigrp
