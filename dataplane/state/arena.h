// Arena: memory for what a piece of work needs until its end, and then no more: millions of small entries, as the
// staged edits of a large transaction are. It comes from the heap in pieces, which go back one by one. Entry by entry
// the heap would keep the holes between what stays, and giving them back takes long, in one go.
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <vector>

namespace spigrp {

class Arena final : public std::pmr::memory_resource {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Once nothing is left in use. `step` is called after each piece.
  template <class Step>
  void release(Step step) {
    left_ = 0;
    for (; !pieces_.empty(); step()) pieces_.pop_back();
  }
  size_t piece_count() const noexcept { return pieces_.size(); }

 private:
  static constexpr size_t kUnit = alignof(std::max_align_t);
  // The first is for work that is small. Of the others malloc takes none from the kernel: its heap has large pages.
  static constexpr size_t kFirstPieceBytes = 4096, kPieceBytes = 64 * 1024;
  static constexpr size_t kMostFromPiece = 1024;  // what is larger is the heap's

  static bool is_from_heap(size_t bytes, size_t alignment) noexcept {
    return bytes > kMostFromPiece || alignment > kUnit;
  }

  void* do_allocate(size_t bytes, size_t alignment) override {
    if (is_from_heap(bytes, alignment)) return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    const size_t taken = (bytes + kUnit - 1) / kUnit * kUnit;
    if (taken > left_) {
      const size_t next = pieces_.empty() ? kFirstPieceBytes : kPieceBytes;
      pieces_.push_back(std::make_unique_for_overwrite<std::byte[]>(next));
      free_ = pieces_.back().get();
      left_ = next;
    }
    std::byte* memory = free_;
    free_ += taken;
    left_ -= taken;
    return memory;
  }
  void do_deallocate(void* memory, size_t bytes, size_t alignment) override {
    if (is_from_heap(bytes, alignment)) std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

  std::vector<std::unique_ptr<std::byte[]>> pieces_;
  std::byte* free_ = nullptr;  // of the last piece, and how much
  size_t left_ = 0;
};

}  // namespace spigrp
