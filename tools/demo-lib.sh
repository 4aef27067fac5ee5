# What the demos share: they start a control plane, an endpoint and the operator in a folder of their own,
# and end all of it with the script. Sourced by tools/demo and tools/demo-exit.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# How many seconds anything may take to become true. Generous: machines are slow and busy.
readonly patience=90
if [[ -t 1 ]]; then
  bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' red='' plain=''
fi

step() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }

fail() {
  failure=$*
  exit 1
}

# expect WHAT WANTED GOT
expect() { [[ $3 == "$2" ]] || fail "$1 is '$3' and not '$2'"; }

names=() pids=() heard='' served=''

# start NAME OUTPUT COMMAND...: runs it in the background, away from the terminal's Ctrl-C, with OUTPUT
# as its standard output. The kernel ends it if this script is killed.
start() {
  local name=$1 output=$2
  shift 2
  setsid setpriv --pdeathsig TERM -- "$@" </dev/null >>"$output" 2>>"$folder/$name.log" &
  names+=("$name") pids+=("$!")
}

# start_piped NAME COMMAND...: the same; $heard is to read what it prints.
start_piped() {
  local name=$1
  shift
  mkfifo "$folder/$name.pipe"
  start "$name" "$folder/$name.pipe" "$@"
  exec {heard}<"$folder/$name.pipe"
}

# start_server NAME COMMAND...: the same, and waits for its first line, which tells where it serves.
start_server() {
  start_piped "$@"
  hear served || fail "$1 did not start"
}

# hear VARIABLE...: the words of the next line at $heard, within $deadline if that is set. Fails at once
# when something that was started has ended.
hear() {
  local end=${deadline:-$((SECONDS + patience))} status part whole=''
  while ((SECONDS < end)); do
    part='' status=0
    IFS= read -r -t 1 -u "$heard" part || status=$?
    whole+=$part
    # Above 128 it is the second that has passed, and maybe a part of the line is read.
    if ((status <= 128)); then
      read -r "$@" <<<"$whole" || true
      return "$status"
    fi
    all_run || return 1
  done
  return 1
}

all_run() {
  local pid
  for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done
}

# Ends what was started last.
stop_last() {
  local pid=${pids[-1]}
  unset 'pids[-1]' 'names[-1]'
  if kill -TERM "$pid" 2>/dev/null; then
    timeout 30 tail --pid="$pid" -s 0.05 -f /dev/null || kill -KILL "$pid" 2>/dev/null || true
  fi
}

# Says why it failed, with what there is to see of it.
explain() {
  local index log
  {
    printf '\n%sThe demo failed%s%s\n' "$red" "${failure:+: $failure}" "$plain"
    for index in "${!names[@]}"; do
      kill -0 "${pids[index]}" 2>/dev/null || printf '%s has ended.\n' "${names[index]}"
    done
    for log in "$folder"/*.log; do
      [[ -s $log ]] || continue
      printf '\nThe last lines of %s:\n' "${log##*/}"
      tail -n 15 "$log"
    done
  } >&2
}

finish() {
  local status=$?
  trap '' INT TERM HUP
  # Above 128 it is a signal's.
  if ((status > 0 && status < 128)); then explain; fi
  while ((${#pids[@]} > 0)); do stop_last; done
  if [[ -n ${DEMO_KEEP:-} ]]; then
    printf 'The logs are in %s\n' "$folder"
  else
    rm -rf -- "$folder"
  fi
  exit "$status"
}

# kubectl, so that a signal to this script need not wait for it.
kubectl() {
  setpriv --pdeathsig TERM -- "$kubectl" "$@" </dev/null &
  wait "$!"
}

# show COMMAND...: says what is run, as one would type it, and runs it.
show() {
  local word line='$'
  for word; do
    [[ $word =~ ^[A-Za-z0-9_./=:@,-]+$ ]] || word=${word@Q}
    line+=" $word"
  done
  printf '%s%s%s\n' "$bold" "$line" "$plain"
  "$@"
}

# Builds everything and starts a control plane; $built has the programs.
start_control_plane() {
  step 'Building the operator and its companions (a first build takes some minutes)'
  cargo build --workspace --bins --locked
  built=$(cargo metadata --no-deps --locked --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/debug

  step 'Looking for etcd, kube-apiserver and kubectl (built from source if this machine lacks them)'
  "$built/devcluster" binaries etcd kube-apiserver
  kubectl=$("$built/devcluster" binaries kubectl)
  echo "$kubectl"

  step 'Starting a Kubernetes control plane'
  start_server control-plane "$built/devcluster" up --kubeconfig "$folder/kubeconfig"
  export KUBECONFIG=$served KUBECACHEDIR=$folder/kubectl-cache KUBERC=off
  show kubectl get --raw /readyz
  echo
}

# start_operator ARGUMENT...: the operator of this folder, against $endpoint.
start_operator() {
  # Nothing of this environment reaches it: no AWS profile, no credentials.
  start operator "$folder/operator.log" env -i HOME="$folder" KUBECONFIG="$KUBECONFIG" \
    AWS_ENDPOINT_URL_WORKMAIL="$endpoint" AWS_ENDPOINT_URL_STS="$endpoint" AWS_EC2_METADATA_DISABLED=true \
    ${s3:+AWS_ENDPOINT_URL_S3="$s3"} AWS_ACCESS_KEY_ID="${access_key:-AKIAIOSFODNN7EXAMPLE}" \
    AWS_SECRET_ACCESS_KEY="${secret_key:-demo}" AWS_REGION=us-east-1 \
    "$built/workmail-operator" run --metrics-bind-address 127.0.0.1:0 --health-probe-bind-address 127.0.0.1:0 "$@"
}

# stay TEXT: on a terminal everything stays up to play with until Ctrl-C.
stay() {
  [[ -t 0 && -t 1 ]] || return 0
  local alias='' metrics
  trap 'echo; exit 0' INT
  [[ $(type -P kubectl) == "$kubectl" ]] || alias=$'\n'"  alias kubectl=$kubectl"
  metrics=$(sed -n 's/.*"metrics":"\([^"]*\)".*/\1/p' "$folder/operator.log")
  cat <<TEXT
It stays up to play with. In another terminal:

  export KUBECONFIG=$KUBECONFIG$alias
$1
  tail -f $folder/operator.log
  curl http://$metrics/metrics
  curl $endpoint/_control/journal

Ctrl-C ends it and removes every trace.
TEXT
  wait -n "${pids[@]}" || true
  fail 'something ended by itself'
}

folder=$(mktemp -d "${TMPDIR:-/tmp}/workmail-operator-demo.XXXXXX")
trap finish EXIT
failure=''
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
