#include "commands/verification.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "error.h"
#include "model/generate.h"

namespace tunesmith {

namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

struct Limits {
  double logit;          // absolute: the NLL of a token, logits, log-sum-exp
  double mean_nll;       // absolute: of a document
  double greedy;         // tokens that differ
  double loss;           // relative
  double gradient;       // relative L2 of each tensor
  double gradient_norm;  // relative
  double adapter;        // relative L2 over all tensors
};
constexpr Limits kFloat32 = {5e-5, kNone, 0, 5e-5, 1e-4, 1e-4, 1e-4};
/** A logit of 20 is rounded to a multiple of 1/8 in bfloat16, so single tokens have no limit; what training shows has one. */
constexpr Limits kBfloat16 = {kNone, 0.05, kNone, 0.007, 0.05, kNone, kNone};

constexpr size_t kPackedTokens = 2048;

using Report = std::function<void(const Figure&)>;

/** Documents packed back to back, as training packs them. */
struct Packed {
  std::vector<int32_t> ids, starts{0}, target_rows;
  void append(const GoldenSequence& sequence) {
    const int32_t first = static_cast<int32_t>(ids.size());
    for (const int32_t row : sequence.target_rows) target_rows.push_back(first + row);
    ids.insert(ids.end(), sequence.ids.begin(), sequence.ids.end());
    starts.push_back(static_cast<int32_t>(ids.size()));
  }
  Batch batch() const { return {ids, starts, target_rows}; }
};

std::vector<Packed> pack(const std::vector<GoldenSequence>& sequences) {
  std::vector<Packed> out;
  for (const GoldenSequence& sequence : sequences) {
    if (out.empty() || out.back().ids.size() + sequence.ids.size() > kPackedTokens) out.emplace_back();
    out.back().append(sequence);
  }
  return out;
}

/** The largest difference; NaN stays. */
void widen(double& error, double difference) {
  if (!(std::abs(difference) <= error)) error = std::abs(difference);
}

void verify_base(Trainer& trainer, const Golden& golden, const Limits& limits, const Report& report) {
  const size_t vocabulary = static_cast<size_t>(trainer.config().vocabulary_size);
  std::vector<float> logits(vocabulary);
  for (size_t i = 0; i < golden.base.size(); ++i) {
    const GoldenBase& base = golden.base[i];
    GoldenSequence everything{golden.sequences[i].ids, {}};
    for (size_t t = 0; t + 1 < everything.ids.size(); ++t) everything.target_rows.push_back(static_cast<int32_t>(t));
    Packed packed;
    packed.append(everything);
    std::vector<float> nll(base.nll.size());
    trainer.target_nll(packed.batch(), nll);
    double error = 0, sum = 0;
    for (size_t t = 0; t < nll.size(); ++t) {
      const double difference = static_cast<double>(nll[t]) - base.nll[t];
      widen(error, difference);
      sum += difference;
    }
    const std::string at = "[" + std::to_string(i) + "]";
    report({"base.nll" + at, error, limits.logit});
    if (limits.mean_nll < kNone) {
      report({"base.mean_nll" + at, std::abs(sum / static_cast<double>(nll.size())), limits.mean_nll});
    }

    if (base.last_logits.empty() && !base.last_logsumexp) continue;
    const int32_t last = static_cast<int32_t>(everything.ids.size()) - 1;
    trainer.logits(packed.batch(), {&last, 1}, logits);
    if (!base.last_logits.empty()) {
      error = 0;
      for (const auto& [id, logit] : base.last_logits) {
        if (static_cast<size_t>(id) >= vocabulary) {
          throw Error("reference-invalid", "reference.json: base" + at + ".last_top10 holds the token id " +
                                               std::to_string(id) + ", which the model's vocabulary does not have.");
        }
        widen(error, static_cast<double>(logits[static_cast<size_t>(id)]) - logit);
      }
      report({"base.last_top10" + at, error, limits.logit});
    }
    if (base.last_logsumexp) {
      const double maximum = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
      double sum = 0;
      for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - maximum);
      report({"base.last_logsumexp" + at, std::abs(maximum + std::log(sum) - *base.last_logsumexp), limits.logit});
    }
  }
}

void verify_greedy(Trainer& trainer, const GoldenGreedy& greedy, const Limits& limits, const Report& report) {
  Generator generator(trainer);
  const std::vector<int32_t> answer = generator.greedy(greedy.prompt, static_cast<int>(greedy.answer.size()));
  size_t different = greedy.answer.size() - answer.size();
  for (size_t i = 0; i < answer.size(); ++i) different += answer[i] != greedy.answer[i];
  report({"greedy", static_cast<double>(different), limits.greedy});
}

struct Distance {
  double difference = 0, reference = 0;  // sums of squares
  void add(std::span<const float> ours, std::span<const float> theirs) {
    for (size_t i = 0; i < ours.size(); ++i) {
      const double d = static_cast<double>(ours[i]) - static_cast<double>(theirs[i]);
      difference += d * d;
      reference += static_cast<double>(theirs[i]) * static_cast<double>(theirs[i]);
    }
  }
  /** Relative L2; absolute where the reference is all zero. */
  double value() const { return reference > 0 ? std::sqrt(difference / reference) : std::sqrt(difference); }
};

std::vector<float> reference_tensor(const TensorSource& source, const NamedTensor& ours) {
  constexpr std::string_view kPrefix = "base_model.model.";
  const std::string plain = ours.name.starts_with(kPrefix) ? ours.name.substr(kPrefix.size()) : ours.name;
  const TensorView& view = source.at(source.contains(plain) ? plain : ours.name, ours.shape);
  std::vector<float> values(static_cast<size_t>(view.count()));
  view.copy_to(values);
  return values;
}

void refuse_surplus(const TensorSource& source, const std::vector<NamedTensor>& ours) {
  if (source.all().size() == ours.size()) return;
  for (const auto& [name, view] : source.all()) {
    const bool known = std::any_of(ours.begin(), ours.end(),
                                   [&](const NamedTensor& t) { return t.name == name || t.name.ends_with("." + name); });
    if (!known) {
      throw Error("reference-invalid", view.file + " holds " + name + ", which the adapter of this reference does not have.");
    }
  }
}

void verify_gradient(Trainer& trainer, const TensorSource& reference, const Limits& limits, const Report& report) {
  const std::vector<NamedTensor> gradient = trainer.gradient();
  refuse_surplus(reference, gradient);
  for (const NamedTensor& ours : gradient) {
    Distance distance;
    distance.add(ours.values, reference_tensor(reference, ours));
    report({"gradient " + ours.name, distance.value(), limits.gradient});
  }
}

void verify_training(Trainer& trainer, const Golden& golden, const Limits& limits, const Report& report) {
  const GoldenTraining& t = *golden.training;
  trainer.load_adapter(*golden.adapter_init);
  const std::vector<Packed> batches = pack(golden.sequences);
  size_t targets = 0;
  for (const Packed& packed : batches) targets += packed.target_rows.size();
  if (targets == 0) throw Error("reference-invalid", "reference.json: sequences have no labels, so nothing can be trained.");
  const double scale = 1.0 / static_cast<double>(targets);

  const size_t steps = std::max(t.losses.size(), t.gradient_norms.size());
  const auto accumulate = [&] {
    for (const Packed& packed : batches) trainer.accumulate(packed.batch(), scale);
  };
  for (size_t step = 0; step < steps; ++step) {
    accumulate();
    if (step == 0 && golden.gradients) verify_gradient(trainer, *golden.gradients, limits, report);
    const double rate = learning_rate_at(t.schedule, static_cast<int64_t>(step), static_cast<int64_t>(steps), t.warmup,
                                         t.learning_rate);
    const Trainer::StepResult result = trainer.apply(rate);
    const std::string at = "[" + std::to_string(step) + "]";
    if (!t.losses.empty()) {
      report({"loss" + at, std::abs(result.loss_sum * scale / t.losses[step] - 1.0), limits.loss});
    }
    if (!t.gradient_norms.empty()) {
      report({"gradient_norm" + at, std::abs(result.gradient_norm / t.gradient_norms[step] - 1.0), limits.gradient_norm});
    }
  }
  if (steps == 0 && golden.gradients) {
    accumulate();
    verify_gradient(trainer, *golden.gradients, limits, report);
  }
  if (steps == 0 || !golden.adapter_final) return;
  const std::vector<NamedTensor> adapter = trainer.adapter();
  refuse_surplus(*golden.adapter_final, adapter);
  Distance distance;
  for (const NamedTensor& ours : adapter) distance.add(ours.values, reference_tensor(*golden.adapter_final, ours));
  report({"adapter_final", distance.value(), limits.adapter});
}

}  // namespace

void verify_reference(const LlamaConfig& config, const TensorSource& base, const Golden& golden,
                      const VerifyOptions& options, const Report& report) {
  size_t longest = kPackedTokens;
  for (const GoldenSequence& sequence : golden.sequences) longest = std::max(longest, sequence.ids.size());
  TrainerOptions trainer_options;
  if (golden.training) {
    trainer_options.lora = golden.training->lora;
    trainer_options.optimizer = golden.training->optimizer;
  }
  trainer_options.max_tokens = static_cast<int64_t>(longest);
  trainer_options.max_targets = trainer_options.max_tokens;
  trainer_options.recompute = options.recompute;
  trainer_options.threads = options.threads;
  trainer_options.cuda = options.cuda;
  // A fresh adapter: B is zero, the base speaks.
  Trainer trainer(open_device(trainer_options), config, base, trainer_options);
  const Limits& limits = options.cuda && !options.cuda->float32 ? kBfloat16 : kFloat32;
  verify_base(trainer, golden, limits, report);
  if (golden.greedy) verify_greedy(trainer, *golden.greedy, limits, report);
  if (golden.training) verify_training(trainer, golden, limits, report);
}

}  // namespace tunesmith
