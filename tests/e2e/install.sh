#!/bin/sh
# What `cmake --install` puts into a folder, and what the Debian package holds, works outside of the source and the build tree:
# install.sh BUILD_DIR SOURCE_DIR
set -eu
build=$1
tables=$2/tests/e2e/tables # a few rows of each shipped model's table
. "$(dirname "$0")/kit.sh"
unset HNC_RUNTIME HNC_DATA

cat >line.hn <<'HN'
data d = rows(100) { x: f32 = uniform(); y: f32 = 2 * x + 1 }
net f(x: f32) -> f32 { return reshape(linear(reshape(x, [1]), 1), []) }
objective fit(e) = mean(square(f(e.x) - e.y))
train go = fit { minimise fit(d.train) by adam(0.1); batch 50; epochs 200 }
export f_of(x: f32) = f(x)
HN
cat >app.c <<'C'
#include <stdio.h>
#include "line.h"
int main(void)
{
    _Alignas(16) unsigned char workspace[LINE_WORKSPACE_BYTES + 16];
    float x = 3, y = 0;
    int status = line_f_of(&x, &y, workspace);
    printf("%.3f\n", y);
    return status != LINE_OK || y < 6.9f || y > 7.1f;
}
C
mkdir project
cat >project/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(app C)
set(CMAKE_C_STANDARD 11)
find_package(hnc REQUIRED)
hnc_add_model(line ../line.hn WEIGHTS ../run/last.safetensors)
add_executable(app ../app.c)
target_link_libraries(app line)
CMAKE

# The example, linked as ./score, says of the rows of Adult what `OUT predict` says.
scores_as_expected() {
    ./score 3 1 1 <"$tables/adult.data" >scores || fail "$1 ended with $?"
    paste expected scores | awk '{ d = $1 - $2; if (d < 0) d = -d; if (NF != 2 || d > 1e-5) exit 1; n++ } END { exit n < 2 }' ||
        fail "$1 says $(cat scores), not $(cat expected)"
}

# Trains by the hnc of this prefix, and compiles its object by hand, by CMake and by pkg-config.
works_in() {
    prefix=$1
    rm -rf run line built
    "$prefix/bin/hnc" build line.hn -o line || fail "hnc build in $prefix"
    ./line train --quiet --out run >/dev/null || fail "training"
    "$prefix/bin/hnc" aot line.hn --weights run/last.safetensors -o line
    cc -std=c11 app.c line.o -o app -lm
    ./app >/dev/null || fail "the app"
    cmake -S project -B built -DCMAKE_PREFIX_PATH="$prefix" >said 2>&1 || fail "find_package: $(cat said)"
    cmake --build built >said 2>&1 || fail "hnc_add_model: $(cat said)"
    built/app >/dev/null || fail "the app of CMake"
    if command -v pkg-config >/dev/null; then
        found=$(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --variable=hnc hnc)
        "$found" --version >/dev/null || fail "pkg-config says $found"
    else
        echo "skipped: pkg-config"
    fi
    model=$prefix/share/hnc/models/fairness_adult.hn
    "$prefix/bin/hnc" build "$model" --data "$tables" --batch 2 -o adult
    ./adult train --data "$tables" --steps 1 --quiet --out run/adult >/dev/null 2>&1 || fail "fairness_adult"
    "$prefix/bin/hnc" aot "$model" --data "$tables" --weights run/adult/last.safetensors -o adult
    ./adult predict --weights run/adult/last.safetensors --preference 3,1,1 "$tables/adult.data" | sed 1d | cut -d, -f2 >expected
    cc -std=c11 -Wall -Wextra -Werror -I. "$prefix/share/doc/hnc/examples/score.c" adult.o -o score
    scores_as_expected score.c
    refused=0
    ./score 3 1 -1 <"$tables/adult.data" >/dev/null 2>&1 || refused=$?
    [ "$refused" = 1 ] || fail "score.c takes a negative preference"
    refused=0
    sed 's/ White,/ Green,/' "$tables/adult.data" | ./score 3 1 1 >/dev/null 2>&1 || refused=$?
    [ "$refused" = 1 ] || fail "score.c takes an unknown category"
    if command -v c++ >/dev/null; then
        c++ -Wall -Wextra -Werror -I. "$prefix/share/doc/hnc/examples/score.cc" adult.o -o score
        scores_as_expected score.cc
    fi
    if command -v rustc >/dev/null; then
        sed "s/const X: usize = 105/const X: usize = $(sed -n 's/#define ADULT_SCORE_X_SIZE //p' adult.h)/" \
            "$prefix/share/doc/hnc/examples/score.rs" >score.rs
        rustc -O score.rs -C link-arg=adult.o -o score
        scores_as_expected score.rs
    else
        echo "skipped: Rust (needs rustc)"
    fi
    [ -s "$prefix/share/doc/hnc/docs/language.md" ] && [ -s "$prefix/share/man/man1/hnc.1" ] || fail "no documents in $prefix"
    [ -s "$prefix/share/hnc/models/stn_mlp.hn" ] && [ -s "$prefix/share/doc/hnc/examples/score.c" ] || fail "no models in $prefix"
}

cmake --install "$build" --prefix "$folder/prefix" >/dev/null
works_in "$folder/prefix"

if command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null; then
    (cd "$build" && cpack -B "$folder/package" >"$folder/said" 2>&1) || fail "cpack: $(cat said)"
    package=$(echo package/hnc_*.deb)
    for needed in gcc libopenblas-openmp-dev libjansson-dev libcsv-dev libpng-dev libjpeg-dev zlib1g-dev libllvm19; do
        dpkg-deb -f "$package" Depends | grep -q "$needed" || fail "the package does not depend on $needed"
    done
    dpkg-deb -x "$package" root
    works_in "$folder/root/usr"
else
    echo "skipped: the Debian package (needs dpkg-dev)"
fi
echo "install: fine"
