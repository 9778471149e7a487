#!/usr/bin/env bash
# Begins, waits for or stops a run, for CI systems. Settings come as SOAKCI_* variables (action.yml says what they mean); what begins with SOAK_
# is read by soak-agent itself, which refuses what it does not know.
# Writes `code` and `run` to $SOAKCI_STATE (default $GITHUB_OUTPUT): the exit code of soak-agent is for gate.sh to judge, beside the verdict.
set -u

agent=${SOAKCI_AGENT:-soak-agent}
mode=${SOAKCI_MODE:-run}
out=${SOAKCI_OUT:-soak-runs}
state=${SOAKCI_STATE:-${GITHUB_OUTPUT:?}}

mistake() { # sentence
  echo "$1" >&2
  printf 'code=64\nrun=\n' >>"$state"
  exit 64
}

args=(--out "$out")
case $mode in
  run | start)
    while IFS= read -r target; do [ -z "$target" ] || args+=(--target "$target"); done <<<"${SOAKCI_TARGET:-}"
    [ -z "${SOAKCI_CONFIG:-}" ] || args+=(--config "$SOAKCI_CONFIG")
    [ -z "${SOAKCI_DURATION:-}" ] || args+=(--duration "$SOAKCI_DURATION")
    while IFS= read -r option; do [ -z "$option" ] || args+=("$option"); done <<<"${SOAKCI_OPTIONS:-}"
    # The words of the command as a shell reads them, so that soak-agent sees which load tool it is.
    load=()
    [ -z "${SOAKCI_LOAD:-}" ] || eval "load=($SOAKCI_LOAD)" || mistake 'load should be one command: put pipes, redirections and && into a script, or into sh -c "..."'
    [ ${#load[@]} -eq 0 ] || args+=(-- "${load[@]}")
    [ "$mode" = run ] || args=(--detach "${args[@]}")
    ;;
  wait | stop)
    [ -z "${SOAKCI_TIMEOUT:-}" ] || args+=(--timeout "$SOAKCI_TIMEOUT")
    [ -z "${SOAKCI_RUN:-}" ] || args+=("$SOAKCI_RUN")
    ;;
  *)
    mistake "mode should be run, start, wait or stop, and not $mode"
    ;;
esac

# Folders of runs are called by their start, so the last one is the newest.
runs() { ls -1 "$out" 2>/dev/null | grep -E '^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$' | sort; }
newest() { runs | tail -n 1 | sed "s|^|$out/|"; }

before=$(runs)
case $mode in
  start)
    # shellcheck disable=SC2086 # the command may be of several words
    folder=$($agent start "${args[@]}")
    code=$?
    ;;
  run)
    # shellcheck disable=SC2086
    $agent run "${args[@]}"
    code=$?
    # The one that was not there before; one that was gone on with has a verdict only if it ended with one.
    folder=$(newest)
    case $code in 0 | 10 | 11) ;; *) [ "$before" != "$(runs)" ] || folder= ;; esac
    ;;
  *)
    folder=${SOAKCI_RUN:-$(newest)}
    # shellcheck disable=SC2086
    $agent "$mode" "${args[@]}"
    code=$?
    ;;
esac
{
  echo "code=$code"
  echo "run=${folder:-}"
} >>"$state"
echo "soak-agent $mode ended with $code"
exit 0
