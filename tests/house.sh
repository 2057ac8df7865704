#!/bin/sh
# The structure of the sources, as docs/architecture.md describes it. house.sh SOURCE_DIR BINARY_DIR: fails with each
#   include   of a folder that the file's folder must not depend on
#   circle    of source files that call each other, but for frontend/lower/, where expressions contain expressions
#   file      of more than 600 lines, and function of more than 60
set -u
cd "$1" || exit 1
binary=$2
status=0
folders="support pareto indicators proposals tabular ir frontend passes backend driver runtime"
sources=$(find $folders -name '*.[chly]' -not -name '*.tab.*')

complain() {
    echo "$1"
    status=1
}

# ---- arrows: a folder, and the folders that its files may include beside it. The longest folder that fits counts. ----

arrows='
support
pareto           runtime/abi
indicators       pareto runtime/abi
proposals        runtime/abi
tabular          support/fnv.h
ir               support pareto tabular/schema.h runtime/abi
frontend         support ir pareto tabular indicators proposals runtime/abi
frontend/parse   support frontend/frontend.h
frontend/lower   support ir runtime/abi frontend/parse frontend/frontend.h tabular
passes           support ir pareto runtime/abi
backend          support ir pareto passes runtime/abi tabular/schema.h
driver           support ir frontend passes backend runtime
runtime/abi      indicators/indicators.def tabular/schema.h
runtime/core     runtime/abi
runtime/data     runtime/abi runtime/core tabular support/fnv.h
runtime/run      runtime/abi runtime/core runtime/data indicators pareto proposals support/fnv.h tabular
runtime/cli      runtime/abi runtime/core runtime/data runtime/run indicators support/fnv.h support/wrap.h tabular
'
wrong=$(grep -noE '^#include "[a-z_]+/[^"]+"' $sources | awk -F'[:"]' -v arrows="$arrows" '
BEGIN {
    count = split(arrows, rows, "\n")
    for (i = 1; i <= count; i++) {
        folder = rows[i]; sub(/ .*/, "", folder)
        if (folder != "")
            allowed[folder] = " " rows[i] " "
    }
}
function within(path, folder) { return path == folder || index(path, folder "/") == 1 }
{
    own = ""
    for (folder in allowed)
        if (within($1, folder) && length(folder) > length(own))
            own = folder
    n = split(allowed[own], words, " ")
    fine = 0
    for (i = 1; i <= n; i++)
        fine = fine || within($4, words[i])
    if (own == "" || !fine)
        print $1 ":" $2 ": must not include " $4
}')
[ -z "$wrong" ] || complain "$wrong"

# ---- circles: of the object files, by the symbols that they define and need ----

pairs=$(find "$binary" -path '*.dir/*' -name '*.c.o' -not -path '*/tests/*' -not -path '*/bench/*' -exec nm -A {} + |
    awk -v binary="$binary/" -v sources="$sources" '
BEGIN {
    count = split(sources, names, "\n")
    for (i = 1; i <= count; i++)
        is_source[names[i]] = 1
}
{
    colon = index($0, ":")
    name = substr($0, length(binary) + 1, colon - length(binary) - 1)
    sub(/CMakeFiles\/[^\/]*\.dir\//, "", name)
    sub(/\.o$/, "", name)
    n = split(substr($0, colon + 1), symbol, " ")
    if (!(name in is_source))
        next
    if (n == 3 && symbol[2] ~ /[TDBRVC]/)
        defines[symbol[3]] = name
    if (n == 2 && symbol[1] ~ /[Uw]/)
        needs[name " " symbol[2]] = 1
}
END {
    for (need in needs) {
        split(need, part, " ")
        to = defines[part[2]]
        evaluator = index(part[1], "frontend/lower/") == 1 && index(to, "frontend/lower/") == 1
        if (to != "" && to != part[1] && !evaluator)
            print part[1], to
    }
}' | sort -u)
[ "$(echo "$pairs" | wc -l)" -gt 200 ] || complain "house.sh: found too few calls between object files in $binary"
circles=$(echo "$pairs" | tsort 2>&1 >/dev/null | sed 's/^tsort: -: input contains a loop:/circle/; s/^tsort: /  /')
[ -z "$circles" ] || complain "$circles"

# ---- sizes ----

long=$(wc -l $sources tests/*/*.[ch] | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 " lines" }')
[ -z "$long" ] || complain "$long"
long=$(awk '
FNR == 1            { begun = 0 }
/^[a-zA-Z].*\)$/    { head = $0 }
/^\{$/              { begun = FNR; name = head }
/^\}$/ && begun     { if (FNR - begun > 61) print FILENAME ": " name ": " FNR - begun - 1 " lines"; begun = 0 }
' $(echo "$sources" | grep '\.c$') tests/*/*.c)
[ -z "$long" ] || complain "$long"
exit $status
