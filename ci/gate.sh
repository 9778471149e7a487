#!/usr/bin/env bash
# Decides what a run means for a job. The verdict is what verdict.json says; the exit code of soak-agent must agree with it. So a missing file,
# a killed agent (137), a crash (1, 134) or a file that is left from another run is never taken for a pass.
# Exits 0, 10 (fail), 11 (inconclusive), 64 (a mistake in the settings) or 70 (there is no verdict to be trusted).
set -u

agent=${SOAKCI_AGENT:-soak-agent}
code=${SOAKCI_CODE:-}
run=${SOAKCI_FOLDER:-}
summary=${SOAKCI_SUMMARY:-${GITHUB_STEP_SUMMARY:-/dev/null}}
outputs=${SOAKCI_OUTPUTS:-${GITHUB_OUTPUT:-/dev/null}}
outcome=none
comparison=

finish() { # exit code, sentence
  printf 'outcome=%s\nrun=%s\ncomparison=%s\n' "$outcome" "$run" "$comparison" >>"$outputs"
  echo "$2"
  if [ "${SOAKCI_NON_BLOCKING:-false}" = true ] && { [ "$1" = 10 ] || [ "$1" = 11 ]; }; then
    echo "not blocking: the job goes on"
    exit 0
  fi
  exit "$1"
}

untrusted() { # sentence
  printf '## ❌ soak: no verdict\n\n%s\n' "$1" >>"$summary"
  finish 70 "$1"
}

case ${SOAKCI_INCONCLUSIVE:-fail} in
  pass | fail) ;;
  *) finish 64 "inconclusive should be fail or pass, and not $SOAKCI_INCONCLUSIVE" ;;
esac
case $code in
  64) finish 64 'soak-agent was not started: a mistake in its settings (see above)' ;;
  '') untrusted 'soak-agent was not run' ;;
esac
if [ "${SOAKCI_MODE:-run}" = start ]; then
  [ "$code" = 0 ] || untrusted "the run could not be started (exit code $code)"
  outcome=running
  finish 0 "the run goes on in the background: $run"
fi

file=$run/verdict.json
if [ ! -f "$file" ]; then
  if [ "$code" = 11 ] && [ "${SOAKCI_MODE:-run}" = wait ]; then
    outcome=inconclusive
    [ "${SOAKCI_INCONCLUSIVE:-fail}" = pass ] && finish 0 "the run is not over yet: $run"
    finish 11 "the run is not over yet: $run"
  fi
  untrusted "there is no verdict.json in ${run:-the folder of the runs} (exit code $code)"
fi
said=$(node -e '
  const { schema, run, outcome } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
  if (schema !== 1 || !run?.end || !["pass", "fail", "inconclusive"].includes(outcome)) process.exit(1);
  process.stdout.write(outcome);
' "$file") || untrusted "$file is not the verdict of a run that has ended"
# The run itself may have been compared with a baseline (--baseline): then its exit code is the worse of the two.
compared=$(node -e '
  const fs = require("node:fs"), path = process.argv[1];
  if (!fs.existsSync(path)) process.exit(0);
  const { outcome } = JSON.parse(fs.readFileSync(path, "utf8"));
  if (!["pass", "fail", "inconclusive"].includes(outcome)) process.exit(1);
  process.stdout.write(outcome);
' "$run/comparison.json") || untrusted "$run/comparison.json is not a comparison"
comparison=$compared
worst=$said
case $said:$compared in
  *:fail) worst=fail ;;
  pass:inconclusive) worst=inconclusive ;;
esac
case $worst:$code in
  pass:0 | fail:10 | inconclusive:11) ;;
  # Not blocking in its own settings.
  fail:0 | inconclusive:0) [ "${SOAKCI_NON_BLOCKING:-false}" = true ] || untrusted "verdict.json says $said${compared:+, comparison.json $compared}, and the exit code was 0" ;;
  *) untrusted "verdict.json says $said${compared:+, comparison.json $compared}, but soak-agent ended with $code: it was killed, or failed after the verdict" ;;
esac
outcome=$said

# Beside the record, so that they are kept with it: one page for the ticket, and the cases for the job's list of tests.
# shellcheck disable=SC2086 # the command may be of several words
$agent report --markdown - --html "$run/report.html" --junit "$run/report.xml" "$run" >>"$summary"
case $? in 0 | 10 | 11) ;; *) echo 'the summary could not be written' >&2 ;; esac # it ends with the code of the verdict
if [ -n "${SOAKCI_BASELINE:-}" ]; then
  # shellcheck disable=SC2086
  $agent compare --format markdown --html "$run/comparison.html" --out "${SOAKCI_OUT:-soak-runs}" "$SOAKCI_BASELINE" "$run" >>"$summary"
  case $? in
    0) comparison=pass ;;
    10) comparison=fail ;;
    11) comparison=inconclusive ;;
    *) untrusted "the run could not be compared with $SOAKCI_BASELINE" ;;
  esac
  case $worst:$comparison in
    *:fail) worst=fail ;;
    pass:inconclusive) worst=inconclusive ;;
  esac
fi
sentence="the run: $outcome${comparison:+, against the baseline: $comparison}"
case $worst in
  pass) finish 0 "$sentence" ;;
  fail) finish 10 "$sentence" ;;
  *) if [ "${SOAKCI_INCONCLUSIVE:-fail}" = pass ]; then finish 0 "$sentence"; else finish 11 "$sentence"; fi ;;
esac
