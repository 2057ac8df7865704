#!/bin/sh
# Keeps the documentation true: every complete program in it (a fenced block `hn`) passes `hnc check`, every relative link leads to a
# file and, behind a '#', to one of its headings, every path of a source file written in backquotes exists, and every function written
# `name()` is defined in the sources.
#
#   documentation.sh HNC SOURCE_DIR FILE.md...
set -eu
hnc=$1
root=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

wrong() {
    echo "$1" >&2
    failures=$((failures + 1))
}

# The programs of a document as $work/programs/N.hn.
extract_programs() {
    rm -rf "$work/programs"
    mkdir "$work/programs"
    awk -v folder="$work/programs" '
        /^```hn/ { inside = 1; file = sprintf("%s/%d.hn", folder, ++count); next }
        /^```/ { inside = 0 }
        inside { print > file }' "$1"
}

check_programs() {
    for program in "$work"/programs/*.hn; do
        [ -e "$program" ] || continue
        programs=$((programs + 1))
        HNC_DATA=$root/docs "$hnc" check "$program" >/dev/null || wrong "$1: its program $(basename "$program" .hn) does not compile"
    done
}

check_links() {
    sed 's/](/\n](/g' "$1" | sed -n 's/^](\([^)#]*\).*/\1/p' | grep -v '^[a-z]*:' | sort -u >"$work/links" || true
    while read -r link; do
        [ -e "$(dirname "$1")/$link" ] || wrong "$1: the link to '$link' leads nowhere"
    done <"$work/links"
}

# The names that links give to the headings of a document: small letters, digits, '-' and '_', blanks as '-'; a number behind a name
# that was there before.
anchors() {
    awk '/^```/ { fenced = !fenced } !fenced && /^#+ / { sub(/^#+ +/, ""); print }' "$1" |
        sed 's/\[\([^]]*\)\]([^)]*)/\1/g; s/[^A-Za-z0-9 _-]//g; s/ *$//; s/ /-/g' | tr 'A-Z' 'a-z' |
        awk '{ print seen[$0]++ ? $0 "-" (seen[$0] - 1) : $0 }'
}

check_anchors() {
    sed 's/](/\n](/g' "$1" | sed -n 's/^](\([^):]*#[^)]*\)).*/\1/p' | sort -u >"$work/links" || true
    while read -r link; do
        file=${link%%#*}
        target=$1
        [ -z "$file" ] || target=$(dirname "$1")/$file
        [ -f "$target" ] || continue # said already
        anchors "$target" | grep -qxF -e "${link#*#}" || wrong "$1: the link to '$link' leads to no heading"
        links=$((links + 1))
    done <"$work/links"
}

quoted() { # FILE PATTERN: what stands in backquotes and matches
    tr '\n' ' ' <"$1" | grep -o '`[^`]*`' | tr -d '`' | grep -xE "$2" | sort -u || true
}

check_names() {
    for path in $(quoted "$1" '[a-z0-9_]+/[a-zA-Z0-9_/.-]*\.(c|h|y|l|def|hn|md|py|sh|txt)'); do
        case $path in *NAME*) continue ;; esac # stands for the files of a table's rows
        [ -e "$root/$path" ] || wrong "$1: there is no file '$path'"
    done
    for function in $(quoted "$1" '[a-z0-9_]+\(\)' | tr -d '()'); do
        grep -rqw --include='*.c' --include='*.h' "$function" "$root/support" "$root/ir" "$root/frontend" "$root/passes" "$root/backend" \
            "$root/runtime" "$root/driver" "$root/tabular" || wrong "$1: there is no function '$function'"
    done
}

programs=0
links=0
for document in "$@"; do
    extract_programs "$document"
    check_programs "$document"
    check_links "$document"
    check_anchors "$document"
    check_names "$document"
done
[ "$programs" -gt 0 ] || wrong "no program was found in: $*"
[ "$links" -gt 0 ] || wrong "no link to a heading was found in: $*"
[ "$failures" -eq 0 ]
