// Lines from clients: what is a call, and what is answered to what is none.
#include "control/json_rpc.h"

#include <string>

#include <boost/test/unit_test.hpp>

#include "support/eal_runner.h"

namespace spigrp {
namespace {

int code_of(const std::string& line) {
  const auto call = read_call(line);
  return call ? 0 : call.error().code;
}

BOOST_AUTO_TEST_CASE(a_call_is_read_with_its_id_method_and_params) {
  const auto call = read_call(R"({"jsonrpc":"2.0","id":"a7","method":"sa.list","params":{"limit":5}})");
  BOOST_REQUIRE(call.has_value());
  BOOST_TEST(call->id == "a7");
  BOOST_TEST(call->method == "sa.list");
  BOOST_TEST(call->params["limit"] == 5);
  BOOST_TEST(call->wants_answer);
}

// A long string goes another way than short ones, and comes to the same.
BOOST_AUTO_TEST_CASE(a_long_string_is_read_as_it_is_written) {
  const std::string filler(5000, 'x');
  const std::string texts[] = {
      filler,
      filler + "\n\"quoted\" \\ /path\t\b\f\r\x7f end",
      "\\" + filler + "\\",
      filler + "caf\xc3\xa9",
      filler + std::string(1, '\0') + "\x1f",
  };
  for (const std::string& text : texts) {
    const nlohmann::json message = {{"jsonrpc", "2.0"},
                                    {"id", 1},
                                    {"method", "transaction.lines"},
                                    {"params", {{"", ""}, {"a", {"", {{"b", text}}, ""}}, {"z", "\\\""}}}};
    const auto call = read_call(message.dump());
    BOOST_REQUIRE(call.has_value());
    BOOST_TEST((call->params == message["params"]));
    const auto again = read_call(message.dump(2));
    BOOST_TEST((again && again->params == message["params"]));
  }
  const std::string solidus = R"({"jsonrpc":"2.0","method":"m","params":{"a":")" + filler + R"(\/\u0041"}})";
  BOOST_TEST((read_call(solidus).value().params["a"] == filler + "/A"));
}

BOOST_AUTO_TEST_CASE(a_long_name_is_no_string_of_a_value) {
  const std::string name(5000, 'n');
  const std::string line = R"({"jsonrpc":"2.0","method":"m","params":{"a":"","b":1,")" + name + R"(":"","c":""}})";
  BOOST_TEST((read_call(line).value().params == nlohmann::json{{"a", ""}, {"b", 1}, {name, ""}, {"c", ""}}));
  const std::string method = R"({"jsonrpc":"2.0","id":"","method":")" + name + R"("})";
  BOOST_TEST((read_call(method).value().method == name));
}

BOOST_AUTO_TEST_CASE(a_long_string_makes_no_json_of_what_is_none) {
  const std::string filler(5000, 'x');
  const std::string begin = R"({"jsonrpc":"2.0","id":1,"method":"status","params":{"a":")" + filler;
  for (const char* end :
       {"", "\\", "\"", "\"}", "\"}}}", "\\q\"}}", "\n\"}}", "\xff\"}}", "\\u12\"}}", "\"\"\"}}", "\\\"}}"}) {
    BOOST_TEST(code_of(begin + end) == kParseError, "after a long string: " << end);
  }
  BOOST_TEST(code_of(begin + "\"}}") == 0);
}

BOOST_AUTO_TEST_CASE(params_may_be_left_out) {
  const auto call = read_call(R"({"jsonrpc":"2.0","id":1,"method":"status"})");
  BOOST_REQUIRE(call.has_value());
  BOOST_TEST(call->params.is_object());
}

BOOST_AUTO_TEST_CASE(a_call_without_an_id_wants_no_answer) {
  const auto call = read_call(R"({"jsonrpc":"2.0","method":"sa.clear"})");
  BOOST_REQUIRE(call.has_value());
  BOOST_TEST(!call->wants_answer);
}

BOOST_AUTO_TEST_CASE(what_is_no_call_has_the_code_of_json_rpc) {
  struct Case {
    const char* line;
    int code;
  };
  const Case cases[] = {
      {"", kParseError},
      {"{", kParseError},
      {"nonsense", kParseError},
      {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", kParseError},
      {"[]", kInvalidRequest},
      {"7", kInvalidRequest},
      {"null", kInvalidRequest},
      {R"({"id":1,"method":"status"})", kInvalidRequest},
      {R"({"jsonrpc":"1.0","id":1,"method":"status"})", kInvalidRequest},
      {R"({"jsonrpc":2.0,"id":1,"method":"status"})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":{},"method":"status"})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", kInvalidRequest},
      {R"({"jsonrpc":"2.0","id":1,"method":"status","params":[]})", kInvalidParams},
      {R"({"jsonrpc":"2.0","id":1,"method":"status","params":"x"})", kInvalidParams},
  };
  for (const Case& one : cases) BOOST_TEST(code_of(one.line) == one.code, one.line);
}

BOOST_AUTO_TEST_CASE(an_error_carries_the_id_where_it_could_be_read) {
  const auto call = read_call(R"({"jsonrpc":"2.0","id":9})");
  BOOST_REQUIRE(!call.has_value());
  BOOST_TEST(call.error().id == 9);
}

BOOST_AUTO_TEST_CASE(a_notification_is_never_answered_for_its_params) {
  const auto with_id = read_call(R"({"jsonrpc":"2.0","id":9,"method":"status","params":7})");
  const auto without = read_call(R"({"jsonrpc":"2.0","method":"status","params":7})");
  const auto unreadable = read_call(R"({"jsonrpc":"2.0","params":7})");
  BOOST_REQUIRE((!with_id && !without && !unreadable));
  BOOST_TEST(with_id.error().wants_answer);
  BOOST_TEST(!without.error().wants_answer);
  BOOST_TEST(unreadable.error().wants_answer);  // it may not be one (section 5)
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded_and_brackets_in_strings_are_no_nesting) {
  const auto nested = [](size_t levels) {
    return R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"x":)" + std::string(levels, '[') +
           std::string(levels, ']') + "}}";
  };
  BOOST_TEST(code_of(nested(kMaxNesting - 2)) == 0);
  BOOST_TEST(code_of(nested(kMaxNesting - 1)) == kParseError);
  BOOST_TEST(code_of(std::string(1'000'000, '{')) == kParseError);
  BOOST_TEST(code_of(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(100, '[') + R"(\"[["})") == 0);
}

BOOST_AUTO_TEST_CASE(values_beyond_what_a_message_of_its_size_needs_are_refused_unparsed) {
  const auto many = [](const std::string& value, size_t count) {
    std::string list = value;
    for (size_t i = 1; i < count; ++i) list += ',' + value;
    return R"({"jsonrpc":"2.0","id":1,"method":"batch","params":{"edits":[)" + list + "]}}";
  };
  BOOST_TEST(code_of(many("[]", 100'000)) == kParseError);
  BOOST_TEST(code_of(many("1", 100'000)) == kParseError);
  BOOST_TEST(code_of(many("{}", 400)) == 0);
  BOOST_TEST(code_of(many(R"({"method":"sa.delete","params":{"id":"esp.115@192.0.2.2"}})", 10'000)) == 0);
  BOOST_TEST(code_of(many(R"({"line":7,"method":"sa.clear","params":{}})", 10'000)) == 0);
  BOOST_TEST(code_of(many('"' + std::string(100'000, ',') + '"', 1)) == 0);  // in a string they are text
}

BOOST_AUTO_TEST_CASE(answers_are_one_line_of_valid_json_whatever_is_in_them) {
  const std::string text = "a\nb\xff\"c";
  for (const std::string& line : {result_line(1, {{"text", text}}), error_line({kRefused, {text, text, text}, 3, 1})}) {
    BOOST_TEST(line.find('\n') == line.size() - 1);
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    BOOST_TEST(!parsed.is_discarded());
    BOOST_TEST(parsed["jsonrpc"] == "2.0");
  }
}

BOOST_AUTO_TEST_CASE(an_error_of_a_batch_has_its_line) {
  const auto parsed = nlohmann::json::parse(error_line({kRefused, {"esp", "no", "yes"}, 17, 4}));
  BOOST_TEST(parsed["error"]["data"]["line"] == 17);
  BOOST_TEST(parsed["error"]["message"] == "esp: no; yes");
  BOOST_TEST(parsed["id"] == 4);
}

}  // namespace
}  // namespace spigrp
