// What our programs do with their process before anything else.
#pragma once

namespace spigrp {

// Descriptors 0 … 2 that the caller closed are opened, so that no socket gets their numbers: input and errors on
// /dev/null, output where every write fails and is noticed.
void open_standard_descriptors() noexcept;

// Keys are in this memory: no core dump, and nobody but root attaches (invariant 5).
void hide_memory() noexcept;

}  // namespace spigrp
