// main() of a unit test runner whose room needs no EAL. Include it in one file of the runner only, before or after
// Boost.Test's own header.
#pragma once

#include <boost/test/unit_test.hpp>

int main(int argc, char** argv) {
  const auto name_the_suite = [] {
    boost::unit_test::framework::master_test_suite().p_name.value = "spigrp";
    return true;
  };
  return boost::unit_test::unit_test_main(name_the_suite, argc, argv);
}
