#!/bin/sh
# Arrows point down only: a file of runtime/ includes nothing of a folder above its own, and no two files of what a built program links need
# each other, at any remove. layers.sh SOURCE_DIR OBJECT...: fails with each include and each circle that breaks this.
set -u
source=$1
shift
status=0
above=
for folder in cli run data core abi; do
    [ "$above" ] && grep -nE "^#include \"runtime/($above)/" "$source/runtime/$folder/"* && {
        echo "runtime/$folder includes of a folder above it"
        status=1
    }
    above=${above:+$above|}$folder
done
# tsort gets pairs of an object that uses a symbol and the object that defines it, and names the members of each circle.
pairs=$(nm -A "$@" | awk '
    { object = $1; sub(/:.*/, "", object) }
    $(NF - 1) ~ /^[TDBRVWC]$/ { definer[$NF] = object }
    $(NF - 1) ~ /^[Uw]$/ { user[++count] = object; symbol[count] = $NF }
    END { for (i = 1; i <= count; i++) if (symbol[i] in definer && definer[symbol[i]] != user[i]) print user[i], definer[symbol[i]] }' | sort -u)
echo "$pairs" | grep -q 'run/loop.* .*run/sweep' || { echo "layers.sh: the objects given are not those of the runtime"; exit 1; }
circles=$(echo "$pairs" | tsort 2>&1 >/dev/null) || {
    echo "files that need each other:"
    echo "$circles"
    status=1
}
exit $status
