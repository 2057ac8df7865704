#!/bin/sh
# The first section of docs/tutorial.md, as a newcomer types it: its program is taken from the document, trained, tuned, drawn and
# asked for prices. first_minutes.sh HNC SOURCE_DIR
set -eu
hnc=$1
root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root/docs/flats.csv" "$work"
cd "$work"
: >out
unset HNC_DATA

fail() {
    echo "$1" >&2
    cat out >&2
    exit 1
}

! sed '/^## 1/q' "$root/docs/tutorial.md" | grep -q 'HNC_DATA=' || fail "the table is looked for in the folder of other data"

awk '/^## /{ here = /Ten minutes/ } here && /^```hn/ { inside = 1; next } /^```/ { inside = 0 } inside' "$root/docs/tutorial.md" >flats.hn
sed 's/, time(sold.*")) ++/, sold) ++/; /decimal/d; /missing/d' flats.hn >raw.hn
! "$hnc" check raw.hn >out 2>&1 || fail "the raw table was read"
for help in "'missing as mean' fills in" "as in 'time(column, \"%d.%m.%Y\")'" "say 'decimal \",\"'"; do
    grep -qF "$help" out || fail "no help: $help"
done

"$hnc" build flats.hn >out 2>&1 || fail "flats.hn does not compile"
COLUMNS=100 ./flats train >out 2>&1 || fail "no training"
! grep -qE '.{101}' out || fail "a line is longer than 100 columns"
for words in '^best ' '^next ' '^\* '; do
    grep -qE "$words" out || fail "the output has no line like $words"
done
error=$(awk '/^best / { sub(/.*error.flats.test. /, ""); print }' out)
awk -v error="$error" 'BEGIN { exit !(error > 8 && error < 15) }' || fail "the error on the test rows is $error"

printf 'area;rooms;district;sold\n75;3;harbour;01.06.2024\n60;;old town;15.02.2024\n' >new.csv
./flats predict new.csv >out 2>/dev/null || fail "no prediction"
awk -F, 'NR == 2 { one = $2 } NR == 3 { two = $2 } END { exit !(one > 380 && one < 430 && two > 250 && two < 300) }' out || fail "other prices"

{
    sed 's/^net model/hyper lam { drop: rate(0, 0.9) = 0.1; decay: log(1e-7, 1e-1) = 1e-4 }\n\n&/
         s/  h = \(relu(linear(., 32))\)/  h = dropout(\1, lam.drop)/' flats.hn
    awk '/^## /{ here = /Ten minutes/ }
        here && /^    weights model/ { print substr($0, 5) }
        here && /^    train tune/ { inside = 1 }
        inside { print substr($0, 5) }
        /^    }/ { inside = 0 }' "$root/docs/tutorial.md"
} >tuned.hn
"$hnc" build tuned.hn --train tune >out 2>&1 || fail "tuned.hn does not compile"
./tuned train >out 2>&1 && ./tuned train --seed 1 >>out 2>&1 || fail "no tuning"
command -v gnuplot >/dev/null || { echo "skipped the pictures: gnuplot is missing"; exit 0; }
./flats plot --png >out 2>&1 && [ -s runs/flats-plain-1/curves.png ] || fail "no picture of one run"
./tuned plot --png runs/flats-plain-1 runs/tuned-tune-1 runs/tuned-tune-2 >out 2>&1 && grep -q 'runs: 3, groups: 2' out ||
    fail "no picture of three runs"
