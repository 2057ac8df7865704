#!/bin/sh
# The runtime knows acts, sources, measures and states, but no method and no solver by name: whatever a run of one needs stands in the
# manifest. neutral.sh SOURCE_DIR: fails with each line of runtime/ that has such a name. The names come from the compiler's tables.
set -u
source=$1
solvers=$(sed -n 's/^SOLVER([A-Z_]*, *\([a-z_]*\),.*/\1/p' "$source/ir/solvers.def")
methods=$(sed -n 's/^METHOD([A-Z_]*, *\([a-z_]*\),.*/\1/p' "$source/ir/methods.def")
for expected in $solvers $methods; do echo "$expected"; done | grep -qx epo || { echo "neutral.sh: no solvers in ir/solvers.def"; exit 1; }
for expected in $solvers $methods; do echo "$expected"; done | grep -qx bilevel || { echo "neutral.sh: no methods in ir/methods.def"; exit 1; }
status=0
for name in $solvers $methods upper lower; do
    case $name in
    fit | linear) pattern="\"$name\"|(METHOD|SOLVER)_$name([^A-Z_a-z]|\$)" ;; # English words, too: only what can be meant as the name
    *) pattern="(^|[^a-zA-Z])$name([^a-zA-Z]|\$)" ;;
    esac
    if grep -rniE "$pattern" "$source/runtime"; then
        echo "runtime/ names '$name', which only the compiler should know"
        status=1
    fi
done
exit $status
