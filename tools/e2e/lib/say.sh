# What is printed, and how something is waited for.

# How many seconds anything may take to become true. Generous: machines are slow and busy.
readonly patience=120

if [[ -t 1 ]]; then
  bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
  bold='' red='' plain=''
fi

step() { printf '\n%s==> %s%s\n' "$bold" "$*" "$plain"; }

fail() {
  printf '\n%sThe end-to-end check failed: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# expect WHAT WANTED GOT
expect() { [[ $3 == "$2" ]] || fail "$1 is '$3' and not '$2'"; }

# expect_refusal WORDS COMMAND...: the command must fail, and say so.
expect_refusal() {
  local words=$1 answer
  shift
  if answer=$("$@" 2>&1); then fail "this was not refused: $*"; fi
  [[ $answer == *"$words"* ]] || fail "$* was refused with: $answer"
}

# eventually WHAT COMMAND...: until the command succeeds.
eventually() {
  local what=$1 end=$((SECONDS + patience))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "$what: not within $patience s"
    sleep 0.2
  done
}

# says COMMAND: as one would type it.
says() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }

# show COMMAND...: says what is run, and runs it.
show() {
  local word line=()
  for word; do
    [[ $word =~ ^[A-Za-z0-9_./=:@,-]+$ ]] || word=${word@Q}
    line+=("$word")
  done
  says "${line[*]}"
  "$@"
}
