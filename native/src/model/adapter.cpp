#include "model/adapter.h"

namespace tunesmith {

namespace {

struct Matrix {
  LoraTarget target;
  int64_t out;
};

struct Group {
  int64_t in;
  std::vector<Matrix> matrices;  // stacked in this order
};

std::array<Group, kLinearGroups> groups_of(const LlamaConfig& c) {
  const int64_t heads = c.query_heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  return {Group{c.hidden_size, {{LoraTarget::q, heads}, {LoraTarget::k, kv}, {LoraTarget::v, kv}}},
          Group{heads, {{LoraTarget::o, c.hidden_size}}},
          Group{c.hidden_size, {{LoraTarget::gate, c.intermediate_size}, {LoraTarget::up, c.intermediate_size}}},
          Group{c.intermediate_size, {{LoraTarget::down, c.hidden_size}}}};
}

std::string peft_name(int64_t layer, LoraTarget target, const char* matrix) {
  const bool mlp = target == LoraTarget::gate || target == LoraTarget::up || target == LoraTarget::down;
  return "base_model.model.model.layers." + std::to_string(layer) + (mlp ? ".mlp." : ".self_attn.") + name_of(target) +
         matrix;
}

}  // namespace

AdapterLayout::AdapterLayout(const LlamaConfig& config, const LoraConfig& lora)
    : rank_(lora.rank), scale_(static_cast<float>(lora.scale())) {
  const auto groups = groups_of(config);
  for (size_t g = 0; g < groups.size(); ++g) {
    sizes_[g] = {groups[g].in, 0};
    for (const Matrix& m : groups[g].matrices) sizes_[g].out += m.out;
  }
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (const Group& group : groups) {
      Slot slot;
      slot.a_offset = count_;
      for (const Matrix& m : group.matrices) {
        if (!lora.targets[static_cast<size_t>(m.target)]) continue;
        tensors_.push_back({peft_name(layer, m.target, ".lora_A.weight"), {rank_, group.in}, count_});
        count_ += rank_ * group.in;
      }
      int64_t column = 0;
      for (const Matrix& m : group.matrices) {
        if (lora.targets[static_cast<size_t>(m.target)]) {
          slot.parts.push_back({column, m.out, count_});
          tensors_.push_back({peft_name(layer, m.target, ".lora_B.weight"), {m.out, rank_}, count_});
          count_ += m.out * rank_;
        }
        column += m.out;
      }
      slots_.push_back(std::move(slot));
    }
  }
}

const AdapterLayout::Slot& AdapterLayout::slot(int64_t layer, LinearGroup group) const {
  return slots_[static_cast<size_t>(layer * kLinearGroups + static_cast<int64_t>(group))];
}

int64_t AdapterLayout::columns(LinearGroup group) const {
  return static_cast<int64_t>(slot(0, group).parts.size()) * rank_;
}

void AdapterLayout::place_copies(Arena& arena, const Device& device) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Size& size = sizes_[i % kLinearGroups];
    const size_t bytes = device.adapter_copy_bytes(lora_of(slots_[i], nullptr), size.in, size.out);
    slots_[i].copy = bytes > 0 ? arena.take_bytes(bytes) : nullptr;
  }
}

void AdapterLayout::round_copies(Device& device, const float* parameters) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].copy == nullptr) continue;
    const Size& size = sizes_[i % kLinearGroups];
    device.round_adapter(lora_of(slots_[i], parameters), size.in, size.out);
  }
}

LinearLora AdapterLayout::lora(int64_t layer, LinearGroup group, const float* parameters) const {
  return lora_of(slot(layer, group), parameters);
}

LinearLora AdapterLayout::lora_of(const Slot& s, const float* parameters) const {
  LinearLora out;
  if (s.parts.empty()) return out;
  out.rank = rank_;
  out.scale = scale_;
  out.parts = static_cast<int>(s.parts.size());
  for (size_t i = 0; i < s.parts.size(); ++i) {
    out.part[i].first_column = s.parts[i].first_column;
    out.part[i].columns = s.parts[i].columns;
  }
  out.copy = s.copy;
  if (parameters == nullptr) return out;
  out.a = parameters + s.a_offset;
  for (size_t i = 0; i < s.parts.size(); ++i) out.part[i].b = parameters + s.parts[i].b_offset;
  return out;
}

void AdapterLayout::point(LinearBackward& op, int64_t layer, LinearGroup group, float* gradient) const {
  const Slot& s = slot(layer, group);
  if (s.parts.empty()) return;
  op.da = gradient + s.a_offset;
  for (size_t i = 0; i < s.parts.size(); ++i) op.db[i] = gradient + s.parts[i].b_offset;
}

}  // namespace tunesmith
