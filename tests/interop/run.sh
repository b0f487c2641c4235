#!/bin/sh
# Lets code of others verify our checkpoints, receipts, proofs and tiles: run.sh BUILD_FOLDER.
# Prints what `go test -v` prints. Exit code 77 and a line say that there is no Go to do it with.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_FOLDER}" && pwd)

if ! command -v go >/dev/null 2>&1; then
    echo "interop: skipped, there is no go command"
    exit 77
fi
fixture=$(mktemp -d "${TMPDIR:-/tmp}/bourse-interop-XXXXXX")
trap 'rm -rf "$fixture"' EXIT
"$build/tests/interop/log_fixture" "$fixture"
cd "$here/verify"
BOURSE_FIXTURE=$fixture go test -v -count=1 -mod=readonly ./...
