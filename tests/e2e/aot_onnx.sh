#!/bin/sh
# `hnc aot --emit=onnx` from end to end: aot_onnx.sh HNC. Graphs give in ONNX Runtime what the object gives, which is what `OUT predict`
# computes, for odd values, too (predict takes finite ones only): NaN, infinities, zeros of both signs, numbers that are huge or tiny,
# the ends of i32, ties. What a graph cannot give is refused.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

aot() { "$hnc" aot "$@" >said 2>&1 || fail "hnc aot $*: $(cat said)"; }

# hnc aot must fail and say $1.
refused() {
    words=$1
    shift
    if "$hnc" aot "$@" >said 2>&1; then fail "'hnc aot $*' is not refused"; fi
    grep -qF -- "$words" said || fail "'hnc aot $*' does not say '$words', but: $(cat said)"
}

# ---- a model whose exports are primitives, and so on; its weights do not matter ----

cat >model.hn <<'HN'
data d = rows(4) { x: f32[6] = uniform() * ones(6); y: f32[6] = ones(6); n: i32[4] = iota(4); m: i32[4] = iota(4); l: class[4] = row }
net f(x: f32[6]) -> f32[4] { return linear(tanh(linear(x, 7)), 4) }
objective fit(e) = mean(square(f(e.x)))
train go = fit { minimise fit(d.train) by adam(1e-2); batch 4; epochs 1 }
HN
cat >values.hn <<'HN'
export negative(x) = -x
export size(x) = abs(x)
export signs(x) = sign(x)
export floors(x) = floor(x)
export exponential(x) = exp(x)
export exponential1(x) = expm1(x)
export logarithm(x) = log(x)
export logarithm1(x) = log1p(x)
export root(x) = sqrt(x)
export tangent(x) = tanh(x)
export sine(x) = sin(x)
export cosine(x) = cos(x)
export total(x, y) = x + y
export difference(x, y) = x - y
export product(x, y) = x * y
export quotient(x, y) = x / y
export power(x, y) = pow(x, y)
export square_of(x) = pow(x, 2)
export cube(x) = pow(x, 3)
export larger(x, y) = max(x, y)
export smaller(x, y) = min(x, y)
export positive(x) = max(x, 0)
export equal(x, y) = x == y
export unequal(x, y) = x != y
export less(x, y) = x < y
export most(x, y) = x <= y
export both(x, y) = x < 1 && y < 1
export either(x, y) = x < 1 || y < 1
export neither(x, y) = !(x < 1)
export chosen(x, y) = where(x < y, x, y)
export chosen_truth(x, y) = where(x < y, x < 1, y == 1)
export whole(x) = i32(x)
export many(x) = i32(x * 1e9)
export truth(x, y) = f32(x < y)
export largest(x) = max(x where x == x)
export sum_of(x) = sum(where(abs(x) < 100, abs(x), 0))
export probabilities(x) = softmax(x)
export softly(x) = softplus(x)
export sigmoids(x) = sigmoid(x)
export fused(x, y) = x * y + where(abs(y) < 1e9, y, 0)
export whole_sum(n, m) = n + m
export whole_difference(n, m) = n - m
export whole_product(n, m) = n * m
export whole_larger(n, m) = max(n, m)
export whole_smaller(n, m) = min(n, m)
export whole_less(n, m) = n < m
export whole_equal(n, m) = n == m
export count_less(n, m) = sum(where(n < m, 1, 0))
export whole_largest(n) = max(n)
export whole_first(n) = argmax(n)
export whole_size(n) = abs(n)
export real(n) = f32(n)
export half(n) = n / 2
export parts(n, m) = concat(n[1:3], m)
export constant(x) = 3
HN
echo 'export error(x) = erf(x)' >error.hn
cat >names.hn <<'HN'
data odd = rows(1) { v3: f32[2] = ones(2); m0: f32[2] = ones(2); status: f32[2] = ones(2); result: f32[2] = ones(2); at: i32 = 0 }
export x(x) = 2 * x
export v5(v3, m0) = tanh(v3) + 3 * m0
export result(result) = result
export every(x) = f(x)
export take(x, l) = f(x)[l]
export pick(status, at) = status[at]
export status(v3, at) = v3[at]
export at(v3, at) = v3[at]
HN

# Trains a little with these flags: the weights of all models here.
train() {
    "$hnc" build model.hn -o model "$@" >said 2>&1 || fail "the model: $(cat said)"
    rm -rf run
    ./model train --quiet --out run >said 2>&1 || fail "training: $(cat said)"
}

# ---- what is refused ----

train
cat model.hn values.hn error.hn >single.hn
cat model.hn names.hn >named.hn
echo 'export drawn(x) = x + uniform()' | cat model.hn - >drawn.hn
refused "'drawn' has an op that ONNX does not have: random" drawn.hn --weights run/last.safetensors -o drawn --emit=onnx
aot single.hn --weights run/last.safetensors -o single --emit=onnx,python --batch 216
aot named.hn --weights run/last.safetensors -o named --emit=onnx
train --float=f64
cat model.hn values.hn >double.hn
refused "'error' has an op that ONNX Runtime does not have: erf of f64" single.hn --float=f64 --weights run/last.safetensors -o double --emit=onnx
aot double.hn --float=f64 --weights run/last.safetensors -o double --emit=onnx,python --batch 216

if ! python3 -c 'import numpy, onnxruntime' 2>/dev/null; then
    echo "skipped: what graphs give (needs ONNX Runtime)"
    exit 0
fi

# ---- values ----

cat >compare.py <<'PY'
# compare.py FLOAT MODULE: every graph MODULE.EXPORT.onnx gives what the object behind MODULE.py gives.
import glob, importlib, sys
import numpy as np, onnxruntime

real, module = np.dtype(sys.argv[1]), importlib.import_module(sys.argv[2])
tolerance, tiny, most = 2e-13 if real == np.float64 else 3e-6, np.finfo(real).tiny, np.finfo(real).max
odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 1e-3, -1e-3, 3e-5, -1e-7, 1e-12, -1e-20, tiny, -tiny,
       most, -most, 1e20, -1e20, 5e9, -5e9, 2**31, -(2**31), 2147483520, 16777217, 12, -12, 50, -88]
ends = [0, 1, -1, 2, 2147483647, -2147483648, 100000, -300]


# Every number beside every other one, in rows of that width: 216 of them.
def pairs(numbers, width, dtype):
    left = np.concatenate([numbers] * len(numbers)), np.concatenate([np.roll(numbers, i) for i in range(len(numbers))])
    return [np.resize(np.array(side, dtype), (216, width)) for side in left]


given = dict(zip("xynm", pairs(odd, 6, real) + pairs(ends, 4, np.int32)))


def near(a, b):
    close = (np.abs(a - b) <= tolerance * np.abs(b) + tiny) & (np.signbit(a) == np.signbit(b))
    return np.where(np.isfinite(a) & np.isfinite(b), close, (a == b) | (np.isnan(a) & np.isnan(b)))


wrong, files = 0, glob.glob(sys.argv[2] + ".*.onnx")
for file in files:
    export = file.split(".")[-2]
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = {i.name: i.shape for i in session.get_inputs()}
    with np.errstate(all="ignore"):
        expected = np.float64(getattr(module, export)(*(given[i] for i in names)))
        got = np.float64(session.run([export], {i: given[i][..., :] if len(shape) > 1 else given[i][0] for i, shape in names.items()})[0])
        bad = np.argwhere(~near(got, expected))
    wrong += len(bad) > 0
    for at in map(tuple, bad[:6]):
        point = [given[i][at] if given[i].shape == got.shape else given[i][at[0]] for i in names]
        print(f"{export}{point} is {got[at]}, but the object gives {expected[at]} ({len(bad)} differ)")
print(len(files), "graphs compared")
sys.exit(wrong > 0 or len(files) < 50)
PY
python3 compare.py f4 single || fail "f32"
python3 compare.py f8 double || fail "f64"

# ---- names, and the status ----

cat >check.py <<'PY'
import numpy as np, onnxruntime

x, two = np.linspace(-1, 1, 6, dtype=np.float32), np.array([0.5, -3], np.float32)


# The graph has these arguments and outputs. It gives the result that is expected; None: any, and the status 2.
def run(export, outputs, expected, **given):
    session = onnxruntime.InferenceSession(f"named.{export}.onnx", providers=["CPUExecutionProvider"])
    assert [o.name for o in session.get_outputs()] == outputs, (export, [o.name for o in session.get_outputs()])
    assert [a.name for a in session.get_inputs()] == list(given), export
    result, *status = session.run(None, {name: np.asarray(a) for name, a in given.items()})
    assert expected is None or np.allclose(result, expected, 1e-6), (export, given, result, expected)
    if len(outputs) > 1:
        assert status[0].dtype == np.int32 and status == [0 if expected is not None else 2], (export, given, status)
    return result


run("x", ["/result"], 2 * x, x=x)
run("v5", ["v5"], np.tanh(two) + 3 * two[::-1], v3=two, m0=two[::-1].copy())
run("result", ["/result"], two, result=two)
every = run("every", ["every"], None, x=x)
for at in [0, 1, 2, 3, 4, -1, 9, 2**31 - 1, -(2**31)]:
    index, of_two = np.int32(at), two[at] if 0 <= at < 2 else None
    run("take", ["take", "status"], every[at] if 0 <= at < 4 else None, x=x, l=index)
    run("pick", ["pick", "/status"], of_two, status=two, at=index)
    run("status", ["status", "/status"], of_two, v3=two, at=index)
    run("at", ["/result", "status"], of_two, v3=two, at=index)
PY
python3 check.py || fail "names"
echo "aot_onnx: fine"
