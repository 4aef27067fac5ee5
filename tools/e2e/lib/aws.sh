# What came of it in AWS, as workmail-local tells.

# control PATH [CURL-ARGUMENT...]
control() {
  local path=$1
  shift
  curl -sSf "http://10.96.0.80/_control/$path" "$@"
}

# How many calls of an operation have changed something.
calls() { control "journal?operation=$1&effect=true&completed=true" | { grep -o '"sequence":' || true; } | wc -l; }

# expect_organizations ALIAS...: these there are, each was created once, and nothing was ever deleted.
expect_organizations() {
  local aliases
  aliases=$(control organizations | grep -o '"alias":"[^"]*"' | cut -d'"' -f4 | sort | tr '\n' ' ')
  expect 'what there is in AWS' "$(printf '%s\n' "$@" | sort | tr '\n' ' ')" "$aliases"
  expect 'the number of creations' $# "$(calls CreateOrganization)"
  expect 'the number of deletions' 0 "$(calls DeleteOrganization)"
}
