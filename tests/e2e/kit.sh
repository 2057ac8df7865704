# What scripts of this folder begin with: . "$(dirname "$0")/kit.sh" leaves a script in an empty folder of its own, which is removed
# behind it, with kit.py at hand.
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONDONTWRITEBYTECODE=1

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
