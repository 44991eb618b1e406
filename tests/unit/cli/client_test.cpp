// Requests and answers: what is a result, what is a refusal, what is no answer at all, and on which connection.
#include "cli/client.h"

#include <string>

#include "fake_daemon.h"
#include "freed_memory.h"
#include "support/runner.h"

namespace spigrp {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Answer done(const json& request) {
  return result_to(request, {{"generation", request["id"]}});
}

// What a client makes of an answer.
Outcome<json> told(const std::function<Answer(const json&)>& script, std::chrono::milliseconds limit = 20s,
                   size_t most_bytes = kMaxAnswerBytes) {
  const FakeDaemon daemon(script);
  Client client(daemon.path(), limit, most_bytes);
  return client.call(StatusQuery{});
}

Refusal refused(const std::function<Answer(const json&)>& script, std::chrono::milliseconds limit = 20s,
                size_t most_bytes = kMaxAnswerBytes) {
  const auto answer = told(script, limit, most_bytes);
  BOOST_REQUIRE_MESSAGE(!answer.has_value(), "answered: " + (answer ? answer->dump() : ""));
  return answer.error();
}

Refusal refused_by_line(const std::string& line) {
  return refused([&](const json&) { return Answer{line + '\n'}; });
}

SaAdd esp_with_key(const std::string& key) {
  SaAdd add;
  add.spec.id = parse_sa_id("esp.115@192.0.2.2").value();
  add.spec.source = parse_ip_address("192.0.2.1").value();
  add.spec.algorithm = "aes128gcm16";
  add.spec.encryption_key = parse_key(key).value();
  return add;
}

BOOST_AUTO_TEST_CASE(a_request_is_one_json_rpc_call_and_its_result_comes_back) {
  const FakeDaemon daemon(done);
  Client client(daemon.path());
  const auto answer = client.call(Edit(SaDelete{parse_sa_id("esp.115@192.0.2.2").value()}));
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(*answer == json({{"generation", 1}}));
  BOOST_REQUIRE(daemon.requests().size() == 1u);
  BOOST_TEST(daemon.requests()[0] ==
             json({{"jsonrpc", "2.0"}, {"id", 1}, {"method", "sa.delete"}, {"params", {{"id", "esp.115@192.0.2.2"}}}}));
}

BOOST_AUTO_TEST_CASE(lines_of_a_batch_arrive_as_they_are) {
  const FakeDaemon daemon(done);
  Client client(daemon.path());
  const std::string long_line(10'000, 'x');
  const std::string texts[] = {
      "",   "\n",       "# \"quoted\"\nspi \\ \n\n", R"("")",        long_line + '\n' + long_line,
      "\t", "\x7f\x1f", std::string("a\0b\n", 4),    "caf\xc3\xa9\n"};
  for (const std::string& text : texts) {
    BOOST_TEST(client.call(TransactionLines{{text}, 7}).has_value());
    const json message = daemon.requests().back();
    BOOST_TEST(message["method"] == "lines");
    BOOST_TEST((message["params"] == json{{"text", text}, {"line", 7}}));
  }
  BOOST_TEST((client.call(TransactionLines{{"caf\xe9"}}).error().status == ExitStatus::kWrongUsage));
}

BOOST_AUTO_TEST_CASE(requests_share_a_connection_and_have_ids_of_their_own) {
  const FakeDaemon daemon(done);
  Client client(daemon.path());
  for (int id = 1; id <= 3; ++id) BOOST_TEST(client.call(StatusQuery{}).value()["generation"] == id);
  BOOST_TEST(daemon.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(nobody_is_asked_before_the_first_request) {
  const FakeDaemon daemon(done);
  const Client client(daemon.path());
  BOOST_TEST(client.socket_path() == daemon.path());
  BOOST_TEST(daemon.connections() == 0u);
}

BOOST_AUTO_TEST_CASE(a_connection_that_the_daemon_closed_after_an_answer_is_made_anew) {
  const FakeDaemon daemon([](const json& request) {
    Answer answer = done(request);
    answer.then = Answer::Then::kClose;
    return answer;
  });
  Client client(daemon.path());
  BOOST_TEST(client.call(StatusQuery{}).has_value());
  // The end of the connection may come a moment after the answer; then the second request meets it.
  auto second = client.call(StatusQuery{});
  for (int i = 0; i < 100 && !second; ++i) second = client.call(StatusQuery{});
  BOOST_TEST(second.has_value());
  BOOST_TEST(daemon.connections() >= 2u);
}

BOOST_AUTO_TEST_CASE(without_a_daemon_the_exit_status_says_so) {
  Client client("/nonexistent/sock", 200ms);
  const auto answer = client.call(StatusQuery{});
  BOOST_REQUIRE(!answer.has_value());
  BOOST_TEST((answer.error().status == ExitStatus::kNoDaemon));
  BOOST_TEST(answer.error().error.object == "/nonexistent/sock");
}

BOOST_AUTO_TEST_CASE(an_error_is_a_refusal_in_the_daemons_words) {
  const Error error{"esp.115@192.0.2.2", "no such SA", "spi lists the SAs"};
  const Refusal refusal = refused([&](const json& request) { return error_to(request, error_json(error)); });
  BOOST_TEST((refusal.status == ExitStatus::kRefused));
  BOOST_TEST((refusal.error == error));
  BOOST_TEST(refusal.line == 0u);
}

BOOST_AUTO_TEST_CASE(an_error_of_a_batch_has_its_line) {
  const Refusal refusal = refused([](const json& request) {
    return error_to(request, error_json({"esp", "no", "yes"}, -32000, 17));
  });
  BOOST_TEST(refusal.line == 17u);
}

BOOST_AUTO_TEST_CASE(a_line_that_is_no_line_number_is_none) {
  for (const json& line : {json(-1), json("7"), json(1.5), json(uint64_t{1} << 32), json(), json::object()}) {
    const Refusal refusal = refused([&](const json& request) {
      return error_to(request, {{"code", -32000}, {"message", "no"}, {"data", {{"problem", "no"}, {"line", line}}}});
    });
    BOOST_TEST(refusal.line == 0u, line.dump());
    BOOST_TEST((refusal.status == ExitStatus::kRefused));
  }
}

BOOST_AUTO_TEST_CASE(an_error_without_data_has_its_message_and_one_without_words_still_some) {
  const auto text = [](const json& error) {
    return refused([&](const json& request) { return error_to(request, error); }).error.text();
  };
  BOOST_TEST(text({{"code", -32601}, {"message", "no such method"}}) == "no such method");
  BOOST_TEST(text({{"code", -32601}, {"message", "no such method"}, {"data", 7}}) == "no such method");
  BOOST_TEST(text(json::object()) == "the daemon refused it without a word why");
  BOOST_TEST(text({{"message", 7}, {"data", {{"object", 1}, {"problem", json::array()}}}}) ==
             "the daemon refused it without a word why");
  for (const json& error : {json(), json(7), json("no"), json::array()}) {
    BOOST_TEST(text(error) == "the daemon's reply is an error without words");
  }
}

BOOST_AUTO_TEST_CASE(an_error_without_an_id_is_to_what_was_asked) {
  const Refusal refusal = refused_by_line(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no JSON"}})");
  BOOST_TEST((refusal.status == ExitStatus::kRefused));
  BOOST_TEST(refusal.error.text() == "no JSON");
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_is_no_daemon) {
  struct Case {
    std::string line, problem;
  };
  const Case cases[] = {
      {"", "is no JSON-RPC 2.0"},
      {"garbage", "is no JSON-RPC 2.0"},
      {"{", "is no JSON-RPC 2.0"},
      {"7", "is no JSON-RPC 2.0"},
      {"null", "is no JSON-RPC 2.0"},
      {"[]", "is no JSON-RPC 2.0"},
      {"HTTP/1.1 400 Bad Request\r", "is no JSON-RPC 2.0"},
      {std::string("\0\0\0\0", 4), "is no JSON-RPC 2.0"},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\"}", "is no JSON-RPC 2.0"},
      {R"({"id":1,"result":{}})", "is no JSON-RPC 2.0"},
      {R"({"jsonrpc":2.0,"id":1,"result":{}})", "is no JSON-RPC 2.0"},
      {R"({"jsonrpc":"1.0","id":1,"result":{}})", "is no JSON-RPC 2.0"},
      {R"({"jsonrpc":"2.0","id":2,"result":{}})", "is to another request"},
      {R"({"jsonrpc":"2.0","id":"1","result":{}})", "is to another request"},
      {R"({"jsonrpc":"2.0","id":null,"result":{}})", "is to another request"},
      {R"({"jsonrpc":"2.0","result":{}})", "is to another request"},
      {R"({"jsonrpc":"2.0","error":{"message":"no"}})", "is to another request"},
      {R"({"jsonrpc":"2.0","id":2,"error":{"message":"no"}})", "is to another request"},
      {R"({"jsonrpc":"2.0","id":1})", "has neither a result nor an error"},
  };
  for (const Case& one : cases) {
    const Refusal refusal = refused_by_line(one.line);
    BOOST_TEST((refusal.status == ExitStatus::kNoDaemon), one.line);
    BOOST_TEST(refusal.error.object == "the daemon's answer", one.line);
    BOOST_TEST(refusal.error.problem == one.problem, one.line);
  }
}

BOOST_AUTO_TEST_CASE(nesting_without_end_is_no_answer_and_brackets_in_strings_are_no_nesting) {
  const auto nested = [](const char* field, size_t levels) {
    return refused_by_line("{\"id\":1,\"" + std::string(field) + "\":" + std::string(levels, '[') +
                           std::string(levels, ']') + "}");
  };
  for (const char* field : {"jsonrpc", "result", "error", "id"}) {
    BOOST_TEST(nested(field, 1'000'000).error.problem == "is nested deeper than any answer");
  }
  BOOST_TEST(nested("result", kMaxAnswerNesting).error.problem == "is nested deeper than any answer");
  BOOST_TEST(nested("result", kMaxAnswerNesting - 1).error.problem == "is no JSON-RPC 2.0");
  const std::string brackets = std::string(100, '[') + "\"\\{{" + std::string(100, '{');
  const auto answer = told([&](const json& request) { return result_to(request, brackets); });
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST(*answer == brackets);
}

BOOST_AUTO_TEST_CASE(after_a_misunderstanding_the_connection_is_given_up) {
  std::atomic<int> asked = 0;
  const FakeDaemon daemon([&](const json& request) { return ++asked == 1 ? Answer{"garbage\n"} : done(request); });
  Client client(daemon.path());
  BOOST_TEST(!client.call(StatusQuery{}).has_value());
  BOOST_TEST(client.call(StatusQuery{}).has_value());
  BOOST_TEST(daemon.connections() == 2u);
}

BOOST_AUTO_TEST_CASE(after_a_refusal_the_connection_goes_on) {
  std::atomic<int> asked = 0;
  const FakeDaemon daemon([&](const json& request) {
    return ++asked == 1 ? error_to(request, {{"message", "no"}}) : done(request);
  });
  Client client(daemon.path());
  BOOST_TEST(!client.call(StatusQuery{}).has_value());
  BOOST_TEST(client.call(StatusQuery{}).has_value());
  BOOST_TEST(daemon.connections() == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_that_came_unasked_is_not_taken_for_the_next_one) {
  const FakeDaemon daemon([&](const json& request) {
    Answer answer = done(request);
    answer.bytes += R"({"jsonrpc":"2.0","id":2,"result":"forged"})"
                    "\n";
    return answer;
  });
  Client client(daemon.path());
  BOOST_TEST(client.call(StatusQuery{}).has_value());
  BOOST_TEST(client.call(StatusQuery{}).value() != "forged");
}

BOOST_AUTO_TEST_CASE(a_silent_daemon_is_waited_for_until_the_limit) {
  const auto began = UnixSocket::Clock::now();
  const Refusal refusal = refused([](const json&) { return Answer{}; }, 200ms);
  BOOST_TEST((refusal.status == ExitStatus::kNoDaemon));
  BOOST_TEST(refusal.error.text() == "the daemon: did not answer in time; its log says what it is doing");
  BOOST_TEST((UnixSocket::Clock::now() - began >= 200ms));
}

BOOST_AUTO_TEST_CASE(an_answer_that_never_ends_ends_at_the_limit_of_bytes_or_of_time) {
  const auto endless = [](const json&) { return Answer{std::string(1000, ' '), Answer::Then::kRepeat}; };
  BOOST_TEST(refused(endless, 20s, 100'000).error.problem == "its answer is longer than any answer can be");
  BOOST_TEST(refused(endless, 200ms, SIZE_MAX / 2).error.problem == "did not answer in time");
}

BOOST_AUTO_TEST_CASE(an_answer_over_the_limit_is_none) {
  const auto answer = [](const json& request) { return result_to(request, std::string(1000, 'x')); };
  BOOST_TEST((refused(answer, 20s, 1000).status == ExitStatus::kNoDaemon));
  BOOST_TEST(told(answer, 20s, 1100).has_value());
}

BOOST_AUTO_TEST_CASE(a_daemon_that_closes_within_its_answer_has_not_answered) {
  const Refusal refusal = refused([](const json&) {
    return Answer{R"({"jsonrpc":"2.0","id":1,"resu)", Answer::Then::kClose};
  });
  BOOST_TEST((refusal.status == ExitStatus::kNoDaemon));
  BOOST_TEST(refusal.error.problem == "closed the connection before it had answered");
}

BOOST_AUTO_TEST_CASE(one_client_too_many_reads_why_it_is_sent_away) {
  const FakeDaemon daemon(done, {R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"too many clients"}})"
                                 "\n",
                                 Answer::Then::kClose});
  Client client(daemon.path());
  Batch large;
  for (uint32_t line = 1; line < 100'000; ++line) large.edits.push_back({line, SaClear{}});
  for (const Request& request : {Request(StatusQuery{}), Request(std::move(large))}) {
    const auto answer = client.call(request);
    BOOST_REQUIRE(!answer.has_value());
    BOOST_TEST((answer.error().status == ExitStatus::kRefused));
    BOOST_TEST(answer.error().error.text() == "too many clients");
  }
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf_8_are_wrong_usage_and_nobody_is_asked) {
  const FakeDaemon daemon(done);
  Client client(daemon.path());
  const auto answer = client.call(Edit(InterfaceCreate{"ipsec\xff"}));
  BOOST_REQUIRE(!answer.has_value());
  BOOST_TEST((answer.error().status == ExitStatus::kWrongUsage));
  BOOST_TEST(daemon.connections() == 0u);
}

// The fake daemon lives in this process and would give back what it was sent; so nobody is there to send it to.
BOOST_AUTO_TEST_CASE(no_key_stays_in_memory_that_is_given_back) {
  const std::string digits = "c0ffee00c0ffee11c0ffee22c0ffee33c0ffee44";
  Batch batch;
  for (uint32_t line = 1; line <= 50; ++line) batch.edits.push_back({line, esp_with_key("0x" + digits)});
  const TransactionLines lines{{"spi --enckey 0x" + digits + '\n'}};
  const Request requests[] = {Edit(esp_with_key("0x" + digits)), std::move(batch), lines};
  Client client("/nonexistent/sock");
  const FreedMemory freed(digits);
  for (const Request& request : requests) BOOST_TEST(!client.call(request).has_value());
  BOOST_TEST(!freed.held_it());
}

}  // namespace
}  // namespace spigrp
