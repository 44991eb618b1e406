// What our programs do with their process before anything else.
#pragma once

namespace spigrp {

// malloc's memory shall be in pages of 2 MiB where the kernel has them for who asks (its transparent_hugepage): among
// many SAs a packet waits for page tables as long as for what they lead to. glibc (2.35) is told when a program is
// loaded, so it is loaded once more; not where GLIBC_TUNABLES is set already. If that fails the program goes on as it
// is.
void take_large_pages(char** arguments) noexcept;

// Descriptors 0 … 2 that the caller closed are opened, so that no socket gets their numbers: input and errors on
// /dev/null, output where every write fails and is noticed.
void open_standard_descriptors() noexcept;

// Keys are in this memory: no core dump, and nobody but root attaches (invariant 5).
void hide_memory() noexcept;

}  // namespace spigrp
