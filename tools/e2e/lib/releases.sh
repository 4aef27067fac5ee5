# Upgrade, rollback, uninstall, and the same release installed again.

upgrade() {
  step 'Upgrade to a chart whose CustomResourceDefinition has one field more, with a network policy'
  cp -R "$chart" /run/e2e/chart
  sed -i 's/^version: .*/version: 99.0.0/' /run/e2e/chart/Chart.yaml
  sed -i '/^          spec:$/,/^            properties:$/ s/^            properties:$/&\
              costCenter:\
                description: Who pays for it.\
                maxLength: 64\
                type: string/' /run/e2e/chart/files/crds/workmailorganizations.workmail-operator.dev.yaml
  expect_refusal 'does not exist' kubectl explain wmo.spec.costCenter
  show helm upgrade "$release" /run/e2e/chart --namespace workmail-operator --reuse-values --set networkPolicy.enabled=true \
    --wait --timeout "${patience}s" --hide-notes
  expect_two_pods
  eventually 'the new field is served' kubectl explain wmo.spec.costCenter
  show kubectl explain wmo.spec.costCenter
  # This node's network enforces no policy: that it is valid is all that is seen here.
  show kubectl --namespace workmail-operator get networkpolicies
  in_release get networkpolicy "$release" >/dev/null || fail 'there is no network policy'
  expect_settled
}

roll_back() {
  step 'Rollback'
  show helm rollback "$release" 1 --namespace workmail-operator --wait --timeout "${patience}s"
  expect_two_pods
  eventually 'the new field is gone' unknown_field
  show helm history "$release" --namespace workmail-operator
  show kubectl get wmo
  expect_settled
}

unknown_field() { ! kubectl explain wmo.spec.costCenter; }

# Both organizations are as they were.
expect_settled() {
  expect 'Ready of both' 'True True ' "$(kubectl get wmo --output "jsonpath={range .items[*]}${ready} {end}")"
  expect_organizations acme globex
  expect_no_refusal
}

# The operator has all the rights that it asked for.
expect_no_refusal() {
  local logs
  logs=$(in_release logs --selector app.kubernetes.io/name="$release" --tail -1)
  [[ $logs == *'"level":"INFO"'* ]] || fail "the operator logs nothing"
  if grep -iE 'forbidden|"?code"?: ?403' <<<"$logs" >&2; then fail 'the operator was refused something'; fi
}

uninstall() {
  step 'Uninstall: the organizations stay, and so do their resources'
  show helm uninstall "$release" --namespace workmail-operator --wait --timeout "${patience}s"
  eventually 'the pods are gone' no_pods
  echo
  show kubectl get crd workmailorganizations.workmail-operator.dev --output name
  show kubectl get wmo
  expect 'the resources' 'acme globex ' "$(kubectl get wmo --output 'jsonpath={range .items[*]}{.metadata.name} {end}')"
  expect_organizations acme globex
}

no_pods() { [[ -z $(operator_pods '{.items[*].metadata.name}') ]]; }

install_again() {
  step 'Install again: it picks up where it was, and does what was asked for meanwhile'
  show kubectl patch wmo acme --type merge --patch '{"spec":{"tags":{"team":"mail"}}}'
  show helm install "$release" "$chart" --namespace workmail-operator --values tools/e2e/local/values.yaml \
    --wait --timeout "${patience}s" --hide-notes
  show kubectl wait --for=jsonpath='{.status.observedGeneration}'=2 --timeout="${patience}s" wmo/acme
  show kubectl wait --for=condition=Ready --timeout="${patience}s" wmo/acme wmo/globex
  expect_two_pods
  show kubectl get wmo --output wide
  expect "the tag in AWS" '"team":"mail"' "$(control organizations | grep -o '"team":"mail"')"
  expect_settled
}
