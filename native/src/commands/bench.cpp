/** `tunesmith-engine bench`: training steps on random weights of a published model's size, beside their floors. */
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "commands/arguments.h"
#include "commands/bench_work.h"
#include "commands/commands.h"
#include "commands/timed_device.h"
#include "error.h"
#include "io/json.h"
#include "model/arena.h"
#include "run/memory_plan.h"
#include "run/run_spec.h"
#include "run/training_run.h"

namespace tunesmith {

namespace {

constexpr int kWarmUp = 3, kUsualSteps = 10;

struct BenchRequest {
  std::string shape, recompute, base, loss, device;
  int64_t batch = 8, sequence = 2048;
  int steps = kUsualSteps;
  std::optional<int64_t> budget;
  std::vector<int64_t> lengths;
  TrainerOptions options;
  bool json = false;
};

std::string one_of(const Arguments& options, const std::string& name, const std::string& otherwise,
                   const std::vector<std::string>& values) {
  const std::string value = options.optional(name).value_or(otherwise);
  std::string all;
  for (const std::string& known : values) {
    if (value == known) return value;
    all += (all.empty() ? "" : ", ") + known;
  }
  throw UsageError{name + " must be one of " + all};
}

BenchRequest parse(const std::vector<std::string>& arguments) {
  const Arguments options(arguments,
                          {"--shape", "--batch", "--seq", "--recompute", "--base", "--loss", "--docs", "--device", "--rank",
                           "--steps", "--threads", "--memory-budget-mib"},
                          {"--json", "--no-cublas", "--float32"});
  BenchRequest r;
  r.shape = options.required("--shape");
  r.batch = options.number("--batch", 1, 4096).value_or(8);
  r.sequence = options.number("--seq", 16, 131072).value_or(2048);
  r.steps = options.number("--steps", 1, 100000).value_or(kUsualSteps);
  r.recompute = one_of(options, "--recompute", "none", {"none", "gate-up", "block", "auto"});
  r.base = one_of(options, "--base", "bf16", {"bf16", "nf4"});
  r.loss = one_of(options, "--loss", "all", {"all", "response"});
  r.device = one_of(options, "--device", "cuda", {"cuda", "cpu"});
  if (const auto mib = options.number("--memory-budget-mib", 1, 1 << 24)) r.budget = static_cast<int64_t>(*mib) << 20;
  if (const auto path = options.optional("--docs")) r.lengths = read_lengths(*path);
  r.options.lora.rank = options.number("--rank", 1, 1024).value_or(16);
  r.options.lora.alpha = 2.0 * static_cast<double>(r.options.lora.rank);
  r.options.threads = options.number("--threads", 1, 1024).value_or(usable_cores());
  if (r.device == "cuda") {
    CudaOptions cuda;
    cuda.nf4 = r.base == "nf4", cuda.cublas = !options.flag("--no-cublas"), cuda.float32 = options.flag("--float32");
    r.options.cuda = cuda;
  }
  r.json = options.flag("--json");
  return r;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/** FLOP/s of a product of 8,192 rows, columns and terms (CPU: 1,024) on the device, as it stands: the arithmetic ceiling. */
double measured_ceiling(Device& device, bool cpu) {
  const int64_t size = cpu ? 1024 : 8192;
  DeviceMemory x(device, static_cast<size_t>(size * size) * device.activation_size());
  DeviceMemory w(device, device.weight_bytes({WeightShape::Use::table, size, size}));
  DeviceMemory y(device, static_cast<size_t>(size * size) * device.activation_size());
  // Any bits but zeros: products of zeros draw less power and run faster than real ones.
  std::vector<uint16_t> noise(static_cast<size_t>(size * size) * device.activation_size() / 2);
  uint32_t state = 1;
  for (uint16_t& bits : noise) {
    state = state * 1664525u + 1013904223u;
    bits = static_cast<uint16_t>(0x3c00u | (state >> 16 & 0x83ffu));
  }
  device.copy_to_device(x.data(), noise.data(), noise.size() * 2);
  device.copy_to_device(w.data(), noise.data(), noise.size() * 2);
  LinearForward product;
  product.rows = product.in = product.out = size;
  product.x = static_cast<Activation*>(x.data()), product.w = static_cast<Weight*>(w.data());
  product.use = WeightShape::Use::table, product.y = static_cast<Activation*>(y.data());
  std::vector<double> seconds;
  for (int i = 0; i < 8; ++i) {
    const int begin = device.mark();
    device.linear_forward(product);
    seconds.push_back(device.seconds_between(begin, device.mark()));
  }
  return 2.0 * static_cast<double>(size * size * size) / median(seconds);
}

Json by_op(const std::map<std::string, TimedDevice::Total>& totals, double seconds) {
  std::vector<std::pair<std::string, TimedDevice::Total>> ops(totals.begin(), totals.end());
  std::sort(ops.begin(), ops.end(), [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  Json list = Json::array();
  for (const auto& [op, total] : ops) {
    list.push_back({{"op", op},
                    {"calls", total.calls},
                    {"milliseconds", total.seconds * 1e3},
                    {"microsecondsPerCall", total.seconds * 1e6 / static_cast<double>(total.calls)},
                    {"shareOfStep", total.seconds / seconds}});
  }
  return list;
}

void print_text(const Json& result) {
  std::printf("%s, %s: %.0f tokens/s, %.1f ms a step (%lld tokens, %lld in the loss), %.2f of the arithmetic floor\n",
              result["shape"].get<std::string>().c_str(), result["device"].get<std::string>().c_str(),
              result["tokensPerSecond"].get<double>(), result["millisecondsPerStep"].get<double>(),
              static_cast<long long>(result["tokensPerStep"].get<double>()),
              static_cast<long long>(result["targetsPerStep"].get<double>()), result["shareOfFloor"].get<double>());
  std::printf("recompute %s, micro-batch %lld; device use %s, forecast %s\n", result["recompute"].get<std::string>().c_str(),
              result["microBatch"].get<long long>(), shown_bytes(result["deviceBytesUsed"].get<int64_t>()).c_str(),
              shown_bytes(result["forecastBytes"].get<int64_t>()).c_str());
  for (const Json& op : result["ops"]) {
    std::printf("%9.2f ms %5lld × %9.1f us  %4.1f %%  %s\n", op["milliseconds"].get<double>(), op["calls"].get<long long>(),
                op["microsecondsPerCall"].get<double>(), op["shareOfStep"].get<double>() * 100,
                op["op"].get<std::string>().c_str());
  }
}

}  // namespace

int run_bench(const std::vector<std::string>& arguments) {
  BenchRequest r = parse(arguments);
  const LlamaConfig config = bench_config(r.shape);
  const BenchLoss loss = r.loss == "all" ? BenchLoss::all : BenchLoss::response;
  const std::vector<BenchStep> steps = bench_steps(config, r.batch, r.sequence, loss, r.lengths);

  auto timed = std::make_unique<TimedDevice>(open_device(r.options));
  TimedDevice& device = *timed;
  const double ceiling = measured_ceiling(device, r.device == "cpu");
  const int64_t used_before = device.memory().total - device.memory().available;

  PlanRequest request;
  request.config = config, request.options = r.options;
  request.sequences_per_step = r.batch;
  for (const BenchStep& step : steps) {
    const int64_t tokens = static_cast<int64_t>(step.ids.size()), targets = static_cast<int64_t>(step.target_rows.size());
    request.sequence_tokens = std::max(request.sequence_tokens, (tokens + r.batch - 1) / r.batch);
    request.sequence_targets = std::max(request.sequence_targets, (targets + r.batch - 1) / r.batch);
    // A micro-batch of a few long documents has more than its share.
    if (!r.lengths.empty()) request.sequence_tokens = request.sequence_targets = r.sequence;
  }
  if (r.device == "cuda") request.rules = kGpuPlanning;
  if (r.recompute == "none") request.recompute = Recompute::none;
  if (r.recompute == "gate-up") request.recompute = Recompute::gate_up;
  if (r.recompute == "block") request.recompute = Recompute::block;
  if (request.recompute && !r.budget) request.micro_batch = r.batch;
  const MemoryPlan plan = choose_plan(device, request, usable_bytes(request.rules, device.memory().available,
                                                                    r.budget ? std::optional(*r.budget - used_before) : r.budget));
  const TrainerOptions options = options_for(request, plan.micro_batch, plan.recompute);

  const RandomWeights weights(config);
  Trainer trainer(std::move(timed), config, weights.source(), options);
  const auto run_step = [&](const BenchStep& step) {
    const double scale = 1.0 / static_cast<double>(step.target_rows.size());
    for (const BenchStep& part : split_step(step, options.max_tokens)) trainer.accumulate(part.batch(), scale);
    return trainer.apply(1e-4);
  };
  for (int i = 0; i < kWarmUp; ++i) run_step(steps[static_cast<size_t>(i) % steps.size()]);

  std::vector<double> seconds;
  double tokens = 0, targets = 0, total = 0, flop = 0;
  const size_t count = r.lengths.empty() ? static_cast<size_t>(r.steps) : std::max(steps.size(), static_cast<size_t>(r.steps));
  for (size_t i = 0; i < count; ++i) {
    const BenchStep& step = steps[i % steps.size()];
    const double begin = now();
    run_step(step);
    seconds.push_back(now() - begin);
    tokens += static_cast<double>(step.ids.size()), targets += static_cast<double>(step.target_rows.size());
    total += seconds.back(), flop += bench_flop(config, options.lora, step);
  }
  const DeviceMemoryInfo memory = device.memory();
  device.start();
  const double timed_begin = now();
  const Trainer::StepResult last = run_step(steps.front());
  const double timed_seconds = now() - timed_begin;

  const double steps_done = static_cast<double>(count), typical = median(seconds);
  const double per_step = r.lengths.empty() ? typical : total / steps_done;
  Json result = {{"shape", r.shape},
                 {"device", device.name()},
                 {"base", r.base},
                 {"loss", r.loss},
                 {"batch", r.batch},
                 {"sequence", r.sequence},
                 {"rank", options.lora.rank},
                 {"recompute", name_of(plan.recompute)},
                 {"microBatch", plan.micro_batch},
                 {"steps", count},
                 {"tokensPerStep", tokens / steps_done},
                 {"targetsPerStep", targets / steps_done},
                 {"millisecondsPerStep", per_step * 1e3},
                 {"fastestMilliseconds", *std::min_element(seconds.begin(), seconds.end()) * 1e3},
                 {"tokensPerSecond", tokens / steps_done / per_step},
                 {"secondsInAll", total},
                 {"teraflopPerStep", flop / steps_done * 1e-12},
                 {"ceilingTeraflops", ceiling * 1e-12},
                 {"shareOfFloor", flop / steps_done / ceiling / per_step},
                 {"deviceBytesUsed", memory.total - memory.available},
                 {"deviceBytesBefore", used_before},
                 {"forecastBytes", plan.total_bytes() + used_before},
                 {"gradientNorm", last.gradient_norm},
                 {"ops", by_op(device.stop(), timed_seconds)}};
  if (r.json) {
    std::printf("%s\n", result.dump().c_str());
  } else {
    print_text(result);
  }
  return 0;
}

}  // namespace tunesmith
