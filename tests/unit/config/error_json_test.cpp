// Errors as JSON-RPC carries them, valid UTF-8 whatever was typed, and keys wiped out of requests.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "config/request.h"
#include "error_text.h"

namespace spigrp {

using nlohmann::json;

BOOST_AUTO_TEST_SUITE(error_in_json)

BOOST_AUTO_TEST_CASE(an_error_goes_to_json_and_back) {
  const Error cases[] = {{"esp.115@192.0.2.2", "already in group", "ungroup it"},
                         {"esp.115@192.0.2.2", "already in group", ""},
                         {"", "already in group", ""},
                         {"“quoted” \\ \" \n", "tab\t, bell\a, nul" + std::string(1, '\0'), "日本語 …"}};
  for (const Error& error : cases) {
    const json written = error_json(error);
    BOOST_TEST((parse_error_json(json::parse(written.dump())) == error), written);
    BOOST_TEST(written["message"] == error.text());
  }
}

BOOST_AUTO_TEST_CASE(code_and_line_are_carried) {
  BOOST_TEST(error_json({"a", "b", "c"}) == json::parse(R"({"code": -32000, "message": "a: b; c",
      "data": {"object": "a", "problem": "b", "remedy": "c"}})"));
  BOOST_TEST(error_json({"a", "b", "c"}, -32602, 7) == json::parse(R"({"code": -32602, "message": "a: b; c",
      "data": {"object": "a", "problem": "b", "remedy": "c", "line": 7}})"));
}

BOOST_AUTO_TEST_CASE(an_error_is_valid_utf8_whatever_was_typed) {
  for (const std::string_view typed :
       {"\xff", "\xc3", "a\xc3(", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "\x80\x80"}) {
    const std::string text(typed);
    const json written = error_json({text, "wrong: " + text, text});
    const std::string line = written.dump();  // throws where a string is not UTF-8
    BOOST_TEST(json::accept(line), line);
    BOOST_TEST(test::holds(line, "\xef\xbf\xbd"), line);  // U+FFFD stands for what was none
    BOOST_TEST(parse_error_json(written).problem.starts_with("wrong: "));
  }
}

BOOST_AUTO_TEST_CASE(an_error_of_another_shape_still_says_something) {
  const struct {
    std::string_view json, text;
  } cases[] = {
      {R"({"code": -32700, "message": "parse error"})", "parse error"},
      {R"({"message": "m", "data": "text"})", "m"},
      {R"({"message": "m", "data": null})", "m"},
      {R"({"message": "m", "data": {}})", "m"},
      {R"({"message": "m", "data": {"object": 1, "problem": [], "remedy": {}}})", "m"},
      {R"({"message": "m", "data": {"problem": "p"}})", "p"},
      {R"({"message": 1})", ""},
      {R"({})", ""},
      {R"(null)", "the daemon's reply is an error without words"},
      {R"("text")", "the daemon's reply is an error without words"},
      {R"([])", "the daemon's reply is an error without words"},
  };
  for (const auto& [text, said] : cases) BOOST_TEST(parse_error_json(json::parse(text)).text() == said, text);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(wiped_keys)

BOOST_AUTO_TEST_CASE(both_keys_of_an_sa_are_overwritten_in_place) {
  const std::string secret = "0x" + std::string(64, 'a');  // on the heap, not in the string itself
  json params = {{"spec", {{"id", "esp.115@192.0.2.2"}, {"encryption_key", secret}, {"authentication_key", secret}}}};
  for (const char* field : {"encryption_key", "authentication_key"}) {
    const auto* text = params["spec"][field].get_ptr<const std::string*>();
    BOOST_REQUIRE(*text == secret);
  }
  wipe_keys(params);
  for (const char* field : {"encryption_key", "authentication_key"}) {
    BOOST_TEST((params["spec"][field] == std::string(secret.size(), '\0')));
  }
  BOOST_TEST(params["spec"]["id"] == "esp.115@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(the_keys_of_every_edit_of_a_batch_are_overwritten) {
  json params = json::parse(R"({"edits": [
      {"method": "sa.add", "params": {"spec": {"encryption_key": "0x5ec7e7"}}},
      {"method": "sa.delete", "params": {"id": "esp.115@192.0.2.2"}},
      7,
      {"method": "sa.add"},
      {"method": "sa.add", "params": {"spec": {"authentication_key": "0x5ec7e7"}}}]})");
  wipe_keys(params);
  BOOST_TEST(!test::holds(params.dump(), "5ec7e7"));
  BOOST_TEST(params["edits"][1]["params"]["id"] == "esp.115@192.0.2.2");
}

BOOST_AUTO_TEST_CASE(params_of_any_shape_are_passed_over) {
  for (const std::string_view text :
       {"null", "[]", "1", "\"0xabc\"", "{}", R"({"spec": null})", R"({"spec": []})", R"({"spec": {}})",
        R"({"spec": {"encryption_key": null}})", R"({"spec": {"encryption_key": 1}})",
        R"({"spec": {"encryption_key": {}}})", R"({"spec": {"encryption_key": ""}})", R"({"edits": {}})",
        R"({"edits": [null, [], {"params": null}, {"params": []}, {"params": {"spec": 1}}]})"}) {
    json params = json::parse(text);
    wipe_keys(params);
    BOOST_TEST(params == json::parse(text));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace spigrp
