// main() of a unit test runner whose room needs no EAL. Include it in one file of the runner only.
#pragma once

#define BOOST_TEST_MODULE spigrp
#include <boost/test/unit_test.hpp>
