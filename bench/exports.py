#!/usr/bin/env python3
"""Exports beside `OUT eval`: for every model of models/ that has an export, code of `hnc aot` for each target computes the whole test
set, and the metrics of these results are compared with those that the built program prints.

A model is trained for a few steps. Each target's program reads arguments as bytes, and rows of tables as the files have them. NumPy makes
the metrics in double precision, and the order of rows and pixels from the numbers that docs/runtime.md documents. Writes
docs/results/exports.md. Every finished target of a model is a line of the records file; what is found there is not repeated."""
import argparse
import csv
import gzip
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import textwrap
import time

import numpy as np

import machine

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BOUND = 1e-5
REFERENCE = "x86-64-v3"  # the target whose results those of the others are compared with
TARGETS = {  # flags of hnc aot, the compiler of the program around the object, what runs it
    "x86-64-v3": (["--cpu=x86-64-v3"], "cc", []), "x86-64": (["--cpu=x86-64"], "cc", []), "x86-64-v4": (["--cpu=x86-64-v4"], "cc", []),
    "wasm32": (["--target=wasm32", "--emit=header,shared"], None, ["node"]),
    "aarch64": (["--target=aarch64"], "aarch64-linux-gnu-gcc", ["qemu-aarch64"]),
    "riscv64": (["--target=riscv64"], "riscv64-linux-gnu-gcc", ["qemu-riscv64"])}
EMULATED = ("aarch64", "riscv64")
TEXT_BYTES = 32  # of a cell in what the programs read


def parse_flags():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hnc", default=os.path.join(ROOT, "build", "hnc"), help="the compiler (default: build/hnc)")
    parser.add_argument("--tables", required=True, help="folder of adult.data, adult.test, default.csv and bank.csv")
    parser.add_argument("--mnist", required=True, help="folder of MNIST's idx files")
    parser.add_argument("--fashion", default="/usr/share/datasets/fashion-mnist", help="folder of Fashion-MNIST's (default: %(default)s)")
    parser.add_argument("--models", default=",".join(MODELS), help="which are run, of %(default)s")
    parser.add_argument("--records", default="exports.jsonl",
                        help="one line per model and target; trained weights lie in the folder of that name (default: %(default)s)")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs", "results", "exports.md"))
    flags = parser.parse_args()
    flags.hnc, flags.runs = os.path.abspath(flags.hnc), os.path.splitext(flags.records)[0]
    return flags


def targets_here():
    """Those whose compiler, emulator and processor are here."""
    with open("/proc/cpuinfo") as file:
        features = file.read().split()
    needs = {"x86-64-v4": "avx512f", "x86-64-v3": "avx2"}
    here = {}
    for target, (flags, compiler, runner) in TARGETS.items():
        tools = [compiler or "wasm-ld-19", *runner]
        missing = [tool for tool in tools if not shutil.which(tool)] + [need for need in [needs.get(target)] if need and need not in features]
        if missing:
            print(f"{target} is left out: there is no {' and no '.join(missing)}", flush=True)
        else:
            here[target] = (flags, compiler, runner)
    return here


# ---- what a header declares ----

SIZES = {"float": 4, "double": 8, "int32_t": 4, "unsigned char": 1}
TYPES = {"float": "f4", "double": "f8", "int32_t": "i4", "unsigned char": "u1"}


def fields_from(parameters, size_of):
    """{name: (type, elements, offset, is an address)} and the bytes of all; each begins at a multiple of 16."""
    fields, offset = {}, 0
    for kind, star, name in parameters:
        fields[name] = (kind, size_of(name), offset, bool(star))
        offset += -(-SIZES[kind] * size_of(name) // 16) * 16
    return fields, offset


class Export:
    """An export's functions: which arguments are conditions, which belong to an example, and where each stands in the bytes that a
    program reads."""

    def __init__(self, name, prefix, functions, sizes, columns):
        self.name, self.columns, self.prefix = name, columns, prefix
        once = functions[name]
        self.parameters = [p for p in once if p[2] not in ("result", "workspace")]
        self.result = (next(kind for kind, _, argument in once if argument == "result"), sizes[f"{name}_RESULT".upper()])
        size_of = lambda argument: sizes.get(f"{name}_{argument}".upper(), 1)
        split = functions.get(name + "_with")
        examples = [p for p in self.parameters if not split or p in split]
        conditions = [p for p in self.parameters if p not in examples]
        self.examples, self.example_bytes = fields_from(examples, size_of)
        self.conditions, self.condition_bytes = fields_from(conditions, size_of)
        self.result_bytes = SIZES[self.result[0]] * self.result[1]
        self.row_bytes = sum(8 if kind == "double" else TEXT_BYTES for kind, _, _ in columns) or self.example_bytes
        self.makes = None
        if split:
            makers = ["generate", "generate_" + "_".join(argument for _, _, argument in conditions)]
            self.makes = next(maker for maker in makers if maker in functions)
        self.calls = {"once": (name, self.places(once))}
        if split:
            self.calls["with"] = (name + "_with", self.places(split))
            self.calls["generate"] = (self.makes, self.places(functions[self.makes]))
        if columns:
            self.calls["encode"] = (name + "_encode", [["columns", 0, "", True]] + [["x", o, k, True] for k, _, o, _ in self.examples.values()])

    def places(self, parameters):
        """What each argument of a call is: [base, offset, type, is an address]."""
        places = []
        for kind, _, name in parameters:
            base, fields = ("c", self.conditions) if name in self.conditions else ("x", self.examples)
            places.append([base, fields[name][2], kind, fields[name][3]] if name in fields else
                          [{"result": "y"}.get(name, name), 0, kind, True])
        return places

    def pack(self, fields, total, values):
        """One record per row."""
        record = np.dtype({"names": list(fields), "formats": [(TYPES[kind], (size,)) for kind, size, _, _ in fields.values()],
                           "offsets": [offset for _, _, offset, _ in fields.values()], "itemsize": total})
        first = next(iter(fields.values()))
        rows = np.zeros(np.size(values[next(iter(fields))]) // first[1], record)
        for name, (_, size, _, _) in fields.items():
            rows[name] = np.asarray(values[name]).reshape(-1, size)
        return rows

    def pack_rows(self, values):
        """Arrays of arguments, or the cells of a table by their columns, as the program reads them."""
        if not self.columns:
            return self.pack(self.examples, self.example_bytes, values)
        rows = np.zeros(len(values), [(name, "f8" if kind == "double" else f"S{TEXT_BYTES}") for kind, name, _ in self.columns])
        for kind, name, column in self.columns:
            cells = [row[column] for row in values]
            if kind != "double" and max(map(len, cells)) >= TEXT_BYTES:
                raise ValueError(f"a cell of {column} is longer than {TEXT_BYTES - 1} bytes")
            rows[name] = [float(cell) for cell in cells] if kind == "double" else [cell.encode() for cell in cells]
        return rows


def read_header(text, prefix):
    """{name: Export} of a header, and the bytes of workspace and weights."""
    functions = {}
    for name, parameters in re.findall(rf"^int {prefix}_(\w+)\((.*)\);$", text, re.M):
        functions[name] = [re.fullmatch(r"(?:const )?([\w ]+?) ?(\*?)(\w+)", p).groups() for p in parameters.split(", ")]
    define = lambda suffix: {name: int(value) for name, value in re.findall(rf"^#define {prefix.upper()}_(\w*?){suffix} (\d+)", text, re.M)}
    sizes, weights = define("_SIZE"), define("_WEIGHTS_BYTES")
    cells = lambda name: re.findall(r"^    (double|const char \*) ?(\w+); /\* '(.*?)'", (re.findall(
        rf"^typedef struct {prefix}_{name}_columns {{\n(.*?)^}}", text, re.M | re.S) or [""])[0], re.M)
    names = [name for name in functions if not re.fullmatch(r"generate.*|.*_(with|encode)", name)]
    return ({name: Export(name, prefix, functions, sizes, cells(name)) for name in names},
            define("WORKSPACE_BYTES")[""], max(weights.values(), default=0))


# ---- programs that read arguments and write results ----

C_PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "object.h"
typedef unsigned char byte;
static _Alignas(64) byte workspace[OBJECT_WORKSPACE_BYTES], weights[WEIGHTS_BYTES + 1];
typedef struct { int (*generate)(const byte *c), (*with)(const byte *x, byte *y), (*once)(const byte *c, const byte *x, byte *y),
    (*encode)(const byte *row, byte *x); size_t condition, row, example, result; } export;
EXPORTS
static void must(int fine, int status)
{
    if (!fine)
        exit(status);
}
/* The rows of a command, encoded if they are a table's. */
static byte *read_rows(const export *e, size_t count)
{
    byte *x = aligned_alloc(64, (count * e->example + 64) / 64 * 64), *row = malloc(e->row);
    must(x && row, 10);
    for (size_t i = 0; i < count; i++) {
        must(fread(e->encode ? row : x + i * e->example, e->row, 1, stdin) == 1, 11);
        must(!e->encode || !e->encode(row, x + i * e->example), 12);
    }
    free(row);
    return x;
}
int main(void)
{
    _Alignas(16) static byte c[4096], y[65536], other[65536];
    byte *x = NULL;
    size_t count = 0;
    (void)weights; /* only where something is generated */
    for (int32_t head[2]; fread(head, sizeof head, 1, stdin) == 1;) { /* which export, how many rows; -1: those before */
        const export *e = &exports[head[0]];
        must(fread(c, 1, e->condition, stdin) == e->condition, 13);
        if (head[1] >= 0) {
            free(x);
            x = read_rows(e, count = (size_t)head[1]);
        }
        must(!e->generate || !e->generate(c), 14);
        for (size_t i = 0; i < count; i++) {
            must(!(e->with ? e->with(x + i * e->example, y) : e->once(c, x + i * e->example, y)), 15);
            if (e->with && i < 3) { /* the two forms are equal, bit for bit */
                must(!e->once(c, x + i * e->example, other), 16);
                must(!memcmp(y, other, e->result), 17);
            }
            must(fwrite(y, e->result, 1, stdout) == 1, 18);
        }
    }
    return 0;
}
"""
JS_PROGRAM = r"""
const fs = require("fs");
const plan = JSON.parse(fs.readFileSync("plan.json"));
const input = fs.readFileSync(0), output = [];
let at = 0;
const take = (bytes) => input.subarray(at, (at += bytes));
const must = (fine, status) => fine || process.exit(status);
const { exports: e } = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync("object.wasm")), {});
let top = e.__heap_base.value;
const place = (bytes) => {
  const start = (top + 63) & ~63;
  top = start + bytes;
  while (e.memory.buffer.byteLength < top) e.memory.grow(Math.ceil((top - e.memory.buffer.byteLength) / 65536));
  return start;
};
const bases = { workspace: place(plan.workspace), weights: place(plan.weights) };
for (const name of ["c", "y", "row", "columns"]) bases[name] = place(65536);
const rows = place(0);
const call = ([name, places]) =>
  e[name](...places.map(([base, offset, kind, address]) =>
    address ? bases[base] + offset : new DataView(e.memory.buffer).getInt32(bases[base] + offset, true)));
const bytes = () => new Uint8Array(e.memory.buffer);
const result = (k) => Buffer.from(bytes().slice(bases.y, bases.y + k.result));
const encode = (k, i) => { /* a structure of numbers and of addresses of texts */
  const view = new DataView(e.memory.buffer);
  let from = bases.row, to = bases.columns;
  for (const number of k.columns) {
    if (number) {
      to = (to + 7) & ~7;
      view.setFloat64(to, view.getFloat64(from, true), true);
    } else view.setUint32(to, from, true);
    from += number ? 8 : plan.text;
    to += number ? 8 : 4;
  }
  bases.x = rows + i * k.example;
  must(call(k.encode) === 0, 12);
};
let count = 0;
while (at < input.length) {
  const head = take(8), k = plan.exports[head.readInt32LE(0)];
  bytes().set(take(k.condition), bases.c);
  if (head.readInt32LE(4) >= 0) {
    count = head.readInt32LE(4);
    top = rows;
    place(count * k.example);
    for (let i = 0; i < count; i++) {
      bytes().set(take(k.row), k.encode ? bases.row : rows + i * k.example);
      if (k.encode) encode(k, i);
    }
  }
  must(!k.generate || call(k.generate) === 0, 14);
  for (let i = 0; i < count; i++) {
    bases.x = rows + i * k.example;
    must(call(k.with || k.once) === 0, 15);
    const y = result(k);
    if (k.with && i < 3) { /* the two forms are equal, bit for bit */
      must(call(k.once) === 0, 16);
      must(y.equals(result(k)), 17);
    }
    output.push(y);
  }
}
const all = Buffer.concat(output);
for (let done = 0; done < all.length; ) done += fs.writeSync(1, all, done);
"""
STATUSES = {10: "out of memory", 11: "a row is cut off", 12: "a row is refused", 13: "a condition is cut off", 14: "generate failed",
            15: "a call failed", 16: "the call at once failed", 17: "the call at once gives another result", 18: "cannot write"}


def c_adapters(exports):
    """Functions with which main() calls those of the object, and the table of exports."""
    parameters = {"generate": "const byte *c", "with": "const byte *x, byte *y", "once": "const byte *c, const byte *x, byte *y",
                  "encode": "const byte *row, byte *x"}
    lines = []
    for e in exports.values():
        for form, (function, places) in e.calls.items():
            words = []
            for base, offset, kind, address in places:
                constant = "" if base in ("y", "weights", "workspace") or form == "encode" else "const "
                words.append(base if base in ("weights", "workspace") else "&columns" if base == "columns" else
                             f"({constant}{kind} *)({base} + {offset})" if address else f"*(const {kind} *)({base} + {offset})")
            columns, offset = [], 0
            for kind, name, _ in e.columns if form == "encode" else ():
                columns.append(f".{name} = *(const double *)(row + {offset})" if kind == "double" else f".{name} = (const char *)(row + {offset})")
                offset += 8 if kind == "double" else TEXT_BYTES
            unused = "(void)c; " if form == "once" and not e.conditions else ""
            columns = f"object_{e.name}_columns columns = {{{', '.join(columns)}}}; " if columns else ""
            lines.append(f"static int {form}_{e.name}({parameters[form]}) {{ {unused}{columns}return object_{function}({', '.join(words)}); }}")
    rows = [f"{{{', '.join(f'{form}_{e.name}' if form in e.calls else 'NULL' for form in parameters)}, "
            f"{e.condition_bytes}, {e.row_bytes}, {e.example_bytes}, {e.result_bytes}}}" for e in exports.values()]
    return "\n".join([*lines, f"static const export exports[] = {{{', '.join(rows)}}};"])


def js_plan(exports, workspace, weights):
    return {"workspace": workspace, "weights": weights, "text": TEXT_BYTES, "exports": [
        {**{form: [f"object_{function}", places] for form, (function, places) in e.calls.items()}, "condition": e.condition_bytes,
         "row": e.row_bytes, "example": e.example_bytes, "result": e.result_bytes, "columns": [kind == "double" for kind, _, _ in e.columns]}
        for e in exports.values()]}


def make_program(flags, model, target, folder):
    """hnc aot for the target, and a program around it: (exports, the command that runs it)."""
    options, compiler, runner = target
    subprocess.run([flags.hnc, "aot", model.source, "--weights", model.weights, "--data", model.data, "-o", "object", *options,
                    "--batch", str(model.batch)], check=True, cwd=folder, stderr=subprocess.PIPE, text=True)
    with open(os.path.join(folder, "object.h")) as file:
        exports, workspace, weights = read_header(file.read(), "object")
    if compiler:
        text = C_PROGRAM.replace("WEIGHTS_BYTES + 1", f"{weights} + 1").replace("EXPORTS", c_adapters(exports))
        with open(os.path.join(folder, "program.c"), "w") as file:
            file.write(text)
        static = ["-static"] if runner else []
        subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", *static, "program.c", "object.o", "-o", "program"],
                       check=True, cwd=folder)
        return exports, [*runner, "./program"]
    with open(os.path.join(folder, "plan.json"), "w") as file:
        json.dump(js_plan(exports, workspace, weights), file)
    with open(os.path.join(folder, "program.js"), "w") as file:
        file.write(JS_PROGRAM)
    return exports, [*runner, "program.js"]


def run_program(command, exports, work, batch, folder):
    """The results of each piece of work, (export, conditions, rows), as [example][element]; rows None: those before."""
    order, counts = list(exports), []
    with open(os.path.join(folder, "input"), "wb") as file:
        for name, conditions, rows in work:
            e = exports[name]
            packed = e.pack_rows(rows) if rows is not None else None
            file.write(struct.pack("<ii", order.index(name), -1 if packed is None else len(packed)))
            if e.conditions:
                file.write(e.pack(e.conditions, e.condition_bytes, conditions).tobytes())
            if packed is not None:
                file.write(packed.tobytes())
            counts.append(len(packed) if packed is not None else counts[-1])
    with open(os.path.join(folder, "input"), "rb") as file:
        done = subprocess.run(command, stdin=file, stdout=subprocess.PIPE, cwd=folder)
    if done.returncode:
        raise OSError(f"{command[0]} ended with {done.returncode}: {STATUSES.get(done.returncode, 'unknown')}")
    results, at = [], 0
    for (name, _, _), count in zip(work, counts):
        e, kind = exports[name], TYPES[exports[name].result[0]]
        numbers = np.frombuffer(done.stdout, kind, count * e.result[1], at)
        results.append(numbers.reshape(count * batch, e.result[1] // batch))
        at += count * e.result_bytes
    if at != len(done.stdout):
        raise OSError(f"{command[0]} wrote {len(done.stdout)} bytes, not {at}")
    return results


# ---- data ----

def read_idx(folder, name):
    path = os.path.join(folder, name)
    with (open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz")) as file:
        raw = file.read()
    shape = struct.unpack_from(f">{raw[3]}i", raw, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def test_images(folder):
    return read_idx(folder, "t10k-images-idx3-ubyte"), read_idx(folder, "t10k-labels-idx1-ubyte").astype(int)


def read_table(folder, files):
    """Rows as {column: cell}."""
    rows = []
    for name in files:
        with open(os.path.join(folder, name), newline="") as file:
            cells = [[cell.strip() for cell in row] for row in csv.reader(file, skipinitialspace=True) if any(row)]
        rows += [dict(zip(cells[0], row)) for row in cells[1:]]
    return rows


def philox(blocks, second, third, purpose, key):
    """Philox 4x32-10 of the counters (block, second, third, purpose)."""
    mask = np.uint64(0xffffffff)
    c = [np.asarray(blocks, np.uint64), *(np.full(len(blocks), word, np.uint64) for word in (second, third, purpose))]
    key = list(key)
    for _ in range(10):
        low, high = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [high >> np.uint64(32) ^ c[1] ^ np.uint64(key[0]), high & mask, low >> np.uint64(32) ^ c[3] ^ np.uint64(key[1]), low & mask]
        key = [(key[0] + 0x9E3779B9) % 2**32, (key[1] + 0xBB67AE85) % 2**32]
    return [[int(word) for word in words] for words in zip(*c)]


def permutation(count, second, third, purpose):
    """The order of a shuffled split (purpose 2) or of permuted elements (purpose 4) under seed 0."""
    blocks = philox(np.arange(count // 2 + 1), second, third, purpose, (0, 0))
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        low, high = blocks[i >> 1][2 * (i & 1):2 * (i & 1) + 2]
        j = (high << 32 | low) * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order)


def read_tensor(path, name):
    """A tensor of f32 of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        start = file.tell() + header[name]["data_offsets"][0]
        return np.fromfile(path, "<f4", int(np.prod(header[name]["shape"])), offset=start).reshape(header[name]["shape"])


# ---- metrics, in double precision ----

def cross_entropy(probabilities, labels):
    with np.errstate(divide="ignore"):
        return -np.log(np.take_along_axis(probabilities.astype(float), labels[:, None], 1)).mean()


def binary_cross_entropy(p, labels):
    p = p.astype(float)
    return -np.log(np.where(labels, p, 1 - p)).mean()


def wrong(results, labels):
    """Of how many the largest element is another one."""
    return int((results.argmax(1) != labels).sum())


def calibration_error(probabilities, labels):
    sure = probabilities.max(1)
    gap = (probabilities.argmax(1) == labels) - sure.astype(float)
    bins = np.minimum(np.floor(np.float32(15) * sure), 14)
    return sum(abs(np.where(bins == i, gap, 0).mean()) for i in range(15))


# ---- models: what is computed, and what is made of it ----
# A case yields two things: the work, a list of (export, conditions, rows), and a function from its results to (metric of eval, number, in
# how many examples it counts or None).

def classifier_case(data, text="fit", error="err", mean=None):
    """One net, all images; `mean` makes the loss from outputs that are no probabilities."""
    def case(model):
        images, labels = test_images(model.data)
        def judge(results):
            yield f"{text}({data}.test)", (mean or cross_entropy)(results[0], labels), None
            yield f"{error}({data}.test)", wrong(results[0], labels), len(labels)
        return [("predict", {}, {"image": images})], judge
    return case


def squared_case(scale):
    return classifier_case("mnist", mean=lambda results, labels: scale * np.square(results.astype(float) - np.eye(10)[labels]).mean())


def ensemble_case(model):
    images, labels = test_images(model.data)
    work = [("predict", {}, {"image": images})] + [("opinion", {"k": k}, {"image": images}) for k in range(8)]
    def judge(results):
        vote, members = results[0], results[1:]
        yield "vote_loss(fashion.test)", cross_entropy(vote, labels), None
        yield "vote_error(fashion.test)", wrong(vote, labels), len(labels)
        yield "vote_calibration(fashion.test)", calibration_error(vote, labels), None
        yield "disagreement(fashion.test)", sum(wrong(m, vote.argmax(1)) for m in members), 8 * len(labels)
        yield "loss(fashion.test)", [cross_entropy(m, labels) for m in members], None
        yield "error(fashion.test)", [wrong(m, labels) for m in members], len(labels)
        yield "calibration(fashion.test)", [calibration_error(m, labels) for m in members], None
    return work, judge


def permuted_case(tasks, pad, loss):
    """Images with the pixels of each task in its order; the family is the model's second data set."""
    def case(model):
        images, labels = test_images(model.data)
        images = np.pad(images, ((0, 0), (pad, pad), (pad, pad))).reshape(len(images), -1)
        chosen = model.which or range(tasks)
        orders = [permutation(images.shape[1], t, 1, 4) if t else np.arange(images.shape[1]) for t in chosen]
        def judge(results):
            yield f"{loss}(permuted[t].test)", [cross_entropy(p, labels) for p in results], None
            yield "error(permuted[t].test)", [wrong(p, labels) for p in results], len(labels)
        return [("predict", {"t": t}, {"image": images[:, order]}) for t, order in zip(chosen, orders)], judge
    return case


def split_case(model):
    images, labels = test_images(model.data)
    pairs = [labels // 2 == t for t in range(5)]
    work = [("predict", {"t": t}, {"image": images[pair]}) for t, pair in enumerate(pairs)]
    work += [("infer", {}, {"image": images}), ("digit", {}, None)]
    def judge(results):
        infer, digit = results[5][:, 0], results[6][:, 0]
        sizes, own = [int(pair.sum()) for pair in pairs], [labels[pair] % 2 for pair in pairs]
        yield "fit(pairs[t].test)", [cross_entropy(p, label) for p, label in zip(results, own)], None
        yield "error(pairs[t].test)", [wrong(p, label) for p, label in zip(results, own)], sizes
        yield "unknown(pairs[t].test)", [int((digit != labels)[pair].sum()) for pair in pairs], sizes
        by_two = [int(((infer[pair] != t) | (p.argmax(1) != label)).sum()) for t, (pair, p, label) in enumerate(zip(pairs, results, own))]
        yield "unknown(pairs[t].test)", by_two, sizes  # the same by `infer` and `predict`
    return work, judge


def polynomials_case(model):
    x = [np.float32(start) + np.arange(50, dtype=np.float32) * np.float32(2) / np.float32(49) for start in (-4, -1, 2)]
    y = [x[0].astype(float) + 3, 2 * x[1].astype(float)**2 - 1, (x[2].astype(float) - 3)**3]
    def judge(results):
        yield "fit(curves[t].test)", [np.square(r[:, 0].astype(float) - target).mean() for r, target in zip(results, y)], None
    return [("predict", {"t": t}, {"x": x[t]}) for t in range(3)], judge


def implicit_case(model):
    """The 25 images that were learned: the codes are those of the weights' file, the places those of the model's grid."""
    images = read_idx(model.data, "train-images-idx3-ubyte")[:25].reshape(25, -1) / 255
    axis = np.arange(28, dtype=np.float32) * np.float32(2 / 27) - np.float32(1)
    places = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    codes = read_tensor(model.weights, "codes.table")
    def judge(results):
        yield "error(digits.train)", np.square(np.stack(results)[:, :, 0].astype(float) - images).mean(), None
    return [("render", {"z": code}, None if i else {"place": places}) for i, code in enumerate(codes)], judge


def test_rows(model, files):
    """The test part of a shuffled table."""
    rows = read_table(model.data, files)
    order = permutation(len(rows), 0, 0, 2)
    return [rows[i] for i in order[round(.7 * len(rows)) + round(.1 * len(rows)):]]


def adult_label(row):
    return row["Y"].startswith(">50K")


def front_case(files, group, label):
    """Every ray. The gaps are between means of tanh(logit / 2) = 2 p - 1."""
    def case(model):
        rows = test_rows(model, files)
        groups, labels = (np.array([test(row) for row in rows]) for test in (group, label))
        def judge(results):
            scores = [r[:, 0] for r in results]
            s = 2 * np.array(scores, float) - 1
            means = [s[:, among].mean(1) for among in (~labels & groups, ~labels & ~groups, labels & groups, labels & ~groups)]
            yield "loss", [binary_cross_entropy(p, labels) for p in scores], None
            yield from ((name, mean, None) for name, mean in zip(MEANS, means))
            yield "fp", abs(means[0] - means[1]), "gap"
            yield "fn", abs(means[2] - means[3]), "gap"
        return [("score", {"r": ray}, None if i else rows) for i, ray in enumerate(model.rays)], judge
    return case


def cosmos_case(model):
    rows = test_rows(model, ADULT)
    groups, labels = np.array([row["sex"] == "Female" for row in rows]), np.array([adult_label(row) for row in rows])
    def judge(results):
        scores = [r[:, 0] for r in results]
        yield "loss", [binary_cross_entropy(p, labels) for p in scores], None
        yield "gap", [abs(np.where(labels, np.where(groups, 1, -1) * np.tanh(p.astype(float)), 0).mean()) for p in scores], None
    return [("score", {"r": ray}, None if i else rows) for i, ray in enumerate(model.rays)], judge


def personal_case(model):
    rows = test_rows(model, ADULT)
    labels = np.array([adult_label(row) for row in rows])
    def judge(results):
        yield "fit(adult.test)", binary_cross_entropy(results[0][:, 0], labels), None
        yield "err(adult.test)", int(((results[0][:, 0] > .5) != labels).sum()), len(labels)
    return [("score", {}, rows)], judge


ADULT = ("adult.data", "adult.test")
MEANS = [f"{label}_{group}" for label in ("negatives", "positives") for group in ("in", "out")]  # whose differences fp and fn are
FRONT_EDITS = [
    (r"(?=^train )", "".join(f"objective {name}(d) = mean(s where {'!' * (name < 'p')}d.label && {'!' * name.endswith('out')}d.group)   "
                             "with s = tanh(scorer(d.x) / 2)\n" for name in MEANS)),
    (r"(report +hypervolume\(ref: 1\), uniformity)", r"\1, " + ", ".join(MEANS))]
FIVE_RAYS = [0, 6, 12, 18, 24]
MODELS = {  # its data, the steps of its training, the case. Also: the model, if it has another name; `edits`, what a copy of the model has
    # more; `batch`, images per call; `part`, what is computed of the whole on emulated machines: some rays or tasks, every n-th image
    "fairness_adult": {"data": "tables", "case": front_case(ADULT, lambda row: row["sex"] == "Female", adult_label),
                       "edits": FRONT_EDITS, "part": {"which": FIVE_RAYS}},
    "fairness_bank": {"data": "tables", "case": front_case(("bank.csv",), lambda row: float(row["age"]) > 60, lambda row: row["y"] == "yes"),
                      "edits": FRONT_EDITS, "part": {"which": FIVE_RAYS}},
    "fairness_default": {"data": "tables", "case": front_case(("default.csv",), lambda row: row["SEX"] == "2",
                                                              lambda row: row["default.payment.next.month"] == "1"),
                         "edits": FRONT_EDITS, "part": {"which": FIVE_RAYS}},
    "cosmos": {"data": "tables", "case": cosmos_case, "part": {"which": FIVE_RAYS}},
    "personal": {"data": "tables", "case": personal_case},
    "polynomials": {"case": polynomials_case},
    "implicit_images": {"data": "mnist", "case": implicit_case, "edits": [(r"(epochs +10000 .*)", r"\1\n  report error(digits.train)")]},
    "hypertrain_global": {"data": "mnist", "case": squared_case(50)},
    "hypertrain_local": {"data": "mnist", "case": squared_case(50)},
    "hypertrain_perclass": {"data": "mnist", "case": squared_case(1)},
    "hypertrain_perweight": {"data": "mnist", "case": squared_case(1)},
    "mlp": {"data": "fashion", "case": classifier_case("fashion")},
    "mlp_batch": {"data": "fashion", "case": classifier_case("fashion"), "model": "mlp", "batch": 100, "part": {"every": 5}},
    "stn_mlp": {"data": "fashion", "case": classifier_case("fashion")},
    "ensemble": {"data": "fashion", "case": ensemble_case, "part": {"every": 50},
                 "edits": [(r"\Z", "export opinion(image, k) = softmax(classifier(image))\n")]},
    "hypermask": {"data": "fashion", "steps": 50, "case": permuted_case(5, 0, "loss"), "part": {"which": [4]},
                  "edits": [(r"(report error\(.*\))", r"\1, loss(permuted[t].test)")]},
    "split_mnist": {"data": "mnist", "steps": 50, "case": split_case, "part": {"every": 100},
                    "edits": [(r"(report +error\(pairs\[t\]\.test\))", r"\1, fit(pairs[t].test)")]},
    "permuted_mnist": {"data": "mnist", "steps": 10, "case": permuted_case(10, 2, "fit"), "part": {"every": 500},
                       "edits": [(r"(report +error\(permuted\[t\]\.test\))", r"\1, fit(permuted[t].test)")]}}


class Model:
    """A model with trained weights, and what eval says of them; of the whole test set, or of a part."""

    def __init__(self, flags, key, part=None):
        spec = MODELS[key]
        self.key, self.name, self.batch, self.case = key, spec.get("model", key), spec.get("batch", 1), spec["case"]
        self.part, self.which = "".join(f"{kind} {value}" for kind, value in (part or {}).items()), (part or {}).get("which")
        self.home = os.path.abspath(os.path.join(flags.runs, key))
        self.folder = os.path.join(self.home, re.sub(r"\W+", "-", self.part).strip("-")) if part else self.home
        os.makedirs(self.folder, exist_ok=True)
        self.data = os.path.abspath(getattr(flags, spec["data"])) if "data" in spec else self.home
        self.source, self.weights = os.path.join(self.home, f"{self.name}.hn"), os.path.join(self.home, "run", "last.safetensors")
        self.write_source(spec.get("edits", []))
        if not os.path.exists(os.path.join(self.home, "run", "result.json")):
            self.train(flags, spec.get("steps", 100))
        with open(self.weights, "rb") as file:
            self.hash = hashlib.sha1(file.read()).hexdigest()
        if "every" in (part or {}):
            self.thin(part["every"])
        self.read_eval(self.evaluate())

    def write_source(self, edits):
        with open(os.path.join(ROOT, "models", f"{self.name}.hn")) as file:
            text = file.read()
        for pattern, replacement in edits:
            text, count = re.subn(pattern, replacement, text, count=1, flags=re.M)
            if not count:
                raise ValueError(f"models/{self.name}.hn has nothing like {pattern}")
        with open(self.source, "w") as file:
            file.write(text)

    def train(self, flags, steps):
        program, run = os.path.join(self.home, "program"), os.path.join(self.home, "run")
        subprocess.run([flags.hnc, "build", self.source, "--data", self.data, "-o", program], check=True)
        shutil.rmtree(run, ignore_errors=True)
        subprocess.run([program, "train", "--quiet", "--data", self.data, "--out", run, "--threads", "1", "--steps", str(steps)],
                       check=True, stdout=subprocess.DEVNULL)

    def thin(self, every):
        """A folder of the same data with every n-th test image alone."""
        data, self.data = self.data, os.path.join(self.folder, "data")
        os.makedirs(self.data, exist_ok=True)
        for kind in ("images-idx3", "labels-idx1"):
            for end in ("", ".gz"):
                name = f"train-{kind}-ubyte{end}"
                if os.path.exists(os.path.join(data, name)) and not os.path.lexists(os.path.join(self.data, name)):
                    os.symlink(os.path.join(data, name), os.path.join(self.data, name))
            kept = read_idx(data, f"t10k-{kind}-ubyte")[::every]
            with open(os.path.join(self.data, f"t10k-{kind}-ubyte"), "wb") as file:
                file.write(struct.pack(f">4B{kept.ndim}i", 0, 0, 8, kept.ndim, *kept.shape) + kept.tobytes())

    def evaluate(self):
        path = os.path.join(self.folder, "eval.json")
        if not os.path.exists(path):
            with open(path + ".tmp", "w") as file:
                subprocess.run([os.path.join(self.home, "program"), "eval", "--json", "--weights", self.weights, "--data", self.data],
                               check=True, stdout=file)
            os.replace(path + ".tmp", path)
        with open(path) as file:
            return json.load(file)

    def read_eval(self, said):
        """{metric: numbers, one per ray, task or member}."""
        self.rays = said.get("rays")
        if self.rays:
            metrics = {**dict(zip(said["objectives"], np.array(said["points"]).T)), **said.get("metrics", {})}
        else:
            metrics = {name: next(m[key] for key in ("final", "each", "value") if key in m) if isinstance(m, dict) else m
                       for name, m in said.get("metrics", said).items()}
        metrics = {name.split("(")[0] if self.rays else name: np.atleast_1d(np.array(values, float)) for name, values in metrics.items()}
        self.points = max(map(len, metrics.values()))  # rays, tasks or members
        if self.which:
            metrics = {name: values[self.which] for name, values in metrics.items()}
            self.rays = self.rays and [self.rays[i] for i in self.which]
        self.metrics = metrics


# ---- comparisons ----

def compare_metrics(model, judged):
    """{metric: [kind, difference, how many numbers]}: the largest relative difference of a `number`; by how much the `count`s of wrong
    examples differ together; the largest difference, as it is, of a `gap`."""
    found = {}
    for name, numbers, total in judged:
        expected, numbers = model.metrics[name], np.atleast_1d(np.array(numbers, float))
        if total is None:
            found[name] = ["number", float(np.max(np.abs(numbers - expected) / np.abs(expected))), len(numbers)]
        elif total == "gap":
            apart = np.abs(numbers - expected)
            found[name] = ["gap", float(apart.max()), len(numbers), float((apart / np.abs(expected)).max())]
        else:
            wrong_here = int(np.abs(numbers - np.round(expected * total)).sum())
            found[name] = ["count", wrong_here + (found[name][1] if name in found else 0), len(numbers)]
    return found


def compare_results(work, results, reference):
    """The largest difference of an element relative to the largest of its export; of whole numbers, how many differ."""
    difference, other = 0, 0
    for name in dict.fromkeys(name for name, _, _ in work):
        a, b = (np.concatenate([r for (n, _, _), r in zip(work, those) if n == name]) for those in (results, reference))
        if a.dtype.kind == "f":
            difference = max(difference, float(np.abs(a.astype(float) - b).max() / np.abs(b).max()))
        else:
            other += int((a != b).sum())
    return difference, other


class Records:
    """What is finished, by (model, target, weights, part), in memory and in a file."""

    def __init__(self, path):
        self.path, self.found = path, {}
        if os.path.exists(path):
            with open(path) as file:
                for record in map(json.loads, file):
                    self.found[self.key(record)] = record

    @staticmethod
    def key(record):
        return record["model"], record["target"], record["weights"], record["part"]

    def add(self, record):
        """What disagrees is not finished: it is tried again."""
        if not agrees(record):
            return
        self.found[self.key(record)] = record
        with open(self.path, "a") as file:
            file.write(json.dumps(record) + "\n")


def run_target(flags, model, target, spec, reference):
    """A record, and the results."""
    work, judge = model.case(model)
    with tempfile.TemporaryDirectory(prefix="hnc-exports-") as folder:
        exports, command = make_program(flags, model, spec, folder)
        begin = time.time()
        results = run_program(command, exports, work, model.batch, folder)
        seconds = time.time() - begin
    record = {"model": model.key, "target": target, "weights": model.hash, "part": model.part, "exports": list(exports), "calls": len(work),
              "results": sum(map(len, results)), "seconds": seconds, "metrics": compare_metrics(model, judge(results))}
    if reference:
        record["difference"], record["other"] = compare_results(work, results, reference)
    return record, results


def reference_of(flags, model, spec):
    """The results of the reference target, which are kept."""
    path = os.path.join(model.folder, f"{REFERENCE}-{model.hash[:8]}.npz")
    if not os.path.exists(path):
        np.savez(path, *run_target(flags, model, REFERENCE, spec, None)[1])
    with np.load(path) as saved:
        return [saved[f"arr_{i}"] for i in range(len(saved.files))]


def run_all(flags, records, targets):
    """Yields the records of each model, by target."""
    for key in flags.models.split(","):
        whole, here, part = Model(flags, key), {}, None
        for target, spec in targets.items():
            model = whole
            if target in EMULATED and "part" in MODELS[key]:
                model = part = part or Model(flags, key, MODELS[key]["part"])
            finished = (key, target, model.hash, model.part)
            if finished not in records.found:
                reference = reference_of(flags, model, targets[REFERENCE]) if target != REFERENCE else None
                try:
                    record, _ = run_target(flags, model, target, spec, reference)
                except (OSError, subprocess.CalledProcessError) as error:
                    if target == REFERENCE:
                        raise
                    here[target] = {"target": target, "error": (getattr(error, "stderr", None) or str(error)).splitlines()[0]}
                    print(f"{key:20} {target:10} FAILED: {here[target]['error']}", flush=True)
                    continue
                records.add(record)
                here[target] = record
                print(f"{key:20} {target:10} {record['results']:8} results in {record['seconds']:6.1f} s  {summary(record)}"
                      + ("" if agrees(record) else "  DISAGREES"), flush=True)
            here[target] = here.get(target) or records.found[finished]
        yield whole, here


def worst(record, kind):
    return max((metric[1] for metric in record["metrics"].values() if metric[0] == kind), default=0)


def agrees(record):
    return worst(record, "number") <= BOUND and record.get("difference", 0) <= BOUND and not worst(record, "count") and not record.get("other")


def summary(record):
    shown = lambda kind, value: f"{value} counted otherwise" if kind == "count" else f"{value:.1e}"
    return ", ".join([*(f"{name} {shown(*metric[:2])}" for name, metric in record["metrics"].items()),
                      *([f"results {record['difference']:.1e}"] if "difference" in record else [])])


# ---- the document ----

def row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def wrapped(text):
    return textwrap.fill(" ".join(text.split()), 150, break_long_words=False, break_on_hyphens=False).split("\n")


def title_of(key):
    spec = MODELS[key]
    return f"`{spec.get('model', key)}`" + (f", {spec['batch']} images a call" if "batch" in spec else "")


def part_of(model):
    """What emulated machines compute, in words; nothing if it is the whole."""
    part = MODELS[model.key].get("part")
    if not part:
        return ""
    return f"every {part['every']}th image" if "every" in part else f"{len(part['which'])} of {model.points} {'rays' if model.rays else 'tasks'}"


def result_cell(model, record):
    """How far results of a target are from those of the reference."""
    if "error" in record:
        return "**no program**"
    text = (f"{record['difference']:.0e}" if record["difference"] else "equal") + (f", {record['other']} others" if record["other"] else "")
    part = part_of(model) if record["target"] in EMULATED else ""
    return (text if agrees(record) else f"**{text}**") + (f" ({part})" if part else "")


def table(found, targets):
    others = [target for target in targets if target != REFERENCE]
    yield row("model", "exports", "results", "metrics", "difference to `eval`", "counts of errors", *others)
    yield row(*["---"] * (6 + len(others)))
    for model, here in found:
        records = [record for record in here.values() if "error" not in record and agrees(record)]
        metrics = dict.fromkeys(name.split("(")[0] for name, metric in here[REFERENCE]["metrics"].items() if metric[0] != "gap")
        counts = sum(metric[2] for record in records for metric in record["metrics"].values() if metric[0] == "count")
        yield row(title_of(model.key), ", ".join(f"`{name}`" for name in here[REFERENCE]["exports"]), f"{here[REFERENCE]['results']:,}",
                  ", ".join(f"`{name}`" for name in metrics), f"{max((worst(record, 'number') for record in records), default=np.nan):.0e}",
                  f"{counts} equal" if counts else "", *(result_cell(model, here[target]) for target in others))


def problems(found):
    """What does not agree, one line each."""
    for model, here in found:
        for target, record in here.items():
            if "error" in record:
                yield f"- {title_of(model.key)}, {target}: {re.sub(r'[.]wasm[.][^:]*', '.wasm', record['error'])}"
            elif not agrees(record):
                yield f"- {title_of(model.key)}, {target}: {summary(record)}"


def emulation(found):
    """How long the largest net takes."""
    model, here = max(found, key=lambda one: one[1][REFERENCE]["seconds"])
    slow = [here[target] for target in EMULATED if "seconds" in here.get(target, {})]
    if slow and part_of(model):
        took = " and ".join(f"{record['seconds']:.0f} s under `qemu-{record['target']}`" for record in slow)
        yield from wrapped(f"""Emulated machines are slow: {slow[0]['results']:,} of the {here[REFERENCE]['results']:,} results of
            {title_of(model.key)}, weights included, took {took}. Where brackets say so, they compute a part of the test set; `eval` is then
            given the same part, and so is {REFERENCE}.""")


def gaps(found):
    metrics = [metric for _, here in found for record in here.values() for metric in record.get("metrics", {}).values() if metric[0] == "gap"]
    if metrics:
        yield from wrapped(f"""The gaps `fp` and `fn` of the fairness models are differences of two means. `eval` adds in single
            precision, so that few digits of a small gap are right. Compared to 1e-5 are therefore the four means, which a copy of the
            model reports; the gaps themselves differ by at most {max(metric[1] for metric in metrics):.0e}, which is up to
            {max(metric[3] for metric in metrics):.0e} of a gap.""")


NOTES = (
    """Tables: the program gets rows as the files have them, numbers and text, and encodes them by the object's `_encode`. The test split
    is found by the documented [shuffle](../runtime.md#shuffled-data-sets) under seed 0.""",
    """Tasks that `permute` makes: images are put into the order of their task by the documented [draw](../runtime.md#families), and each
    task's metrics compared with those that `eval` prints for it.""",
    """Copies of models, in which `eval` or the object has more to compare: the reports `loss` and `fit` in `hypermask`, `split_mnist` and
    `permuted_mnist`, which report errors alone; the four means in the fairness models; `error(digits.train)` in `implicit_images`; and an
    export `opinion` of one member in `ensemble`.""",
    """`implicit_images` has no test set: its 25 images are those that it learned, with codes from the weights' file.""",
    """`unknown` of `split_mnist` is counted twice, from `digit`, and from `infer` and `predict`.""",
    """Not compared: hypervolume, uniformity, `average` and `forgetting`, which follow from what is; trains other than the first; `--fix`,
    `--external-weights`, `--blas=openblas` and f64. `pareto_toy` has no export.""")


def document(found, targets):
    records = [record for _, here in found for record in here.values() if "error" not in record]
    wrong = list(problems(found))
    good = [record for record in records if agrees(record)]
    numbers = sum(metric[2] for record in good for metric in record["metrics"].values() if metric[0] == "number")
    counts = sum(metric[2] for record in good for metric in record["metrics"].values() if metric[0] == "count")
    names = len({model.name for model, _ in found})
    yield "# Exports beside `eval`"
    yield ""
    yield from wrapped(f"""Code of [`hnc aot`](../aot.md) gives the metrics that `OUT eval`
        prints{', but for what is listed below' if wrong else ''}: on {len(targets)} targets ({', '.join(targets)}), for the {names}
        models of `models/` that have an export, on the whole test set or, where the table says so, a part of
        it. Of {numbers:,} losses and means, none differs by more than a relative
        {max(worst(record, 'number') for record in good):.0e}, and {counts:,} counts of errors are equal. Of any export, no single result
        of one target differs from that of {REFERENCE} by more than {max(record.get('difference', 0) for record in good):.0e} of the
        export's largest. The bound is 1e-5.""")
    yield ""
    if wrong:
        yield from ("What does not agree:", "", *wrong, "")
    yield from table(found, targets)
    yield ""
    yield from wrapped(f"""*Results* are those of all exports for the whole test set, at every ray, task or member. *Difference to `eval`*
        is the largest relative one of a metric, over all targets that agree and over rays, tasks and members. The last columns are the
        largest difference of a result to that of {REFERENCE}, relative to the largest result of the export.""")
    yield ""
    yield from emulation(found)
    yield ""
    yield from gaps(found)
    yield ""
    yield "## What was done"
    yield ""
    yield from wrapped("""Each model is built with its first train and trained for a few steps. A program around the object reads
        arguments as bytes, for wasm32 a program of node around the module. Weights are generated once for each ray, task or member; for
        the first three examples of each, the function that does all at once must give the same bits. Metrics are made of the results in
        double precision, with labels from the files.""")
    yield ""
    for line in NOTES:
        first, *more = wrapped(line)
        yield "- " + first
        yield from ("  " + text for text in more)
    yield ""
    yield from wrapped(f"""`scripts/reproduce exports --tables DIR --mnist DIR --fashion DIR`, {time.strftime('%F')},
        {machine.processor()}; one thread. Programs ran for {sum(record['seconds'] for record in records) / 60:.0f} minutes, of which
        {sum(r['seconds'] for r in records if r['target'] in EMULATED) / 60:.0f} under emulation, beside whatever else ran on the machine.""")


def main():
    flags = parse_flags()
    machine.clear_switches()
    os.makedirs(flags.runs, exist_ok=True)
    targets = targets_here()
    found = list(run_all(flags, Records(flags.records), targets))
    wrong = list(problems(found))
    if flags.models == ",".join(MODELS):
        with open(flags.out, "w") as file:
            file.write(re.sub(r"\n{3,}", "\n\n", "\n".join(document(found, targets))) + "\n")
        print(flags.out)
    print(f"{len(found)} models, {len(targets)} targets: " + (f"{len(wrong)} do not agree" if wrong else "all agree"))
    return bool(wrong)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"{sys.argv[0]}: {error}")
