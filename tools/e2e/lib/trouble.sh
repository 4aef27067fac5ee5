# The leader is killed and the node is drained, both in the middle of one creation.

kill_leader_while_creating() {
  step 'The leader is killed while AWS creates'
  # Creating until it is told that time has passed.
  control knobs -X PATCH -d '{"creatingFor": "10m"}' >/dev/null
  sed 's/acme/globex/' examples/create/organization.yaml >/run/e2e/globex.yaml
  show kubectl apply --filename /run/e2e/globex.yaml
  show kubectl wait --for=jsonpath='{.status.state}'=Creating --timeout="${patience}s" wmo/globex

  local pod container killed
  pod=$(leader) || fail 'no pod holds the lease'
  container=$(in_release get "$pod" --output 'jsonpath={.status.containerStatuses[0].containerID}')
  says "kill -9 PID # of the operator in $pod, which holds the lease"
  ctr --address /run/containerd/containerd.sock --namespace k8s.io \
    tasks kill --signal SIGKILL "${container#containerd://}"
  eventually 'the killed pod is started again' restarted "$pod"
  expect_two_pods
  killed=$(lease_time)
  eventually 'the lease is renewed again' lease_renewed_since "$killed"
  show kubectl --namespace workmail-operator get pods --selector app.kubernetes.io/name="$release"
  echo
  show kubectl --namespace workmail-operator get lease "$release"
  expect_globex Creating
}

restarted() { [[ $(in_release get "$1" --output 'jsonpath={.status.containerStatuses[0].restartCount}') == 1 ]]; }

lease_renewed_since() { [[ $(lease_time) != "$1" ]]; }

lease_time() { in_release get lease "$release" --output 'jsonpath={.spec.renewTime}'; }

expect_globex() {
  expect 'the state of globex' "$1" "$(kubectl get wmo globex --output 'jsonpath={.status.state}')"
  expect_organizations acme globex
}

drain_node_while_creating() {
  step 'The node is drained while AWS creates: there is no other, so the disruption budget keeps one pod'
  local drain=(kubectl drain node --pod-selector app.kubernetes.io/name="$release" --timeout 12s)
  if show "${drain[@]}" 2>&1; then fail 'the drain took the last pod too'; fi
  echo
  show kubectl --namespace workmail-operator get pods --selector app.kubernetes.io/name="$release"
  expect 'what became of the pods' 'Pending Running ' \
    "$(operator_pods '{range .items[*]}{.status.phase}{"\n"}{end}' | sort | tr '\n' ' ')"
  eventually 'the pod that stays leads' remaining_leads
  echo
  show kubectl --namespace workmail-operator get lease "$release"
  expect_globex Creating

  control clock/advance -d '{"by": "10m"}' >/dev/null
  show kubectl wait --for=condition=Ready --timeout="${patience}s" wmo/globex
  show kubectl uncordon node
  expect_two_pods
  echo
  show kubectl get wmo
  expect_globex Active
}

remaining_leads() {
  local pod
  pod=$(leader)
  [[ $(in_release get "$pod" --output 'jsonpath={.status.phase}') == Running ]]
}
