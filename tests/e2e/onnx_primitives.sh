#!/bin/sh
# Every primitive as a graph of ONNX: onnx_primitives.sh PROGRAM, which is onnx_primitives.c. ONNX Runtime gives what the interpreter
# gives, for odd values of every type; or the primitive is refused.
set -eu
program=$1
. "$(dirname "$0")/kit.sh"
if ! python3 -c 'import numpy, onnxruntime' 2>/dev/null; then
    echo "skipped: needs ONNX Runtime"
    exit 77
fi

# ---- a function for each primitive and type ----

cat >write.py <<'PY'
floats, numbers, all_types = ["f32", "f64"], ["f32", "f64", "i32"], ["f32", "f64", "i32", "u8", "bool"]
print("module m f32")


# `arguments` and the lines, in which T is the type; %y is the result.
def function(name, types, arguments, lines, result):
    for t in types:
        body = lines.replace("\n", "\n  ").replace("T", t)
        print(f"func @{name}_{t}({arguments.replace('T', t)}) -> (y: {result.replace('T', t)}) {{\n  {body}\n  return y = %y\n}}")


for op in "neg abs sign floor exp expm1 log log1p sqrt tanh sin cos stop".split():
    function(op, floats, "%x: T[29]", f"%y = {op} %x : T[29]", "T[29]")
function("erf", ["f32", "f64"], "%x: T[29]", "%y = erf %x : T[29]", "T[29]")
function("not", ["bool"], "%x: T[2]", "%y = not %x : T[2]", "T[2]")
pair = "%x: T[841], %z: T[841]"
for op in "add sub mul max min".split():
    function(op, numbers, pair, f"%y = {op} %x, %z : T[841]", "T[841]")
for op in "div pow".split():
    function(op, floats, pair, f"%y = {op} %x, %z : T[841]", "T[841]")
for op in "eq ne lt le".split():
    function(op, all_types if op < "l" or op == "ne" else all_types[:4], pair, f"%y = {op} %x, %z : bool[841]", "bool[841]")
for op in "and or".split():
    function(op, ["bool"], pair, f"%y = {op} %x, %z : bool[841]", "bool[841]")
function("select", all_types, "%x: T[841], %z: T[841], %p: bool[841]", "%y = select %p, %x, %z : T[841]", "T[841]")
# one rounding or two: only whole numbers, of which both give the same
function("fma", floats, "%x: i32[121]", "%a = const 7 : i32[121]\n%b = min %x, %a : i32[121]\n%c = const 0 : i32[121]\n"
         "%d = max %b, %c : i32[121]\n%e = cast %d : T[121]\n%y = fma %e, %e, %e : T[121]", "T[121]")
for to in all_types:
    function(f"cast_{to}", all_types, "%x: T[58]", f"%y = cast %x : {to}[58]", f"{to}[58]")
    function(f"const_{to}", [to], "", "%y = const 1 : T[3]", "T[3]")

function("broadcast", all_types, "%x: T[29]", "%y = broadcast %x axes [1] : T[2, 29, 3]", "T[2, 29, 3]")
function("reshape", all_types, "%x: T[30]", "%y = reshape %x : T[2, 15]", "T[2, 15]")
function("transpose", all_types, "%x: T[4, 3, 3]", "%y = transpose %x axes [1, 0, 2] : T[3, 4, 3]", "T[3, 4, 3]")
function("slice", all_types, "%x: T[6, 6]", "%y = slice %x from [1, 3] : T[5, 2]", "T[5, 2]")
function("pad", all_types, "%x: T[4, 8]", "%y = pad %x before [1, 0] : T[7, 9]", "T[7, 9]")
function("window", all_types, "%x: T[3, 7, 5]", "%y = window %x axes [1, 2] extents [3, 2] steps [2, 1] dilations [-1, 2] : T[3, 3, 3, 3, 2]",
         "T[3, 3, 3, 3, 2]")
function("concat", all_types, "%x: T[6, 3], %z: T[6, 1]", "%y = concat %x, %z, %x axis 1 : T[6, 7]", "T[6, 7]")
function("gather", all_types, "%x: T[3, 11]", "%i = iota axis 0 : i32[3]\n%y = gather %x, %i : T[3, 11]", "T[3, 11]")
function("iota", numbers, "", "%y = iota axis 1 : T[2, 3, 2]", "T[2, 3, 2]")
# without NaN, of which the largest is not specified
for op, result in (("reduce_max", "T[5]"), ("argmax", "i32[5]")):
    axis = "axes [1]" if op == "reduce_max" else "axis 1"
    function(op, numbers, "%x: T[5, 12]", f"%z = const 0 : T[5, 12]\n%p = eq %x, %x : bool[5, 12]\n%c = select %p, %x, %z : T[5, 12]\n"
             f"%y = {op} %c {axis} : {result}", result)
function("sort", numbers, "%x: T[5, 12]", "%z = concat %x, %x axis 1 : T[5, 24]\n%y = sort %z axis 1 : i32[5, 24]", "i32[5, 24]")
function("reduce_sum", ["i32"], "%x: T[3, 11], %z: T[3, 11]", "%a = concat %x, %z axis 1 : T[3, 22]\n%y = reduce_sum %a axes [0] : T[22]",
         "T[22]")
for n in [1, 3]:
    function(f"reduce_sum{n}", floats, "%x: T[29]", f"%b = broadcast %x axes [0] : T[29, {n}]\n%y = reduce_sum %b axes [1] : T[29]", "T[29]")
    function(f"dot{n}", floats, "%x: T[29], %z: T[29]", f"%a = broadcast %x axes [0] : T[29, {n}]\n%b = broadcast %z axes [1] : T[{n}, 29]\n"
             "%y = dot %a, %b contract [1] [0] : T[29, 29]", "T[29, 29]")
function("scatter_add", ["f32"], "", "%g = iota axis 0 : i32[2]\n%u = const 1 : T[2]\n%y = scatter_add %g, %u rows 2 : T[2]", "T[2]")
PY
python3 write.py >primitives.ir
"$program" primitives.ir >refusals
printf '%s\n' "'erf_f64' has an op that ONNX Runtime does not have: erf of f64" "'scatter_add_f32' has an op that ONNX does not have: scatter_add" |
    diff - refusals

# ---- what ONNX Runtime makes of them ----

python3 - <<'PY'
import glob, sys
import numpy as np, onnxruntime

types = {"float": np.float32, "double": np.float64, "int32": np.int32, "uint8": np.uint8, "bool": np.bool_}


def dtype_of(info):
    return types[info.type[len("tensor("):-1]]


def near(a, b):
    if a.dtype.kind != "f":
        return a == b
    wide = a.dtype == np.float64
    close = np.abs(a - b) <= (1e-14 if wide else 1e-6) * np.abs(b) + np.finfo(a.dtype).tiny
    close &= np.signbit(a) == np.signbit(b)
    return np.where(np.isfinite(a) & np.isfinite(b), close, (a == b) | (np.isnan(a) & np.isnan(b)))


wrong, files = 0, sorted(glob.glob("*.onnx"))
for file in files:
    name = file[:-len(".onnx")]
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    given = {a.name: np.fromfile(f"{name}.in{i}", dtype_of(a)).reshape(a.shape) for i, a in enumerate(session.get_inputs())}
    result, = session.run(None, given)
    with np.errstate(all="ignore"):
        expected = np.fromfile(name + ".out", result.dtype).reshape(result.shape)
        bad = [tuple(at) for at in np.argwhere(~near(result, expected))]
    wrong += len(bad) > 0
    for at in bad[:6]:
        point = [float(a[at]) for a in given.values() if a.shape == result.shape]
        print(f"{name}{point} is {result[at]}, but the interpreter says {expected[at]} ({len(bad)} differ)")
print(len(files), "graphs compared")
sys.exit(wrong > 0 or len(files) < 100)
PY
echo "onnx_primitives: fine"
