#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/arena.h"
#include "model/config.h"
#include "ops.h"
#include "train/lora.h"

namespace tunesmith {

/** The frozen products of a layer; each may carry the adapters of the matrices stacked in it. */
enum class LinearGroup { qkv, o, gate_up, down };
inline constexpr int kLinearGroups = 4;

/** One LoRA matrix in the flat adapter buffer. */
struct AdapterTensor {
  std::string name;  // PEFT's, with ".lora_A.weight" or ".lora_B.weight"
  std::array<int64_t, 2> shape;
  int64_t offset;  // of its first float
  int64_t count() const { return shape[0] * shape[1]; }
};

/** Where every LoRA matrix lies in one flat float32 buffer. The gradient and the moments have the same layout. */
class AdapterLayout {
 public:
  AdapterLayout(const LlamaConfig&, const LoraConfig&);

  int64_t count() const { return count_; }
  /** In the buffer's order: layer by layer, group by group, stacked A before the B. */
  const std::vector<AdapterTensor>& tensors() const { return tensors_; }

  /** Takes memory for the device's own rounding of every group's matrices; `lora` points to it from then on. */
  void place_copies(Arena& arena, const Device&);
  /** Has the device round all of them again; must follow every change of the parameters. */
  void round_copies(Device&, const float* parameters) const;

  /** The argument of the linear op of `group` in `layer`, for parameters at `parameters`. */
  LinearLora lora(int64_t layer, LinearGroup group, const float* parameters) const;
  /** Sets da and db of a backward for gradients at `gradient`. */
  void point(LinearBackward& op, int64_t layer, LinearGroup group, float* gradient) const;
  /** Columns of the group's x·aᵀ: parts × rank. */
  int64_t columns(LinearGroup group) const;
  bool trains(LinearGroup group) const { return columns(group) > 0; }
  struct Size {
    int64_t in, out;
  };
  /** Of the group's product. */
  const Size& size(LinearGroup group) const { return sizes_[static_cast<size_t>(group)]; }

 private:
  struct Part {
    int64_t first_column, columns, b_offset;
  };
  struct Slot {
    int64_t a_offset = 0;
    std::vector<Part> parts;
    void* copy = nullptr;
  };
  const Slot& slot(int64_t layer, LinearGroup group) const;
  /** Without `parameters`: its sizes alone. */
  LinearLora lora_of(const Slot&, const float* parameters) const;
  int64_t rank_;
  float scale_;
  int64_t count_ = 0;
  std::vector<AdapterTensor> tensors_;
  std::array<Size, kLinearGroups> sizes_;
  std::vector<Slot> slots_;  // layer by layer, group by group
};

}  // namespace tunesmith
