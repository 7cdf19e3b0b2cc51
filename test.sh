#!/usr/bin/env bash
# Every check there is, from a bare clone: ./test.sh
# One or several of them:                   ./test.sh clippy unit
#
#   fmt       rustfmt has nothing to change
#   clippy    no warning in any target
#   build     everything, once, as the later steps use it
#   unit      all Rust tests, the store's on SQLite and on a throw-away PostgreSQL
#   doc       the examples in the documentation
#   simulate  200 seeds of people, faults, deaths and clock jumps (CLEARBILL_TEST_SEEDS for another
#             number), and ten of them once more on PostgreSQL
#   browser   the stories in a real browser (CLEARBILL_TEST_BROWSER names files, e.g. "pay account")
#   quick     fmt, clippy and unit
#
# It needs Rust and a C compiler; Node, Chromium and PostgreSQL are installed with apt when they are
# missing and there is a right to. CLEARBILL_TEST_SCREENSHOTS names a folder that keeps the pictures.
# With CI=true nothing may be skipped and Cargo.lock may not change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly ALL=(fmt clippy build unit doc simulate browser)
readonly SEEDS=${CLEARBILL_TEST_SEEDS:-200}
readonly SEEDS_ON_POSTGRES=10
readonly target=${CARGO_TARGET_DIR:-target}

# These would replace the flags in .cargo/config.toml, and with them every crate built so far.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
locked=()
if [[ ${CI:-} == true ]]; then
    # A machine that builds once gains nothing from incremental files; they cost time and disk.
    export CARGO_INCREMENTAL=0
    locked=(--locked)
fi
export CARGO_TERM_PROGRESS_WHEN=never DEBIAN_FRONTEND=noninteractive

say() { printf '\n== %s\n' "$*"; }
die() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

# --- what is started is stopped ------------------------------------------------------------------

scratch=$(mktemp -d "${TMPDIR:-/tmp}/clearbill-test.XXXXXX")
cluster=
group=
timings=()

clean_up() {
    local status=$?
    trap - EXIT INT TERM
    end_group
    [[ -z $cluster ]] || end2end/postgres.sh stop "$cluster" || true
    rm -rf "$scratch"
    if ((${#timings[@]})); then
        say 'time per step'
        printf '%s\n' "${timings[@]}"
    fi
    if ((status)); then printf '\nFAILED\n'; else printf '\nAll steps passed.\n'; fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

end_group() {
    [[ -n $group ]] || return 0
    kill -TERM -- "-$group" 2>/dev/null || true
    group=
}

# Runs a command in a process group of its own, and sweeps the group when the command has ended, so
# that a server started by a test that died does not outlive it.
guarded() {
    local status=0
    set -m
    "$@" </dev/null &
    group=$!
    set +m
    wait "$group" || status=$?
    end_group
    return "$status"
}

# --- what has to be there ------------------------------------------------------------------------

apt_updated=
install() {
    local sudo=()
    command -v apt-get >/dev/null || die "please install: $*"
    if [[ $(id -u) -ne 0 ]]; then
        if ! sudo -n true 2>/dev/null; then die "please install: $* (apt-get install $*)"; fi
        sudo=(sudo -n)
    fi
    say "installing $*"
    [[ -n $apt_updated ]] || "${sudo[@]}" apt-get update -qq >"$scratch/apt.log" 2>&1 \
        || { cat "$scratch/apt.log" >&2; die 'apt-get update failed'; }
    apt_updated=yes
    "${sudo[@]}" apt-get install -y -qq --no-install-recommends "$@" >"$scratch/apt.log" 2>&1 \
        || { cat "$scratch/apt.log" >&2; die "could not install $*"; }
}

need_rust() {
    command -v cargo >/dev/null || die 'Rust is missing: https://rustup.rs'
    command -v cc >/dev/null || install build-essential
}

need_postgres() {
    [[ -z ${CLEARBILL_TEST_POSTGRES:-} ]] || return 0
    end2end/postgres.sh find >/dev/null || install postgresql
    cluster=$scratch/postgres
    # Root hands the cluster to another account, which has to be able to pass through.
    chmod 711 "$scratch"
    CLEARBILL_TEST_POSTGRES=$(end2end/postgres.sh start "$cluster")
    export CLEARBILL_TEST_POSTGRES
}

need_browser() {
    command -v node >/dev/null || install nodejs npm
    command -v npm >/dev/null || install npm
    local major
    major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
    ((major >= 20)) || die "Node 20 or newer is needed, this is $(node --version)"
    if [[ -z ${CLEARBILL_TEST_CHROMIUM:-} ]]; then
        command -v chromium >/dev/null || command -v chromium-browser >/dev/null || install chromium
        CLEARBILL_TEST_CHROMIUM=$(command -v chromium || command -v chromium-browser)
        export CLEARBILL_TEST_CHROMIUM
    fi
    local installed=end2end/browser/node_modules/.package-lock.json
    if [[ ! -f $installed || end2end/browser/package-lock.json -nt $installed ]]; then
        (cd end2end/browser && npm ci --no-audit --no-fund --loglevel=error)
    fi
}

# --- the steps -----------------------------------------------------------------------------------

step_fmt() {
    need_rust
    cargo fmt --all --check
}

step_clippy() {
    need_rust
    cargo clippy "${locked[@]}" --workspace --all-targets -- -D warnings
}

# One graph for everything that runs later: the same features, so nothing is built a second time.
step_build() {
    need_rust
    cargo build "${locked[@]}" --workspace --bins --tests
}

step_unit() {
    step_build
    need_postgres
    if cargo nextest --version >/dev/null 2>&1; then
        guarded cargo nextest run "${locked[@]}" --workspace
    else
        guarded cargo test "${locked[@]}" --workspace --lib --bins --tests --no-fail-fast
    fi
}

step_doc() {
    need_rust
    guarded cargo test "${locked[@]}" --workspace --doc
}

step_simulate() {
    [[ -x $target/debug/clearbill ]] || step_build
    guarded "$target/debug/clearbill" simulate --seeds "$SEEDS"
    need_postgres
    guarded "$target/debug/clearbill" simulate --seeds "$SEEDS_ON_POSTGRES" \
        --database-url "$CLEARBILL_TEST_POSTGRES"
}

step_browser() {
    [[ -x $target/debug/clearbill ]] || step_build
    need_browser
    # shellcheck disable=SC2086  # several names are several arguments
    CLEARBILL_TEST_BINARY=$(realpath "$target/debug/clearbill") \
        guarded node end2end/browser/run.mjs ${CLEARBILL_TEST_BROWSER:-}
}

steps=()
for name in "$@"; do
    if [[ $name == quick ]]; then
        steps+=(fmt clippy unit)
    elif [[ " ${ALL[*]} " == *" $name "* ]]; then
        steps+=("$name")
    else
        die "no step is called '$name'; there are: ${ALL[*]} quick"
    fi
done
((${#steps[@]})) || steps=("${ALL[@]}")

for name in "${steps[@]}"; do
    say "$name"
    started=$SECONDS
    status=0
    # A subshell would lose the cluster; `||` would switch off `set -e` inside the step.
    "step_$name"
    timings+=("$(printf '%-9s %4d s' "$name" $((SECONDS - started)))")
done
