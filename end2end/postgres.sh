#!/usr/bin/env bash
# A throw-away PostgreSQL cluster for tests, on a free port of the loopback interface.
#
#   end2end/postgres.sh start DIR      makes and starts a cluster in DIR, prints its URL
#   end2end/postgres.sh stop DIR       stops it and removes DIR; safe to call twice
#   end2end/postgres.sh run COMMAND…   starts one, runs the command with CLEARBILL_TEST_POSTGRES
#                                      set to its URL, and stops it whatever happens
#   end2end/postgres.sh find           prints the folder of the PostgreSQL programs, or fails
#
# It promises a cluster of its own: no existing one is touched, nothing survives `stop`. It is never
# for real data: nothing is forced to disk.
set -euo pipefail

# As many connections as a test run of several servers may want; PostgreSQL's own default is 100.
readonly MAX_CONNECTIONS=200
# Ports are tried at random; two runs on one machine then rarely meet, and a taken port is skipped.
readonly PORT_TRIES=20

say() { printf 'postgres.sh: %s\n' "$*" >&2; }

# Debian keeps the server's programs out of PATH; the newest version wins. `return 0` in full: inside
# an exit trap a bare `return` hands on the status that the script was leaving with.
find_programs() {
    local folder
    if [[ -n ${CLEARBILL_TEST_POSTGRES_BIN:-} ]]; then
        printf '%s\n' "$CLEARBILL_TEST_POSTGRES_BIN"
        return 0
    fi
    if folder=$(command -v initdb); then
        folder=$(dirname "$(readlink -f "$folder")")
        if [[ -x $folder/postgres && -x $folder/pg_ctl ]]; then
            printf '%s\n' "$folder"
            return 0
        fi
    fi
    while IFS= read -r folder; do
        if [[ -x $folder/initdb && -x $folder/postgres && -x $folder/pg_ctl ]]; then
            printf '%s\n' "$folder"
            return 0
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin \
        /opt/homebrew/opt/postgresql*/bin | sort -rV)
    return 1
}

# PostgreSQL refuses to run as root, so root hands its programs to an account without rights.
owner=
if [[ $(id -u) -eq 0 ]]; then
    if id postgres >/dev/null 2>&1; then owner=postgres; else owner=nobody; fi
fi

as_owner() {
    if [[ -z $owner ]]; then
        "$@"
    elif command -v setpriv >/dev/null; then
        setpriv --reuid="$(id -u "$owner")" --regid="$(id -g "$owner")" --clear-groups -- "$@"
    else
        runuser -u "$owner" -- "$@"
    fi
}

start() {
    local directory=$1 programs password port locale
    programs=$(find_programs) || { say 'PostgreSQL is not installed'; return 1; }
    mkdir -p "$directory"
    chmod 700 "$directory"
    directory=$(cd "$directory" && pwd -P)
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n' "$password" >"$directory/password"
    [[ -z $owner ]] || chown -R "$owner" "$directory"
    # The account may not be able to read the folder the caller stands in.
    cd "$directory"

    # A locale that does not sort by bytes, as production clusters have: what relies on the order
    # of the database without saying `collate "C"` then differs from SQLite and fails here.
    locale=(--encoding=UTF8 --locale-provider=icu --icu-locale=en-US --locale=C.UTF-8)
    initdb() {
        as_owner "$programs/initdb" --pgdata="$directory/data" --username=clearbill \
            --pwfile="$directory/password" --auth=scram-sha-256 --no-sync "$@" \
            >"$directory/initdb.log" 2>&1
    }
    if ! initdb "${locale[@]}"; then
        rm -rf "$directory/data"
        initdb --encoding=UTF8 --locale=C || { cat "$directory/initdb.log" >&2; return 1; }
    fi

    # shellcheck disable=SC2034  # the attempt's number itself is of no interest
    for attempt in $(seq "$PORT_TRIES"); do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 30000))
        if as_owner "$programs/pg_ctl" start --pgdata="$directory/data" --wait --silent \
            --log="$directory/server.log" --options="-p $port \
                -c listen_addresses=127.0.0.1 -c unix_socket_directories='' \
                -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
                -c max_connections=$MAX_CONNECTIONS -c shared_buffers=64MB \
                -c max_wal_size=1GB -c lock_timeout=20s -c statement_timeout=120s" \
            >/dev/null 2>&1; then
            printf 'postgres://clearbill:%s@127.0.0.1:%s/postgres\n' "$password" "$port"
            return 0
        fi
        grep -q 'Address already in use' "$directory/server.log" || break
    done
    cat "$directory/server.log" >&2
    say 'the cluster did not start'
    return 1
}

stop() {
    local directory=$1 programs
    [[ -d $directory ]] || return 0
    directory=$(cd "$directory" && pwd -P)
    if [[ -f $directory/data/postmaster.pid ]]; then
        programs=$(find_programs)
        (cd "$directory" && as_owner "$programs/pg_ctl" stop --pgdata="$directory/data" \
            --mode=immediate --wait --silent >/dev/null 2>&1) || say 'the cluster had already gone'
    fi
    # Only ever what `start` made.
    [[ ! -f $directory/password ]] || rm -rf "$directory"
}

run() {
    local status=0
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/clearbill-postgres.XXXXXX")
    trap 'stop "$cluster"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    CLEARBILL_TEST_POSTGRES=$(start "$cluster")
    export CLEARBILL_TEST_POSTGRES
    "$@" || status=$?
    return "$status"
}

case ${1:-} in
    start) start "${2:?a folder}" ;;
    stop) stop "${2:?a folder}" ;;
    run) shift && run "$@" ;;
    find) find_programs ;;
    *) sed -n '2,11p' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
