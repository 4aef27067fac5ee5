# A control plane and a node, all processes of this namespace.

readonly address=10.88.0.1 server=https://10.88.0.1:6443

# start NAME COMMAND...: in the background, with a log of its own.
start() {
  local name=$1
  shift
  "$@" </dev/null >"/run/e2e/log/$name.log" 2>&1 &
  pids[$!]=$name
}
pids=()

all_run() {
  local pid
  for pid in "${!pids[@]}"; do kill -0 "$pid" 2>/dev/null || fail "${pids[pid]} has ended"; done
}

# credentials USER GROUP: a token that the API server knows, and a kubeconfig with it.
credentials() {
  local user=$1 token
  token=$(openssl rand -hex 16)
  printf '%s,%s,%s,"%s"\n' "$token" "$user" "$user" "$2" >>/run/e2e/tokens.csv
  cat >"/run/e2e/${user##*:}.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: e2e, cluster: {server: $server, certificate-authority: /run/e2e/pki/apiserver.crt}}]
users: [{name: user, user: {token: $token}}]
contexts: [{name: e2e, context: {cluster: e2e, user: user}}]
current-context: e2e
YAML
}

start_control_plane() {
  credentials admin system:masters
  credentials system:kube-controller-manager ''
  credentials system:kube-scheduler ''
  credentials system:kube-proxy system:node-proxier
  credentials system:node:node system:nodes
  mkdir /run/e2e/pki
  openssl genrsa -out /run/e2e/pki/sa.key 2048 2>/dev/null
  openssl rsa -in /run/e2e/pki/sa.key -pubout -out /run/e2e/pki/sa.pub 2>/dev/null

  start etcd etcd --data-dir /run/e2e/etcd --unsafe-no-fsync
  start kube-apiserver kube-apiserver \
    --etcd-servers http://127.0.0.1:2379 \
    --bind-address "$address" --advertise-address "$address" --secure-port 6443 \
    --service-cluster-ip-range 10.96.0.0/16 \
    --cert-dir /run/e2e/pki --token-auth-file /run/e2e/tokens.csv --authorization-mode Node,RBAC \
    --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file /run/e2e/pki/sa.pub --service-account-signing-key-file /run/e2e/pki/sa.key \
    --allow-privileged --kubelet-preferred-address-types InternalIP
  eventually 'the API server is ready' server_is_ready
  start kube-controller-manager kube-controller-manager \
    --kubeconfig /run/e2e/kube-controller-manager.kubeconfig --use-service-account-credentials \
    --root-ca-file /run/e2e/pki/apiserver.crt --service-account-private-key-file /run/e2e/pki/sa.key \
    --flex-volume-plugin-dir /run/e2e/kubelet/plugins --leader-elect=false
  start kube-scheduler kube-scheduler --kubeconfig /run/e2e/kube-scheduler.kubeconfig --leader-elect=false
}

server_is_ready() {
  all_run
  kubectl get --raw /readyz
}

import_images() {
  local image
  eventually 'containerd is ready' ctr --address /run/containerd/containerd.sock version
  for image in pause workmail-local workmail-operator; do
    ctr --address /run/containerd/containerd.sock --namespace k8s.io images import \
      --snapshotter native "/run/e2e/$image.tar" >/dev/null
  done
}

start_node() {
  step 'A node: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, containerd, kubelet, kube-proxy'
  ip link set lo up
  # A kubelet refuses a loopback address.
  ip address add "$address/32" dev lo
  # Any route does: kube-proxy's rules send it elsewhere.
  ip route add 10.96.0.0/16 dev lo src "$address"
  echo 1 >/proc/sys/net/ipv4/ip_forward

  mkdir /run/e2e/cni
  cp tools/e2e/node/cni.conflist /run/e2e/cni/
  start containerd containerd --config tools/e2e/node/containerd.toml
  start_control_plane
  import_images

  # In place of a DNS add-on: the one name that the pods ask for.
  echo "nameserver $address" >/run/e2e/resolv.conf
  start dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= \
    --listen-address="$address" --bind-interfaces --no-resolv --no-hosts --local=/cluster.local/ \
    --host-record=workmail-local.workmail-operator.svc.cluster.local,10.96.0.80

  sed "s/@GROUPS@/$E2E_GROUPS/" tools/e2e/node/kubelet.yaml >/run/e2e/kubelet.yaml
  start kubelet kubelet --config /run/e2e/kubelet.yaml --kubeconfig /run/e2e/node.kubeconfig \
    --root-dir /run/e2e/kubelet --node-ip "$address" --hostname-override node
  start kube-proxy kube-proxy --config tools/e2e/node/kube-proxy.yaml
  eventually 'the node is ready' node_is_ready
  show kubectl get nodes
}

node_is_ready() {
  all_run
  kubectl wait --for=condition=Ready --timeout=1s node/node
}
