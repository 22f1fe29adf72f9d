#!/bin/sh
# The entrypoint of the image. Ends in exec, so that the program is PID 1 and hears the signals itself.
#
#   (nothing)                 wait for what the role needs, then serve
#   migrate, config, …        that command of score-gateway
#   anything else             that command
#
# SKIP_DATABASE_CHECK=1, SKIP_BROKER_CHECK=1   do not wait for this one
# STARTUP_WAIT                                 seconds to wait (20); then serve all the same: the gateway answers its
#                                              probes and goes on trying
# DEV_SERVER=1                                 the development image: build from /src, and again at every change
set -eu

serve() {
    code=0
    waiting=
    # PID 1 hears no signal that it has not asked for.
    trap '[ -z "$waiting" ] || kill "$waiting" 2>/dev/null; exit 143' TERM
    trap '[ -z "$waiting" ] || kill "$waiting" 2>/dev/null; exit 130' INT
    # In the background: a signal ends the wait, and the trap runs at once.
    score-gateway wait --timeout "${STARTUP_WAIT:-20}" &
    waiting=$!
    wait "$waiting" || code=$?
    trap - TERM INT
    case $code in
        0) ;;
        69) echo "entrypoint: serving without; the gateway goes on trying" >&2 ;;
        *) exit "$code" ;;
    esac
    exec score-gateway serve
}

# Builds, serves, and does both again when a source changes. Needs the toolchain: the development stage has it.
develop() {
    cd /src
    program=
    watcher=
    # One of them may be gone already, which kill calls an error: the other is still waited for.
    # shellcheck disable=SC2086 # one word a process, or none
    trap 'kill -TERM $program $watcher 2>/dev/null || true; wait; exit 0' TERM INT
    while :; do
        if swift build --product score-gateway; then
            if [ -n "$program" ]; then
                # SIGINT: at once, as at a terminal; nobody routes to a development server.
                kill -INT "$program" 2>/dev/null || true
                wait "$program" || true
            fi
            "$(swift build --show-bin-path)/score-gateway" serve &
            program=$!
        else
            echo "entrypoint: the build failed; what runs goes on running" >&2
        fi
        # In the background: a signal ends the wait, and the trap runs at once.
        inotifywait -qq -r -e close_write,move,create,delete Package.swift Sources &
        watcher=$!
        wait "$watcher" || true
        # Editors write several files one after another.
        sleep 0.2
    done
}

case ${1-} in
    '')
        if [ "${DEV_SERVER:-0}" = 1 ]; then
            if command -v inotifywait >/dev/null && command -v swift >/dev/null; then develop; fi
            echo "entrypoint: DEV_SERVER=1 needs the development image; serving as usual" >&2
        fi
        serve
        ;;
    serve)
        serve
        ;;
    migrate | wait | config | healthcheck | -*)
        exec score-gateway "$@"
        ;;
    *)
        exec "$@"
        ;;
esac
