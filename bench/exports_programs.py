"""Programs around the objects of `hnc aot`: what a header declares, a program in C or for node, and what it computes (exports.py)."""
import json
import os
import re
import struct
import subprocess

import numpy as np

TEXT_BYTES = 32  # of a cell in what the programs read

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
