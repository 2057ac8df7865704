#!/bin/sh
# The web page of examples/slider, in headless Chromium, shows what `OUT predict` says: page.sh HNC SOURCE_DIR
set -eu
hnc=$1
source=$2
tables=$source/tests/e2e/tables # a few rows of Adult
for needed in chromium wasm-ld-19 python3; do
    command -v $needed >/dev/null || { echo "skipped: needs $needed"; exit 77; }
done
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

model=$source/models/fairness_adult.hn
"$hnc" build "$model" --data "$tables" --batch 2 -o adult >said 2>&1 || fail "build: $(cat said)"
./adult train --data "$tables" --steps 1 --quiet --out run >said 2>&1 || fail "train: $(cat said)"
cp "$source/examples/slider/"* .
cp "$tables/adult.data" people.csv
"$hnc" aot "$model" --data "$tables" --weights run/last.safetensors -o adult --target=wasm32 --emit=header,shared || fail "aot"

: >served # the server starts beside this script: the file is there before it
python3 -u -m http.server 0 --bind 127.0.0.1 >served 2>log &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' served)
    [ -n "$port" ] && break
    sleep 1
done
[ -n "$port" ] || fail "no server: $(cat log)"

# The page's last cell of every person's line, into shown.
open_page() {
    timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$folder/profile" --virtual-time-budget=20000 --dump-dom \
        "http://127.0.0.1:$port/index.html?r=$1" >page 2>log || fail "chromium ended with $?: $(tail -3 log)"
    sed 's/<tr>/\n&/g' page | sed -n 's|^<tr>.*<td>\([0-9][0-9.]*\)</td></tr>.*|\1|p' >shown
}

for preference in 3,1,1 0.1,1,0.1; do
    ./adult predict --weights run/last.safetensors --preference $preference people.csv | sed 1d | cut -d, -f2 >expected
    open_page $preference
    paste expected shown | awk '{ d = $1 - $2; if (d < 0) d = -d; if (NF != 2 || d > 1e-5) exit 1; n++ } END { exit n < 10 }' ||
        fail "for $preference the page shows $(cat shown), not $(cat expected): $(grep 'id="problem"' page)"
done

sed -i 's/ White,/ Green,/' people.csv
open_page 1,1,1
grep -q 'id="problem">score_encode returned the status 4<' page || fail "an unknown category: $(grep 'id="problem"' page)"
echo "page: fine"
