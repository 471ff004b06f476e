# Stages with a budget of minutes each, for .ci/run to source. What takes longer than its budget is told loudly;
# what has no end is killed when the reserve is used up, so that all of it ends within LIMIT minutes.
MINUTE=${MINUTE:-60} # seconds; tests have shorter ones
LIMIT=${LIMIT:-90}
GRACE=${GRACE:-30} # seconds between asking a stage to end and killing it
STAGE_LOG=$(mktemp)
STAGE_TABLE=""
trap stage_report EXIT
trap 'stage_stop 130' INT
trap 'stage_stop 143' TERM

# stage NAME MINUTES COMMAND...: run it; the first that fails ends the run.
stage() {
  local name=$1 budget=$2 began=$SECONDS left status=0 tee_pid
  shift 2
  left=$((LIMIT * MINUTE - SECONDS - GRACE))
  : >"$STAGE_LOG"
  echo "=== $name: $budget minutes"
  if ((left > 0)); then
    exec 3> >(exec tee "$STAGE_LOG")
    tee_pid=$!
    # In the background, so that a signal to this shell is not kept waiting for the stage's end.
    timeout --kill-after="$GRACE" "$left" "$@" >&3 2>&1 3>&- &
    exec 3>&-
    wait "$!" || status=$?
    stage_wait_for "$tee_pid"
  else
    status=124
  fi
  stage_note "$name" "$budget" $((SECONDS - began)) "$status"
  ((status == 0)) || exit "$status"
}

# Give the last lines a moment; a daemon that a stage left behind may hold its output open for ever.
stage_wait_for() {
  for _ in {1..10}; do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
}

# Add a line to the table: minutes, budget, how it ended, and how pytest says that it ended.
stage_note() {
  local name=$1 budget=$2 took=$3 status=$4 outcome=passed line
  case $status in
    0) ;;
    124 | 137) outcome="KILLED: no time was left" ;;
    *) outcome="FAILED ($status)" ;;
  esac
  line=$(printf '%-24s %5s of %2d min  %s' "$name" "$(stage_minutes "$took")" "$budget" "$outcome")
  if ((took > budget * MINUTE)); then
    line+=", OVER ITS BUDGET"
    echo "WARNING: $name took $(stage_minutes "$took") minutes, its budget is $budget"
  fi
  echo "=== $line"
  STAGE_TABLE+="$line"$'\n'
  while read -r line; do
    STAGE_TABLE+="    pytest: $line"$'\n'
  done < <(tr -d = <"$STAGE_LOG" | grep -E '^ ?[0-9]+ (passed|failed|skipped|error|deselected).* in [0-9.]+s')
}

stage_minutes() {
  awk -v seconds="$1" -v minute="$MINUTE" 'BEGIN { printf "%.1f", seconds / minute }'
}

# By the shell's own list of jobs: a signal may come between a stage's start and the line after it.
stage_stop() {
  local pid
  for pid in $(jobs -pr); do
    kill "$pid" 2>/dev/null && wait "$pid" || true
  done
  exit "$1"
}

stage_report() {
  rm -f "$STAGE_LOG"
  printf '\n=== minutes by stage\n%s=== %s of %d min in all\n' "$STAGE_TABLE" "$(stage_minutes "$SECONDS")" "$LIMIT"
}
