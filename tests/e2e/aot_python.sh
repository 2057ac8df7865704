#!/bin/sh
# Modules of Python that `hnc aot --emit=python` writes: aot_python.sh HNC. Whatever exports and arguments are called and however
# many examples there are, they give what `OUT predict` gives; values that a type cannot hold are refused; rows of tables are read
# as hnc reads them.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

if ! python3 -c 'import numpy' 2>/dev/null; then
    echo "skipped: modules of Python (need NumPy)"
    exit 0
fi

# Builds, trains and leaves NAME and NAME-run.
train() {
    "$hnc" build "$1.hn" -o "$1" >said 2>&1 || fail "hnc build $1: $(cat said)"
    rm -rf "$1-run"
    "./$1" train --quiet --out "$1-run" >said 2>&1 || fail "training $1: $(cat said)"
}
aot() {
    name=$1
    shift
    "$hnc" aot "$name.hn" --weights "$name-run/last.safetensors" --emit=python "$@" >said 2>&1 || fail "hnc aot $*: $(cat said)"
}

# What the tests below share.
cat >kit.py <<'PY'
import numpy as np

def refused(words, function, *arguments, **named):
    """The call must raise ValueError and say the words."""
    try:
        function(*arguments, **named)
    except ValueError as error:
        assert words in str(error), f"'{words}' is not said by: {error}"
        return
    raise AssertionError(f"no ValueError that says '{words}'")

def near(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape and np.allclose(a, b, atol=1e-5), f"{a} is not {b}"
PY

# ---- any number of examples, in every mode; conditions in any order ----

cat >m.hn <<'HN'
data d = rows(100) { x: f32[5] = [uniform(), normal(), row / 200, 0.3, uniform()]; y: f32 = normal() }
task t[3] embed 4
member k[3]
preference r[2]
net f(x: f32[5]) -> f32[2] { return linear(tanh(linear(x, 7)), 2) }
net trunk(z: f32[6]) -> f32[9] { return tanh(linear(z, 9)) }
weights f.linear1 = dense(trunk(concat(t, r)))
weights f.linear2 = rank1(k)
objective fit(e) = mean(square(f(e.x) - e.y)) given k = 1, t = 0
objective small(e) = mean(square(f(e.x))) given k = 0, t = 1
train go = pareto(r) {
  minimise fit, small on d.train by adam(1e-2)
  solver linear
  sample uniform
  report uniformity on d.train
  batch 10
  epochs 2
}
export a(x, t, k, r) = f(x)
export b(x, k, r, t) = f(x)
export c(k, r, x, t) = f(x)
export pick(n: i32, g: f32) = [10, 20, 30][n] + g given t = 0, k = 0, r = [0.5, 0.5]
export both(g: f32, k, x, t) = [10, 20, 30][k] + 100 * [1, 2, 3][t] + g + x[0]
export same(x) = 7
export rank(t) = [10, 20, 30][t]
export seven() = 7
export dice() = uniform()
export noisy(x, t) = x + 0 * [1, 2, 3][t] + normal([5])
HN
train m
cat >modes.py <<'PY'
import csv, importlib, subprocess, sys
import numpy as np
from kit import near, refused
m = importlib.import_module(sys.argv[1])
draws = hasattr(m, "dice") # has exports that draw random numbers: modules with --batch 4 have none
x = np.linspace(-1, 1, 45, dtype=np.float32).reshape(9, 5)
np.save("x.npy", x)
said = subprocess.run("./m predict --weights m-run/last.safetensors --export a --task 2 --member 1 --preference 3,1 x.npy",
                      shell=True, capture_output=True, text=True, check=True).stdout
expected = np.array([[float(v) for v in row[1:]] for row in csv.reader(said.splitlines()[1:])])
for n in (0, 1, 3, 4, 5, 8, 9):
    near(m.a(x[:n], 2, 1, [3, 1]), expected[:n])
    near(m.b(x[:n], k=1, t=2, r=[3, 1]), expected[:n])
    near(m.c(1, [3, 1], x[:n], 2), expected[:n])
    near(m.same(x[:n]), np.full(n, 7))
    near(m.pick(np.arange(n) % 3, np.arange(n) / 8), [[10, 20, 30][i % 3] + i / 8 for i in range(n)])
    near(m.both(np.arange(n) / 8, 2, x[:n], 1), 230 + np.arange(n) / 8 + x[:n, 0])
    if draws:
        noisy = m.noisy(x[:n], 1, row=4)
        assert noisy.dtype == np.float32 and noisy.shape == (n, 5)
        for i in range(n):
            assert np.array_equal(noisy[i], m.noisy(x[i], 1, 4 + i))
near(m.b(x[3], 1, [3, 1], 2), expected[3])
near(m.pick(2, 0.25), 30.25)
near(m.rank(2), 30)
near(m.seven(), 7)
assert m.same(x[0]).shape == ()
if draws:
    assert 0 <= m.dice() < 1 and m.dice() == m.dice(0) != m.dice(row=1)
    refused("row holds 2147483648", m.noisy, x[:2], 0, row=2**31 - 1)
    refused("row holds 1.5", m.noisy, x[:2], 0, row=1.5)
refused("x has the shape (9, 4)", m.a, x[:, :4], 2, 1, [3, 1])
refused("g has the shape (2,)", m.pick, [0, 1, 2], [0, 1])
refused("g has the shape (1,)", m.pick, 0, [1])
refused("t has the shape (1,)", m.rank, [1])
refused("an index lies outside", m.a, x[:0], 3, 1, [3, 1])
weights = [m.generate_t_k_r(2, 1, [3, 1]), np.frombuffer(b" " + m.generate_t_k_r(2, 1, [3, 1]).tobytes(), np.uint8)[1:]]
for w in weights: # as generated; and as kept elsewhere, where they are not aligned
    near(m.b_with(w, x), expected)
refused("weights are not what", m.a_with, weights[0][:-1], x)
refused("weights are not what", m.a_with, x, weights[0])
PY
"$hnc" aot m.hn --weights m-run/last.safetensors --emit=python --batch 4 -o refused >said 2>&1 && fail "random numbers with --batch 4"
grep -q "'dice' draws random numbers for each example by itself: say --batch any" said || fail "--batch 4: $(cat said)"
cp m.hn whole.hn
number=0
for mode in "" "--batch 1" "--batch 4" "--batch 9" "--batch any" "--batch any --external-weights"; do
    number=$((number + 1))
    case $mode in
    "--batch 4" | "--batch 9") grep -v '^export \(dice\|noisy\)' whole.hn >m.hn ;;
    *) cp whole.hn m.hn ;;
    esac
    aot m -o mode$number $mode
    python3 modes.py mode$number || fail "a module with '$mode'"
done

# ---- names ----

cat >n.hn <<'HN'
data d = rows(40) { x: f32[2] = [uniform(), normal()]; y: f32 = normal() }
task t[2] embed 2
net f(x: f32[2]) -> f32[1] { return linear(x, 1) }
net trunk(z: f32[2]) -> f32[2] { return tanh(linear(z, 2)) }
weights f = dense(trunk(t))
objective fit(e) = mean(square(f(e.x) - e.y)) given t = 0
train go = fit { minimise fit(d.train) by adam(1e-2); batch 10; epochs 1 }
HN
python3 - <<'PY' >>n.hn
names = """class class_ class__ import raise np numpy ctypes os len isinstance ValueError TypeError range enumerate zip max all globals
type _call _array _LIBRARY _memory memory call array compute generate_ _hnc_call _hnc_compute _hnc_compute_ _hnc_module _hnc_open
__file__ __builtins__ __name__ __debug__ __getattr__ __import__ p x_with_ None True nonlocal print""".split()
arguments = """i _array _call _LIBRARY count weights result row class class_ p len np numpy _hnc_module _hnc_compute __debug__ self
function examples block workspace generate name_with shape dtype""".split()
for i, name in enumerate(names):
    print(f"export {name}(p: f32[2], n: f32) = p + {i} * n")
for i, name in enumerate(arguments):
    print(f"export name{i}({name}: f32[2], n: f32, t) = {name} + {i} * n + 0 * t")
print("export twice(class: f32, class_: f32, weights: f32, weights_: f32, row: f32) = class + 10*class_ + 100*weights + 1000*weights_ + 1e4*row")
with open("names.py", "w") as file:
    print(f"names, arguments = {names}, {arguments}", file=file)
PY
train n
for mode in "" "--batch 3" "--batch any"; do
    rm -f n.py
    aot n -o n $mode
    python3 - <<'PY' || fail "names with '$mode'"
import dis, keyword, types
import numpy as np
import n
from names import arguments, names
from kit import near
p = np.arange(8, dtype=np.float32).reshape(4, 2)
def public(name):
    while keyword.iskeyword(name) or name.startswith(("__", "_hnc_")) and not name.endswith("_done"):
        name += "_done"
    return name
called = {name: name for name in names if public(name) == name}
for name in names: # with as many underscores as make it another one
    if name not in called:
        called[name] = name + "_"
        while called[name] in names or called[name] in [called[k] for k in called if k != name]:
            called[name] += "_"
for i, name in enumerate(names):
    function = vars(n)[called[name]]
    near(function(p[0], 2), p[0] + 2 * i)
    near(function(p, [1, 2, 3, 4]), p + i * np.array([[1], [2], [3], [4]]))
for i in range(len(arguments)):
    near(getattr(n, f"name{i}")(p, [1, 2, 3, 4], 1), p + i * np.array([[1], [2], [3], [4]]))
    near(getattr(n, f"name{i}")(p[1], 2, t=1), p[1] + 2 * i)
    near(getattr(n, f"name{i}_with")(n.generate(t=0), p[1], n=2), p[1] + 2 * i)
near(n.name0(i=p[0], n=1, t=0), p[0])
for name, value in list(vars(n).items()): # what is called from outside reads nothing of the module but its own helpers
    if isinstance(value, types.FunctionType):
        read = {i.argval for i in dis.get_instructions(value) if i.opname == "LOAD_GLOBAL"}
        assert all(k.startswith("_hnc_") for k in read), f"{name} reads {read}"
near(n.twice(1, 2, 3, 4, 5), 54321)
near(n.twice(class__=1, class_=2, weights__=3, weights_=4, row_=5), 54321)
PY
done
# ---- values that a type cannot hold ----

cat >v.hn <<'HN'
data d = rows(40) { x: f32[2] = [uniform(), normal()]; y: f32 = normal() }
task t[3] embed 2
net f(x: f32[2]) -> f32[1] { return linear(x, 1) }
net trunk(z: f32[2]) -> f32[2] { return tanh(linear(z, 2)) }
weights f = dense(trunk(t))
objective fit(e) = mean(square(f(e.x) - e.y)) given t = 0
train go = fit { minimise fit(d.train) by adam(1e-2); batch 10; epochs 1 }
export index(n: i32) = n
export byte(u: u8[2]) = sum(u)
export truth(b: bool[2]) = !b
export float(g: f32[2]) = g
export task(t) = [1, 2, 3][t]
HN
train v
aot v -o v
python3 - <<'PY' || fail "values"
from decimal import Decimal
from fractions import Fraction
import numpy as np
import v
from kit import near, refused
nan, inf = float("nan"), float("inf")
for value in (1.9, -0.5, nan, inf, 2**31, -2**31 - 1, 2**63, 2**70, 1e30, np.uint64(2**32), Fraction(1, 2), Decimal("0.1")):
    refused("n holds", v.index, value)
    refused("n holds", v.index, [0, value])
for value in ("1", None, 1j, b"1", [[1], [1, 2]], np.datetime64("2020-01-01"), object(), {}):
    refused("n is no array of numbers", v.index, value)
for value in (0, 2.0, True, np.float64(-3), np.int64(2**31 - 1), np.uint8(200), -2**31, Fraction(4, 2)):
    assert v.index(value) == value
refused("t holds 1.9", v.task, 1.9)
refused("t holds -0.5", v.task, -0.5)
refused("t holds 4294967297", v.task, 2**32 + 1)
for value in (0.3, -1, 256, nan, -0.5, 1e300):
    refused("u holds", v.byte, [1, value])
near(v.byte([255, 2.0]), 257)
for value in (2, -1, 0.5, nan):
    refused("b holds", v.truth, [True, value])
assert v.truth([1, 0.0]).tolist() == [False, True]
for value in (1e39, -3.5e38, 2**200, Fraction(10**50), np.longdouble("1e60")):
    refused("g holds", v.float, [0, value])
refused("g is no array of numbers", v.float, [0, 10**400])
refused("g is no array of numbers", v.float, ["1", "2"])
refused("g is no array of numbers", v.float, [1, None])
assert np.array_equal(v.float([nan, -inf]), [nan, -inf], equal_nan=True) and v.float([0.1, Fraction(1, 2)])[1] == 0.5
unaligned = np.frombuffer(b" " + np.array([1, 2], ">f4").tobytes(), ">f4", offset=1)
near(v.float(unaligned), [1, 2])
near(v.float(np.arange(8.0)[::4]), [0, 4])
refused("g has masked elements", v.float, np.ma.masked_equal([1.0, 2.0], 2))
PY

# ---- files that are called anything ----

for name in 'a"b' 'a\b' 'a
b' "a'''b" 'a b' 'größe' "$(printf 'a\377b')"; do
    cp v.hn "$name.hn"
    "$hnc" aot "$name.hn" --weights v-run/last.safetensors -o "$name" --emit=python --external-weights >said 2>&1 ||
        fail "-o $name: $(cat said)"
    python3 - "$name" <<'PY' || fail "the module $name"
import importlib.machinery, sys
module = importlib.machinery.SourceFileLoader("module", sys.argv[1] + ".py").load_module()
assert module.byte([1, 2]) == 3
PY
done
for name in numpy ctypes; do
    ! "$hnc" aot v.hn --weights v-run/last.safetensors -o $name --emit=python >said 2>&1 || fail "-o $name is not refused"
    grep -q "has to import" said || fail "-o $name: $(cat said)"
done

# ---- rows of tables ----

python3 - <<'PY' >t.csv
import random
random.seed(1)
print("columns;hasattr;when;kind;lambda;result")
for i in range(60):
    number = f"{random.uniform(-5000, 5000):,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")
    kind = random.choice([" z ", "z", "\u00a0z", "?", "", "\t", "élan", "1"])
    print("-999" if i % 9 == 3 else number, ["1.000", "2,5", "", "?", "3"][i % 5], f"{1 + i % 28:02d}/05/2021",
          f'"{kind}"' if kind.strip(" \t") != kind else kind, i, "ab"[i % 2], sep=";")
PY
cat >t.hn <<'HN'
data d = csv("t.csv") {
  separator ";"
  decimal ","
  thousands "."
  missing "-999", "?" as mean
  unknown as missing
  fields x = numbers(columns, hasattr) ++ standardize(time(when, "%d/%m/%Y")) ++ onehot(kind)
         c = class(result)
         y = standardize(lambda)
}
net f(x: f32[n]) -> f32[1] { return linear(x, 1) }
objective fit(e) = mean(square(f(e.x) - e.y))
train go = fit { minimise fit(d.train) by adam(1e-2); batch 10; epochs 1 }
export columns(x) = x * 1
export two(x, c) = [x[0], x[1] + 0 * c]
HN
train t
aot t -o t
./t predict --weights t-run/last.safetensors --export columns t.csv | sed 1d >t.txt
python3 - <<'PY' || fail "rows"
import csv, datetime
import numpy as np
import t
from kit import near, refused
expected = np.array([[float(v) for v in row[1:]] for row in csv.reader(open("t.txt"))])
rows = list(csv.DictReader(open("t.csv", encoding="utf-8"), delimiter=";"))
seconds = lambda text: (datetime.datetime.strptime(text, "%d/%m/%Y") - datetime.datetime(1970, 1, 1)).total_seconds()
encoded = t.columns_encode([dict(row, when=seconds(row["when"])) for row in rows])
near(encoded, expected)
row = dict(rows[1], when=0, columns="1.234,5", hasattr="-1e3", kind="z")
near(t.columns_encode(row)[:2], [1234.5, -1000])
for missing in (None, "", "?", " ? ", " -999", "-999,0", -999, float("nan"), np.float32("nan")):
    assert np.array_equal(t.columns_encode(dict(row, columns=missing)), t.columns_encode(dict(row, columns=None)))
near(t.columns_encode(dict(row, columns=-998, hasattr=np.int8(3)))[:2], [-998, 3])
for text in ("1_0", "1.5", "1,5.0", "nan", "inf", "0x10", "1e999", "1 0", "١", "1.2345", "--1", "1,", b"1", [1], 1j, 10**400):
    if text == "1,":
        near(t.columns_encode(dict(row, columns=text))[0], 1)
    else:
        refused("'columns' holds", t.columns_encode, dict(row, columns=text))
for text in ("12/05/2021", "1620000000", "2021-05-12", datetime.datetime(2021, 5, 12)):
    refused("seconds since 1970", t.columns_encode, dict(row, when=text))
position = lambda kind: int(np.argmax(t.columns_encode(dict(row, kind=kind))[3:])) if t.columns_encode(dict(row, kind=kind))[3:].any() else -1
distinct = [position(kind) for kind in ("z", " z ", "\u00a0z", "\t", "élan", None, "1")]
assert len(set(distinct)) == 7 and -1 not in distinct, distinct
assert position("  z") == position("z\t") == position("z") and position(1) == position("1")
assert position("z\u00a0") == position("\u2003z") == position(None) == position("?") == position(float("nan"))
refused("'kind' holds", t.columns_encode, dict(row, kind="z\0y"))
refused("'kind' holds", t.columns_encode, dict(row, kind=b"z"))
refused("the row has no 'kind'", t.columns_encode, {"columns": 1, "hasattr": 1, "when": 0})
refused("a row is a dict", t.columns_encode, "text")
refused("a number is missing, or too large", t.columns_encode, dict(row, columns=1e300))
assert t.columns_encode([]).shape == (0, expected.shape[1]) and t.columns_encode([]).dtype == np.float32
x, c = t.two_encode([row, dict(row, result="a")])
assert x.shape == (2, expected.shape[1]) and c.dtype == np.int32 and c.shape == (2,) and c.tolist() == [1, 0] and t.two_encode(row)[1].shape == ()
assert [part.shape for part in t.two_encode([])] == [(0, expected.shape[1]), (0,)]
near(t.two(x, c), [[1234.5, -1000]] * 2)
PY

# Texts as numbers: the module takes those that hnc takes, for the same numbers.
printf '%s\n' 12 -3 +4 1. .5 . '' - +-1 1e3 1E-2 1e 1e+ 1,5 1,234 1.234 0,123 0.123 1,234.5 1.234,5 1,2345 1234,567 12,34 1,23,456 \
    1,234,567 '1 234' '1 234,5' '1  234' "1'234" '1’234' '1 234' '1 234.5' 1_0 0x1 nan inf 1e400 1e-400 ' 7 ' '１' 1,234e2 >texts
for dialect in '"."  ""' '"," ""' '"." ","' '"," "."' '"." " "' '"," " "' '"." "'"'"'"'; do
    set -- $dialect
    decimal=$1 thousands=${dialect#* }
    printf 'a;b\n1;2\n3;4\n5;6\n' >numbers.csv
    {
        echo "data d = csv(\"numbers.csv\") { separator \";\"; decimal $decimal"
        [ "${thousands# }" = '""' ] || echo "thousands $thousands"
        echo 'missing as mean'
        echo 'fields x = numbers(a), y = b }'
        echo 'net f(x: f32[n]) -> f32[1] { return linear(x, 1) }'
        echo 'objective fit(e) = mean(square(f(e.x) - e.y))'
        echo 'train go = fit { minimise fit(d.train) by adam(1e-2); batch 1; epochs 1 }'
        echo 'export x(x) = x * 1'
    } >numbers.hn
    train numbers
    rm -f numbers_.py
    aot numbers -o numbers_
    python3 - <<'PY' || fail "numbers with decimal and thousands $dialect"
import subprocess
import numpy as np
import numbers_
for text in open("texts", encoding="utf-8").read().splitlines():
    with open("one.csv", "w", encoding="utf-8") as file:
        file.write(f"a;b\n{text};1\n")
    said = subprocess.run("./numbers predict --weights numbers-run/last.safetensors one.csv", shell=True, capture_output=True, text=True)
    try:
        got = numbers_.x_encode({"a": text})[0]
    except ValueError:
        got = None
    expected = None if said.returncode else np.float32(said.stdout.split()[1].split(",")[1])
    assert got == expected, f"'{text}' is {expected}, not {got}: {said.stderr}"
PY
done
echo "aot_python: fine"
