#!/bin/sh
# `hnc aot` from end to end: aot.sh HNC. Objects give what `OUT predict` gives, on this machine and, where a compiler and an
# emulator are there, on others; they need nothing and write nothing of their own; mistakes get a clear error.
set -eu
hnc=$1
. "$(dirname "$0")/kit.sh"

# The command must fail with status $1 and say $2.
refused() {
    status=$1
    words=$2
    shift 2
    set +e
    "$@" >said 2>&1
    got=$?
    set -e
    [ "$got" = "$status" ] || fail "'$*' ended with $got, not $status: $(cat said)"
    grep -qF -- "$words" said || fail "'$*' does not say '$words', but: $(cat said)"
}

# ---- a model with a task and a preference, trained a little ----

cat >m.hn <<'HN'
data d[3] = rows(200) {
  a: f32 = 2 * uniform() - 1
  x: f32[5] = [a, a * a, 1 - a, 0.5, a / 3]
  y: f32 = i + uniform()
  test rows(7) { a = 0.2 * row; x = [0.1, -0.2, 0.3, 0.4, -0.5]; y = i }
}
task t[3] embed 4
preference r[2]
net f(x: f32[5]) -> f32[3] { return tanh(linear(tanh(linear(x, 21)), 3)) }
net trunk(z: f32[4], w: f32[2]) -> f32[8] { return tanh(linear(concat(z, w), 8)) }
weights f = dense(trunk(t, r))
objective fit(e)   = mean(square(sum(f(e.x)) - e.y)) given t = 0
objective small(e) = mean(square(f(e.x)[0])) given t = 0
train go = pareto(r) {
  minimise fit, small on d[0].train by adam(1e-2)
  solver linear
  sample uniform
  report uniformity on d[0].train
  batch  20
  epochs 2
}
export score(x, t, r) = f(x)
export best(x, t, r)  = argmax(f(x))
export alone(x)       = f(x) given t = 1, r = [0.25, 0.75]
HN
"$hnc" build m.hn -o m >said 2>&1 || fail "the model: $(cat said)"
./m train --quiet --out run >said 2>&1 || fail "training: $(cat said)"

# Rows for predict, and what it says of them: CSV without the first line and the number of the row.
python3 - <<'PY'
import struct
rows = [[0.1 * i - 0.3, 0.02 * i, 1 - 0.1 * i, 0.5, 0.05 * i] for i in range(7)]
header = "{'descr': '<f4', 'fortran_order': False, 'shape': (7, 5), }"
header += " " * ((-len(header) - 11) % 64) + "\n"
with open("x.npy", "wb") as file:
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
    for row in rows:
        file.write(struct.pack("<5f", *row))
with open("x.txt", "w") as file:
    for row in rows:
        print(*("%.9g" % x for x in struct.unpack("<5f", struct.pack("<5f", *row))), file=file)
PY
./m predict --weights run/last.safetensors --export score --task 2 --preference 3,1 x.npy | sed 1d | cut -d, -f2- >expected
[ "$(wc -l <expected)" = 7 ] || fail "predict: $(cat expected)"

# ---- a program in C, for any target: rows in, results out ----

cat >score.c <<'C'
#include <stdio.h>
#include "m.h"
static _Alignas(16) unsigned char workspace[M_WORKSPACE_BYTES], weights[M_GENERATE_WEIGHTS_BYTES];
int main(void)
{
    const float preference[2] = {3, 1};
    float x[M_SCORE_X_SIZE], once[M_SCORE_RESULT_SIZE], with[M_SCORE_RESULT_SIZE];
    int32_t best;
    if (m_generate(2, preference, weights, workspace) != M_OK)
        return 1;
    while (scanf("%f %f %f %f %f", x, x + 1, x + 2, x + 3, x + 4) == 5) {
        if (m_score(x, 2, preference, once, workspace) != M_OK || m_score_with(weights, x, with, workspace) != M_OK ||
            m_best_with(weights, x, &best, workspace) != M_OK)
            return 2;
        for (int i = 0; i < M_SCORE_RESULT_SIZE; i++)
            if (once[i] != with[i] || with[i] > with[best])
                return 3;
        printf("%.9g,%.9g,%.9g\n", with[0], with[1], with[2]);
    }
    return m_score(x, 3, preference, once, workspace) != M_ERROR_INDEX;
}
C

# Both files hold equal numbers, to a relative 1e-5 of the largest.
near() {
    python3 - "$1" "$2" <<'PY' || fail "$2 is not $1"
import sys
a, b = ([[float(x) for x in line.split(",")] for line in open(name)] for name in sys.argv[1:])
flat = [x for row in a for x in row]
ok = len(flat) >= 4 and [len(r) for r in a] == [len(r) for r in b]
sys.exit(not (ok and all(abs(x - y) <= 1e-5 * max(map(abs, flat)) for p, q in zip(a, b) for x, y in zip(p, q))))
PY
}

# Runs what was linked, under an emulator if one is named.
scores() { "$@" ./score <x.txt >got || fail "score ended with $?"; near expected got; }

aot() { "$hnc" aot m.hn --weights run/last.safetensors "$@" || fail "hnc aot $*"; }

for cpu in x86-64 x86-64-v3; do
    aot -o m --cpu=$cpu
    [ -z "$(nm -u m.o)" ] || fail "the object for $cpu needs $(nm -u m.o)"
    ! nm m.o | grep -q ' [BbCDG] ' || fail "the object has data that may be written"
    cc -std=c11 -pedantic -Wall -Wextra -Werror -O2 score.c m.o -o score
    scores
done
cat >model.cc <<'CC'
#include "m.h"
int main()
{
    const hnc_model *model = m_model();
    const hnc_export *score = &model->exports[0], *alone = &model->exports[2];
    return model->export_count != 3 || model->workspace_bytes != M_WORKSPACE_BYTES || model->alignment != M_ALIGNMENT ||
           score->workspace_bytes != M_SCORE_WORKSPACE_BYTES || score->weights_bytes != M_GENERATE_WEIGHTS_BYTES || score->column_count ||
           alone->workspace_bytes != M_ALONE_WORKSPACE_BYTES || alone->weights_bytes;
}
CC
if command -v c++ >/dev/null; then
    c++ -Wall -Wextra -Werror model.cc m.o -o model
    ./model
else
    echo "skipped: C++ (needs c++)"
fi

# ---- memory, as announced by explain ----

"$hnc" explain m.hn >explained
grep -q "an object of hnc aot for x86-64-v3: $(size -A m.o | awk '$1 ~ /^\.text/ { n += $2 } END { print n }') bytes of code" explained ||
    fail "the size of the code: $(grep 'an object' explained)"
cat >stack.c <<'C'
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include "m.h"
static _Alignas(64) unsigned char stack[1 << 16], workspace[M_WORKSPACE_BYTES], weights[M_GENERATE_WEIGHTS_BYTES];
static float x[M_SCORE_X_SIZE], preference[2] = {1, 2}, result[M_SCORE_RESULT_SIZE];
static void nothing(void) {}
static void generate(void) { m_generate(1, preference, weights, workspace); }
static void with(void) { m_score_with(weights, x, result, workspace); }
static void whole(void) { m_score(x, 1, preference, result, workspace); }
static long used(void (*function)(void))
{
    ucontext_t here, there;
    memset(stack, 0xA5, sizeof stack);
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    there.uc_link = &here;
    makecontext(&there, function, 0);
    swapcontext(&here, &there);
    long untouched = 0;
    while (stack[untouched] == 0xA5)
        untouched++;
    return (long)sizeof stack - untouched;
}
int main(void)
{
    long base = used(nothing);
    printf("m_generate %ld\nm_score_with %ld\nm_score %ld\n", used(generate) - base, used(with) - base, used(whole) - base);
    return 0;
}
C
cc -O0 stack.c m.o -o stack
./stack >measured
for function in m_generate m_score_with m_score; do
    most=$(awk -v f=$function '$1 == f { print $4 }' explained)
    taken=$(awk -v f=$function '$1 == f { print $2 }' measured)
    [ "$taken" -le "$most" ] && [ "$taken" -ge $((most / 3)) ] || fail "$function takes $taken bytes of stack; explain says $most"
done

# ---- other ways to the same numbers ----

aot -o m --emit=header,static
cc -O2 score.c libm.a -o score
scores
aot -o fixed --fix r=3,1 --fix t=2
cat >fixed.c <<'C'
#include <stdio.h>
#include "fixed.h"
int main(void)
{
    static _Alignas(16) unsigned char workspace[FIXED_WORKSPACE_BYTES];
    float x[5], y[3];
    while (scanf("%f %f %f %f %f", x, x + 1, x + 2, x + 3, x + 4) == 5 && fixed_score(x, y, workspace) == FIXED_OK)
        printf("%.9g,%.9g,%.9g\n", y[0], y[1], y[2]);
    return 0;
}
C
cc -O2 fixed.c fixed.o -o score
scores
# the net that made the weights is not in it: 3 outputs of 21 units of 5 numbers are 192
[ "$(wc -c <fixed.o)" -lt "$(wc -c <m.o)" ] || fail "fixed.o is no smaller"

# ---- a program with the weights inside ----

aot -o whole --emit=exe
mkdir elsewhere
(cd elsewhere && ../whole predict --export score --task 2 --preference 3,1 ../x.npy) | sed 1d | cut -d, -f2- >got
near expected got
aot -o whole --emit=exe --fix r=3,1 --fix t=2
./whole predict --export score x.npy | sed 1d | cut -d, -f2- >got
near expected got
./whole info | grep -q "^weights: 0," || fail "the net that made the weights is still there"
refused 1 "'score' takes no task" ./whole predict --export score --task 2 x.npy
refused 2 "'train' is not a command (predict or info)" ./whole train
refused 2 "'--weights' is not a flag of 'predict'" ./whole predict --weights run/last.safetensors --export score x.npy
refused 2 "--emit=exe makes programs for this machine alone" "$hnc" aot m.hn --weights run/last.safetensors -o m --emit=exe --target=riscv64

# ---- products by OpenBLAS ----

cat >broad.hn <<'HN'
data d = rows(8) { x: f32[512] = uniform() * ones(512); y: f32 = uniform() }
net f(x: f32[n]) -> f32[2] { return linear(relu(linear(x, 512)), 2) }
objective fit(e) = mean(square(sum(f(e.x)) - e.y))
train go = fit { minimise fit(d.train) by adam(0.001); batch 4; epochs 1 }
export score(x) = f(x)
HN
"$hnc" build broad.hn -o broad
./broad train --quiet --out broad-run >/dev/null
for blas in openblas builtin; do
    "$hnc" aot broad.hn --weights broad-run/last.safetensors -o broad --batch 256 --blas=$blas
    [ "$(nm -u broad.o | tr -d ' \n')" = "$([ $blas = builtin ] || echo Ucblas_sgemm)" ] || fail "--blas=$blas needs $(nm -u broad.o)"
done
refused 2 "--no-std excludes --blas=openblas" "$hnc" aot broad.hn --weights broad-run/last.safetensors -o broad --blas=openblas --no-std
refused 2 "--blas=openblas: there is none for wasm32" "$hnc" aot broad.hn --weights broad-run/last.safetensors -o broad --blas=openblas --target=wasm32

# ---- the same bytes from another folder ----

mkdir other && cp m.hn run/last.safetensors other
(cd other && "$hnc" aot m.hn --weights last.safetensors -o m)
aot -o m
cmp m.o other/m.o
cmp m.h other/m.h

# ---- and by another processor ----

aot -o fixed --fix r=3,1 --fix t=2
if command -v qemu-x86_64 >/dev/null && ! nm "$hnc" | grep -q __asan_init; then
    for cpu in Nehalem Haswell; do
        (cd other && qemu-x86_64 -cpu $cpu "$hnc" aot m.hn --weights last.safetensors -o fixed --fix r=3,1 --fix t=2 2>said) ||
            fail "hnc aot by a $cpu: $(cat other/said)"
        cmp fixed.o other/fixed.o
    done
else
    echo "skipped: another processor (needs qemu-x86_64, and an hnc without sanitizers)"
fi

# ---- hyperparameters, up to the ends of their ranges ----

cat >ends.hn <<'HN'
data d = rows(200) { x: f32[5] = [uniform(), normal(), row / 200, 0.3, uniform()]; y: f32 = normal() }
hyper lam { a: range(-1000, 1) = 0.2; l: log(1e-7, 1e-2) = 1e-5; c: integer(0, 20000000) = 5; g: log = 1e-3; p: positive = 1 }
net f(x: f32[5]) -> f32[3] { return linear(tanh(linear(x, 7)), 3) }
weights f = stn(lam)
objective fit(e) = mean(square(sum(f(e.x)) - e.y)) + (lam.a + lam.l + lam.c + lam.g + lam.p) * 0
train go = bilevel(lam) {
  lower fit(d.train) by adam(1e-2)
  upper fit(d.train) by adam(1e-2)
  sample normal(scale: 0.5)
  batch 20
  epochs 1
}
export score(x, lam) = f(x)
export status(lam)   = [lam.a, lam.l]
HN
"$hnc" build ends.hn -o ends >said 2>&1 || fail "ends: $(cat said)"
./ends train --quiet --out ends-run >/dev/null
"$hnc" aot ends.hn -W no-same-split --weights ends-run/last.safetensors -o ends
cat >ends.c <<'C'
#include <stdio.h>
#include "ends.h"
int main(void)
{
    static _Alignas(16) unsigned char workspace[ENDS_WORKSPACE_BYTES];
    static const float x[5] = {0.1f, -0.2f, 0.3f, 0.4f, -0.5f};
    float lam[5], y[3], own[2];
    while (scanf("%f,%f,%f,%f,%f", lam, lam + 1, lam + 2, lam + 3, lam + 4) == 5) {
        if (ends_score(x, lam, y, workspace) != ENDS_OK || ends_status(lam, own, workspace) != ENDS_OK)
            return 1;
        if (own[0] - lam[0] > 1e-3f || lam[0] - own[0] > 1e-3f || !(own[1] / lam[1] < 1.001f && own[1] / lam[1] > 0.999f))
            return 2;
        printf("%.9g,%.9g,%.9g\n", y[0], y[1], y[2]);
    }
    return 0;
}
C
cc -std=c11 -Wall -Wextra -Werror ends.c ends.o -lm -o read-ends
python3 - <<'PY' >ends.txt
import struct
with open("one.npy", "wb") as file:
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 5), }"
    header += " " * ((-len(header) - 11) % 64) + "\n"
    file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<5f", 0.1, -0.2, 0.3, 0.4, -0.5))
for row in [(0.2, 1e-5, 5, 1e-3, 1), (0.99998, 1e-5, 5, 1e-3, 1), (0.2, 0.009999997, 5, 1e-3, 1), (0.2, 1.0000001e-7, 5, 1e-3, 1),
            (-999.9999, 1e-5, 20000000, 1e-3, 1), (0.2, 1e-5, 0, 1e30, 1e-30), (0.2, 1e-5, 19999999, 1e-30, 1e30)]:
    print(*("%.17g" % x for x in struct.unpack("<5f", struct.pack("<5f", *row))), sep=",")
PY
./read-ends <ends.txt >got || fail "read-ends ended with $?"
while IFS=, read -r a l c g p; do
    ./ends predict --weights ends-run/last.safetensors --export score --hyper lam.a=$a --hyper lam.l=$l --hyper lam.c=$c --hyper lam.g=$g \
        --hyper lam.p=$p one.npy | sed 1d | cut -d, -f2-
done <ends.txt >expected-ends
near expected-ends got

# ---- rows as the files have them ----

cat >people.csv <<'CSV'
age,from,int,when,more
30,Rome,a,2020-01-01,1
40,?,b,2021-06-01,0
,Oslo,a,2022-01-01,1
50,Rome,c */,2023-01-01,0
60,NA,,2024-03-05,1
CSV
cat >people.hn <<'HN'
data d = csv("people.csv") {
  missing "?", "NA", "-999" as mean
  unknown as POLICY
  fields x = standardize(age, time(when)) ++ onehot(from, int)
         y = more == 1
}
net f(x: f32[n]) -> f32 { return sum(linear(x, 1)) }
objective fit(e) = mean(binary_cross_entropy(f(e.x), e.y))
train go = fit { minimise fit(d.train) by adam(0.1); batch 5; epochs 3 }
export score(x) = f(x)
HN
printf '%s\n' age,from,int,when 33,Rome,b,2020-01-01 ',Oslo,c */,2021-01-02' '44,?,,2022-01-01' 55,NA,a,2023-01-01 >new.csv
{ cat new.csv && echo 66,Paris,d,2020-01-01 && echo -999.0,Rome,-999,1969-12-31; } >unknown.csv
echo -999.0,Rome,-999,1969-12-31 >>new.csv
cat >people.c <<'C'
#include <math.h>
#include <stdio.h>
#include "people.h"
int main(void)
{
    static _Alignas(16) unsigned char workspace[PEOPLE_WORKSPACE_BYTES];
    static const people_score_columns rows[] = {
        {.age = 33, .from = "Rome", .int_ = "b", .when = 1577836800},  {.age = NAN, .from = "Oslo", .int_ = "c */", .when = 1609545600},
        {.age = 44, .from = NULL, .int_ = "", .when = 1640995200},     {.age = 55, .from = "NA", .int_ = "a", .when = 1672531200},
        {.age = 66, .from = "Paris", .int_ = "d", .when = 1577836800}, {.age = INFINITY, .from = "Rome", .int_ = "a", .when = 0},
        {.age = -999, .from = "Rome", .int_ = "-999", .when = -86400},
    };
    for (int i = 0; i < 7; i++) {
        float x[PEOPLE_SCORE_X_SIZE], score;
        int status = people_score_encode(&rows[i], x);
        if (status == PEOPLE_OK && people_score(x, &score, workspace) == PEOPLE_OK)
            printf("%.9g\n", score);
        else
            fprintf(stderr, "%d ", status);
    }
    return people_score_encode(NULL, NULL) != PEOPLE_ERROR_ADDRESS;
}
C
# Trains the model in policy.hn a little.
train_people() {
    "$hnc" build policy.hn -o people "$@" >/dev/null
    rm -rf people-run
    ./people train --quiet --out people-run >/dev/null
}
# What `OUT predict` says of the rows, into expected-people.
expect_people() { ./people predict --weights people-run/last.safetensors "$1" 2>said | sed 1d | cut -d, -f2- >expected-people; }
# Scores the rows of people.c, of which the encoder must refuse some with these codes.
read_people() {
    "$hnc" aot policy.hn --weights people-run/last.safetensors -o people
    [ -z "$(nm -u people.o)" ] || fail "people.o needs $(nm -u people.o)"
    cc -std=c11 -Wall -Wextra -Werror people.c people.o -o read-people
    ./read-people >got 2>said || fail "read-people ended with $?"
    [ "$(cat said)" = "$1" ] || fail "people are refused with the codes $(cat said), not $1"
}
sed '/POLICY/d' people.hn >policy.hn
train_people
expect_people new.csv
read_people "4 5 " # ERROR_CATEGORY of Paris, ERROR_NUMBER of the infinity
near expected-people got
# the table in front has the same fields, but nothing is trained on it
sed 's/^30/1000/' people.csv >decoy.csv
{ sed -n '/^data d /,/^}/p' people.hn | sed 's/^data d = csv("people/data decoy = csv("decoy/' && cat people.hn; } >decoyed.hn
for unknown in missing frequent; do
    sed "s/POLICY/$unknown/" decoyed.hn >policy.hn
    train_people
    expect_people unknown.csv
    read_people "5 "
    near expected-people got
done
sed 's/ as mean/ as drop/; s/POLICY/missing/' people.hn >policy.hn
train_people --batch 2
read_people "5 4 4 5 4 " # of rows that training leaves out

# ---- names that C and C++ do not have, and code that libraries would have ----

cat >odd.csv <<'CSV'
class-,class,concept,linux,x*/y,it's,more
1,2,a,3,4,b,1
2,3,b,4,5,a,0
3,4,a,5,6,b,1
CSV
cat >odd.hn <<'HN'
data d = csv("odd.csv") { fields columns = numbers("class-", "class", "linux", "x*/y") ++ onehot("concept", "it's")
  y = more == 1 }
net f(x: f32[n]) -> f32[2] { return linear(x, 2) }
objective fit(e) = mean(binary_cross_entropy(f(e.columns)[0], e.y))
train go = fit { minimise fit(d.train) by adam(0.1); batch 3; epochs 2 }
export score(columns) = f(columns)
export odd(x: f32[2], X: f32[3], int: f32, int_: f32, count: i32) = f32(count) + x[0] + X[2] + int * int_
export low(x: f32[200], RESULT: f32) = floor(x) + RESULT
export copy(x: f32[300]) = x
export turn(x: f32[30, 40]) = transpose(x)
export draw(x: f32[70]) = x + uniform([70])
export sine(x: f32) = sin(x)
export power(x: f32, NULL: f32) = pow(abs(x), NULL)
HN
"$hnc" build odd.hn -o odd >said 2>&1 || fail "odd: $(cat said)"
./odd train --quiet --out odd-run >/dev/null
cat >odd.c <<'C'
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "odd.h"
int main(void)
{
    static _Alignas(16) unsigned char workspace[ODD_WORKSPACE_BYTES];
    const float x[2] = {1, 2}, X[3] = {3, 4, 5}, a = 6, b = 7, half[200] = {-0.5f, -0.0f, 0.5f, 8388609.f, -8388608.5f, 1e30f, -1e30f, -INFINITY};
    const float none = 0, large = 1e6f;
    const int32_t count = 8;
    const odd_score_columns row = {.class_ = 1, .class__ = 2, .linux_ = 3, .x__y = 4, .concept_ = "a", .it_s = "b"};
    float columns[ODD_SCORE_COLUMNS__SIZE], score[2], y, low[200], sine;
    if (odd_odd(x, X, &a, &b, &count, &y, workspace) || y != 8 + 1 + 5 + 42 || ODD_ODD_X_SIZE != 2 || ODD_ODD_X__SIZE != 3)
        return 1;
    if (odd_score_encode(&row, columns) || columns[0] != 1 || columns[3] != 4 || odd_score(columns, score, workspace))
        return 2;
    const hnc_export *export = &odd_model()->exports[0];
    if (export->column_count != 6 || strcmp(export->columns[3].name, "x*/y") || export->columns[3].categories ||
        export->columns[4].category_count != 2 || strcmp(export->columns[4].categories[1], "b"))
        return 6;
    if (odd_low(half, &none, low, workspace))
        return 3;
    for (int i = 0; i < 200; i++)
        if (low[i] != floorf(half[i]))
            return 4;
    if (odd_sine(&large, &sine, workspace) || fabsf(sine - sinf(large)) > 1e-6f)
        return 5;
    return 0;
}
C
for how in "" "--cpu=x86-64" "-O3" "--cpu=x86-64 -O3" "-O0"; do
    "$hnc" aot odd.hn --weights odd-run/last.safetensors -o odd $how
    [ -z "$(nm -u odd.o)" ] || fail "with '$how', odd.o needs $(nm -u odd.o)"
    cc -std=gnu11 -Wall -Wextra -Werror odd.c odd.o -lm -o read-odd
    ./read-odd || fail "read-odd with '$how' ended with $?"
done
"$hnc" aot odd.hn --weights odd-run/last.safetensors -o odd --batch any
grep -qF "double x__y; /* 'x*\\x2fy' */" odd.h || fail "the column x*/y: $(grep x__y odd.h)"
if command -v c++ >/dev/null; then
    printf '#include "odd.h"\nint main() { return odd_model()->export_count != 8; }\n' >names.cc
    c++ -std=gnu++20 -Wall -Wextra -Werror names.cc odd.o -lm -o names
    ./names
fi
long=$(printf 'l%.0s' $(seq 230))
"$hnc" aot odd.hn --weights odd-run/last.safetensors -o $long
printf '#include "%s.h"\nint main(void) { return %s_model()->export_count != 8; }\n' $long $long >long.c
cc long.c $long.o -lm -o long
./long

# ---- outputs and inputs ----

cp m.hn mine.hn
refused 2 "the output 'mine.hn' is an input" "$hnc" aot mine.hn --weights run/last.safetensors -o mine.hn --emit=exe
cmp m.hn mine.hn
cp run/last.safetensors m.weights
refused 2 "the output 'm.weights' is an input" "$hnc" aot m.hn --weights m.weights -o m --external-weights
for name in '' . .. folder/; do refused 2 "expected what the object is called" "$hnc" aot m.hn --weights run/last.safetensors -o "$name"; done
refused 1 "'draw' draws random numbers for each example by itself: say --batch any" \
    "$hnc" aot odd.hn --weights odd-run/last.safetensors -o odd --batch 4
refused 2 "exclude each other" "$hnc" aot m.hn --weights run/last.safetensors -o m --embed-weights --external-weights
refused 2 "there is none for wasm32" "$hnc" aot m.hn --weights run/last.safetensors -o m --emit=python --target=wasm32
"$hnc" aot --help | grep -q -- --external-weights || fail "hnc aot --help"
aot -o m --emit=static
cp libm.a first.a
aot -o m --emit=static
cmp libm.a first.a
refused 1 "--fix r is given twice" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix r=1,2 --fix r=1,2
refused 1 "--fix lam.a is given twice" "$hnc" aot ends.hn --weights ends-run/last.safetensors -o m -W no-same-split --fix lam.a=0.1 --fix lam.a=0.2
refused 1 "name its hyperparameters, as in --fix lam.a=..." "$hnc" aot ends.hn --weights ends-run/last.safetensors -o m -W no-same-split --fix lam=1

# ---- many threads ----

cat >threads.c <<'C'
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "m.h"
static float results[8][M_SCORE_RESULT_SIZE];
static void *run(void *result)
{
    _Alignas(16) unsigned char workspace[M_WORKSPACE_BYTES];
    const float x[5] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f}, preference[2] = {1, 2};
    for (int i = 0; i < 2000; i++)
        if (m_score(x, 1, preference, result, workspace) != M_OK)
            return result;
    return NULL;
}
int main(void)
{
    pthread_t threads[8];
    void *wrong, *any = NULL;
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, run, results[i]);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &wrong);
        any = wrong ? wrong : any;
    }
    for (int i = 1; i < 8; i++)
        any = memcmp(results[0], results[i], sizeof results[0]) ? results : any;
    return any != NULL;
}
C
cc -std=gnu11 -O2 threads.c m.o -o threads -lpthread
./threads || fail "eight threads"

if command -v clang-19 >/dev/null; then
    aot -o m --emit=llvm
    sed 's/^attributes #[0-9]* = {/& sanitize_thread/' m.ll >threads.ll
    clang-19 -g -O1 -fsanitize=thread threads.c threads.ll -o threads -lpthread 2>/dev/null
    ./threads || fail "ThreadSanitizer"
else
    echo "skipped: ThreadSanitizer (needs clang-19)"
fi

# ---- other machines, where they can be had ----

for arch in aarch64 riscv64; do
    aot -o m --target=$arch
    if command -v $arch-linux-gnu-gcc >/dev/null && command -v qemu-$arch >/dev/null; then
        $arch-linux-gnu-gcc -O2 -static score.c m.o -o score
        scores qemu-$arch
    else
        echo "skipped: $arch (needs $arch-linux-gnu-gcc and qemu-$arch)"
    fi
done
if command -v wasm-ld-19 >/dev/null && command -v node >/dev/null; then
    aot -o m --target=wasm32 --emit=shared
    cat >run.js <<'JS'
const fs = require("fs");
WebAssembly.instantiate(fs.readFileSync("m.wasm"), {}).then(({ instance }) => {
  const e = instance.exports, base = (e.__heap_base.value + 63) & ~63;
  while (e.memory.buffer.byteLength < base + (1 << 20)) e.memory.grow(1);
  const f = new Float32Array(e.memory.buffer), x = base, r = base + 64, y = base + 128, workspace = base + 256;
  f.set([3, 1], r / 4);
  for (const line of fs.readFileSync("x.txt", "utf8").trim().split("\n")) {
    f.set(line.split(" ").map(Number), x / 4);
    if (e.m_score(x, 2, r, y, workspace)) process.exit(1);
    console.log([0, 1, 2].map((i) => f[y / 4 + i]).join(","));
  }
});
JS
    node run.js >got
    near expected got
    # blocks of large products need more stack than wasm-ld gives by itself; in a loop, so that the second call sees what the first broke
    "$hnc" aot broad.hn --weights broad-run/last.safetensors -o broad --target=wasm32 --emit=shared --batch 100
    "$hnc" aot broad.hn --weights broad-run/last.safetensors -o one --target=wasm32 --emit=shared
    cat >batch.js <<'JS'
const fs = require("fs");
const open = async (name) => {
  const { instance } = await WebAssembly.instantiate(fs.readFileSync(name + ".wasm"), {}), e = instance.exports;
  const base = (e.__heap_base.value + 63) & ~63;
  while (e.memory.buffer.byteLength < base + (1 << 23)) e.memory.grow(1);
  const f = new Float32Array(e.memory.buffer), x = base, y = base + (1 << 18), workspace = base + (1 << 19);
  return (rows) => {
    f.set(rows, x / 4);
    if (e[name + "_score"](x, y, workspace)) process.exit(1);
    return Array.from(f.slice(y / 4, y / 4 + rows.length / 256));
  };
};
Promise.all([open("broad"), open("one")]).then(([broad, one]) => {
  const rows = Float32Array.from({ length: 100 * 512 }, (_, i) => ((i * 37) % 101) / 101);
  broad(rows);
  const all = broad(rows);
  for (let i = 0; i < 100; i++)
    one(rows.slice(512 * i, 512 * (i + 1))).forEach((y, k) => {
      if (!(Math.abs(y - all[2 * i + k]) < 1e-5)) process.exit(2);
    });
});
JS
    node batch.js || fail "100 examples per call of a module: $?"
else
    echo "skipped: wasm32 (needs wasm-ld-19 and node)"
fi

# ---- a module of Python ----

if python3 -c 'import numpy' 2>/dev/null; then
    aot -o many --emit=python --batch any
    python3 - <<'PY' >got
import numpy as np, many
x = np.loadtxt("x.txt", np.float32)
weights = many.generate(2, [3, 1])
both = many.score(np.tile(x, (10, 1)), 2, [3, 1])[21:28]
assert np.array_equal(both[3], many.score_with(weights, x[3])) or np.allclose(both[3], many.score_with(weights, x[3]), 1e-6)
for row in both:
    print(*row, sep=",")
PY
    near expected got
    aot -o pm --emit=python --external-weights
    python3 - <<'PY' >got
import numpy as np, pm
x = np.loadtxt("x.txt", np.float32)
for row in pm.score(x, 2, [3, 1]):
    print(*row, sep=",")
for wrong in [lambda: pm.score(x[0], 3, [3, 1]), lambda: pm.score(x[0], 2, [3, -1]), lambda: pm.score(x[0, :4], 2, [3, 1])]:
    try:
        wrong()
    except ValueError:
        continue
    raise SystemExit("no error")
PY
    near expected got
    sed '/POLICY/d' people.hn >policy.hn
    train_people
    expect_people new.csv
    "$hnc" aot policy.hn --weights people-run/last.safetensors -o people --emit=python
    python3 - <<'PY' >got
import people
rows = [dict(zip(("age", "from", "int", "when"), row)) for row in [
    (33, "Rome", "b", 1577836800), (None, " Oslo ", "c */", 1609545600), ("44", None, "", 1640995200), (55.0, "NA", "a", 1672531200),
    (-999, "Rome", "-999", -86400)]]
print(*people.score(people.score_encode(rows)), sep="\n")
for wrong in [dict(rows[0], age="old"), dict(rows[0], int="d"), dict(age=1), dict(rows[0], age=1e300)]:
    try:
        people.score_encode(wrong)
    except ValueError:
        continue
    raise SystemExit("no error")
PY
    near expected-people got
else
    echo "skipped: Python (needs NumPy)"
fi

if python3 -c 'import numpy, onnxruntime' 2>/dev/null; then
    for batch in "" "--batch 7"; do
        aot -o fixed --emit=onnx --fix r=3,1 --fix t=2 $batch
        python3 - <<'PY' >got
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession("fixed.score.onnx", providers=["CPUExecutionProvider"])
x, (given,) = np.loadtxt("x.txt", np.float32), session.get_inputs()
many = len(given.shape) == 2
results = session.run(None, {given.name: x})[0] if many else [session.run(None, {given.name: row})[0] for row in x]
for row in results:
    print(*row, sep=",")
PY
        near expected got
    done
else
    echo "skipped: ONNX (needs ONNX Runtime)"
fi
refused 1 "'score' takes conditions, which a graph of ONNX does not" "$hnc" aot m.hn --weights run/last.safetensors -o m --emit=onnx

# ---- mistakes ----

refused 2 "say with --weights FILE" "$hnc" aot m.hn -o m
refused 2 "say with -o NAME" "$hnc" aot m.hn --weights run/last.safetensors
refused 1 "nothing.safetensors" "$hnc" aot m.hn --weights nothing.safetensors -o m
head -c 300 run/last.safetensors >short.safetensors
refused 1 "short.safetensors" "$hnc" aot m.hn --weights short.safetensors -o m
sed 's/linear(x, 21)/linear(x, 22)/' m.hn >wider.hn
refused 1 "run/last.safetensors" "$hnc" aot wider.hn --weights run/last.safetensors -o m
"$hnc" build m.hn -o wide --float=f64
./wide train --quiet --out wide-run --steps 1 >/dev/null
refused 1 "code for f64 calls libm" "$hnc" aot m.hn --float=f64 --weights wide-run/last.safetensors -o m --no-std
aot -o m --no-std
sed 's/^export best(/export score_WITH(/' m.hn >twice.hn
refused 1 "two functions would be called m_score_with and m_score_WITH" "$hnc" aot twice.hn --weights run/last.safetensors -o m
refused 2 "unknown target 'vax'" "$hnc" aot m.hn --weights run/last.safetensors -o m --target=vax
refused 2 "unknown processor 'haswell'" "$hnc" aot m.hn --weights run/last.safetensors -o m --target=aarch64 --cpu=haswell
refused 2 "--emit=lib: there are header, object" "$hnc" aot m.hn --weights run/last.safetensors -o m --emit=lib
refused 2 "--emit=: there are header, object" "$hnc" aot m.hn --weights run/last.safetensors -o m --emit=
refused 1 "'q' is no condition of this model, which has r, t" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix q=1
refused 1 "--fix r: say which value" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix r
refused 1 "--fix r -1,2: a preference has no negative numbers" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix r=-1,2
refused 1 "--fix r expects 2 numbers" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix r=1
refused 1 "task 3 is out of range" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix t=3
refused 1 "--fix t is given twice" "$hnc" aot m.hn --weights run/last.safetensors -o m --fix t=1 --fix t=2
refused 1 "there is no 'aarch64-linux-gnu-ar'" env PATH=/nowhere "$hnc" aot m.hn --weights run/last.safetensors -o m --target=aarch64 --emit=static
echo "aot: fine"
