# What a user of the chart does and sees, from the first command to the last. Each step asserts what it
# shows, and what must not have happened.

readonly release=workmail-operator chart=charts/workmail-operator
readonly ready='{.status.conditions[?(@.type=="Ready")].status}'

in_release() { kubectl --namespace workmail-operator "$@"; }

tell_the_story() {
  prepare_namespace
  install
  create_organization
  scrape_metrics
  kill_leader_while_creating
  drain_node_while_creating
  upgrade
  roll_back
  uninstall
  install_again
  step "All of it came true, in $SECONDS s."
}

prepare_namespace() {
  step 'A namespace that enforces PodSecurity "restricted"'
  show kubectl create namespace workmail-operator
  show kubectl label namespace workmail-operator pod-security.kubernetes.io/enforce=restricted
  eventually 'the namespace has its service account' in_release get serviceaccount default
  expect_refusal 'violates PodSecurity "restricted' in_release run root --image pause:e2e

  step 'workmail-local in place of AWS'
  show kubectl --namespace workmail-operator apply --filename tools/e2e/local/workmail-local.yaml
  show kubectl --namespace workmail-operator rollout status deployment/workmail-local --timeout "${patience}s"
}

install() {
  step 'Install'
  show helm install "$release" "$chart" --namespace workmail-operator --values tools/e2e/local/values.yaml \
    --wait --timeout "${patience}s"
  echo
  show kubectl --namespace workmail-operator get pods,poddisruptionbudgets
  expect_two_pods
}

expect_two_pods() {
  in_release rollout status deployment/"$release" --timeout "${patience}s" >/dev/null
  eventually 'two pods are ready, and no other is left' two_pods
  eventually 'a pod holds the lease' leader
}

two_pods() {
  local phases
  phases=$(operator_pods '{range .items[*]}{.status.containerStatuses[0].ready} {end}')
  [[ $phases == 'true true ' ]]
}

operator_pods() { in_release get pods --selector app.kubernetes.io/name="$release" --output jsonpath="$1"; }

# The pod that holds the lease.
leader() {
  local holder
  holder=$(in_release get lease "$release" --output 'jsonpath={.spec.holderIdentity}')
  holder=${holder%%_*}
  [[ -n $holder ]] && in_release get pod "$holder" --output name
}

create_organization() {
  step 'An organization'
  show kubectl apply --filename examples/create/organization.yaml
  show kubectl wait --for=condition=Ready --timeout="${patience}s" wmo/acme
  echo
  show kubectl get wmo
  echo
  show kubectl describe wmo acme
  expect_organizations acme
}

scrape_metrics() {
  step 'Metrics, through the Service: either pod answers'
  local url
  url=http://$(in_release get service "$release" --output 'jsonpath={.spec.clusterIP}:{.spec.ports[0].port}')/metrics
  eventually 'the standby answers a scrape' scraped "$url" 0
  eventually 'the leader answers a scrape' scraped "$url" 1
  says "curl -s $url | grep -E '^workmail_operator_(leader|organizations|end)'"
  grep -E '^workmail_operator_(leader|organizations|end)' <<<"$scrape"
  grep -q '^workmail_operator_organizations{.*state="Active".*} 1$' <<<"$scrape" || fail 'the metrics do not count acme'
}

# scraped URL LEADS: a pod that leads (1) or does not (0) has answered, with $scrape.
scraped() {
  scrape=$(curl -sSf "$1") && grep -qx "workmail_operator_leader_election_master_status $2" <<<"$scrape"
}
