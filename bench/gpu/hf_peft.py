#!/usr/bin/env python3
"""The same training step in Hugging Face transformers + PEFT, to set beside `tunesmith-engine bench`.

Random weights of a published model's size, bf16 base (float32 on the CPU), LoRA r=16 on all seven projections, fused AdamW,
gradient clipping at 1. Prints one JSON line: tokens/s (real ones, padding not counted), milliseconds a step (median),
allocator peak and whole device use.

    python3 hf_peft.py --shape llama-3.2-1b --batch 8 --seq 2048
    python3 hf_peft.py --docs lengths.json --batch 2 --accumulate 4     # padded to the longest, as notebooks do
    python3 hf_peft.py --shape tiny-python --device cpu --threads 8 --batch 4 --seq 1024
"""
import argparse
import json
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

# hidden, intermediate, layers, heads, key/value heads, vocabulary, tied
SHAPES = {
    "llama-3.2-1b": (2048, 8192, 16, 32, 8, 128256, True),
    "llama-3.2-3b": (3072, 8192, 28, 24, 8, 128256, True),
    "tiny-python": (384, 1024, 8, 6, 2, 8192, True),
}
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def build(options):
    hidden, intermediate, layers, heads, kv_heads, vocabulary, tied = SHAPES[options.shape]
    config = LlamaConfig(hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers,
                         num_attention_heads=heads, num_key_value_heads=kv_heads, vocab_size=vocabulary,
                         tie_word_embeddings=tied, max_position_embeddings=131072, rms_norm_eps=1e-5,
                         head_dim=128 if options.shape == "llama-3.2-3b" else 64)
    config._attn_implementation = "sdpa"
    torch.manual_seed(0)
    with torch.device(options.device):
        torch.set_default_dtype(torch.bfloat16 if options.device == "cuda" else torch.float32)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    model.config.use_cache = False
    if options.recompute == "block":
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=PROJECTIONS, task_type="CAUSAL_LM"))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    model.train()
    return model, vocabulary


def batches(options, vocabulary):
    """Lists of micro-batches (ids, labels, attention mask, real tokens), one list a step."""
    generator = torch.Generator().manual_seed(1)
    draw = lambda *shape: torch.randint(0, vocabulary, shape, generator=generator)
    if not options.docs:
        steps = []
        for _ in range(4):
            ids = draw(options.batch, options.seq)
            steps.append([(ids, ids.clone(), None, ids.numel())])
        return steps
    lengths = json.load(open(options.docs))
    micro = []
    for at in range(0, len(lengths), options.batch):
        rows = [min(n, options.seq) for n in lengths[at:at + options.batch]]
        ids = draw(len(rows), max(rows))
        labels, mask = ids.clone(), torch.ones_like(ids)
        for row, length in enumerate(rows):
            labels[row, :length // 2] = -100
            labels[row, length:] = -100
            mask[row, length:] = 0
        micro.append((ids, labels, mask, sum(rows)))
    return [micro[i:i + options.accumulate] for i in range(0, len(micro), options.accumulate)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", default="llama-3.2-1b", choices=SHAPES)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seq", type=int, default=2048)
    parser.add_argument("--accumulate", type=int, default=1)
    parser.add_argument("--recompute", default="none", choices=["none", "block"])
    parser.add_argument("--docs")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    model, vocabulary = build(options)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
    forward = torch.compile(model) if options.compile else model
    gpu = options.device == "cuda"

    def step(parts):
        for ids, labels, mask, _ in parts:
            move = lambda t: None if t is None else t.to(options.device)
            with torch.autocast("cuda", torch.bfloat16, enabled=gpu):
                loss = forward(input_ids=move(ids), labels=move(labels), attention_mask=move(mask)).loss
            (loss / len(parts)).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if gpu:
            torch.cuda.synchronize()

    work = batches(options, vocabulary)
    for i in range(3 if gpu else 1):
        step(work[i % len(work)])
    seconds, tokens = [], 0
    for i in range(options.steps):
        parts = work[i % len(work)]
        begin = time.perf_counter()
        step(parts)
        seconds.append(time.perf_counter() - begin)
        tokens += sum(part[3] for part in parts)
    typical = statistics.median(seconds) * options.steps if not options.docs else sum(seconds)
    result = {"peer": "transformers + PEFT" + (" + torch.compile" if options.compile else ""), "shape": options.shape,
              "device": options.device, "batch": options.batch, "sequence": options.seq, "recompute": options.recompute,
              "threads": options.threads, "steps": options.steps, "tokensPerSecond": tokens / typical,
              "millisecondsPerStep": statistics.median(seconds) * 1e3}
    if gpu:
        free, total = torch.cuda.mem_get_info()
        result["allocatorPeakBytes"] = torch.cuda.max_memory_allocated()
        result["deviceBytesUsed"] = total - free
    print(json.dumps(result), flush=True)


main()
