# Whether this machine can run a node, and the Debian packages of which one is made.

# COMMAND:PACKAGE, or FILE:PACKAGE
readonly needed=(
  containerd:containerd ctr:containerd runc:runc /usr/lib/cni/ptp:containernetworking-plugins
  iptables:iptables conntrack:conntrack ip:iproute2 dnsmasq:dnsmasq-base
  buildah:buildah openssl:openssl curl:curl /etc/ssl/certs/ca-certificates.crt:ca-certificates
)

# cannot REASON: ends this script, well if that was asked for.
cannot() {
  if [[ -n ${E2E_OR_SKIP:-} ]]; then
    printf 'skipped: the end-to-end check on a real node: %s\n' "$*"
    exit 0
  fi
  printf 'The end-to-end check cannot run here: %s\n' "$*" >&2
  exit 1
}

check_machine() {
  [[ $(uname -s) == Linux ]] || cannot 'it needs Linux'
  [[ $(uname -m) == x86_64 ]] || cannot 'it was only ever run on x86_64'
  ((EUID == 0)) || cannot 'it needs root'
  [[ -c /dev/kmsg ]] || cannot 'there is no /dev/kmsg, which a kubelet reads'
  unshare --net --mount --pid --fork --mount-proc --propagation private true 2>/dev/null ||
    cannot 'it may not make namespaces'
  make_groups "$groups" || cannot 'it may not make control groups'
  install_packages
  unshare --net --fork iptables --table nat --list >/dev/null 2>&1 || cannot 'iptables does not work'
}

# make_groups NAME: one in each hierarchy of version 1, or the one of version 2.
make_groups() {
  local hierarchy
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    mkdir -p "/sys/fs/cgroup/$1" 2>/dev/null
    return
  fi
  for hierarchy in /sys/fs/cgroup/*/cgroup.procs; do
    mkdir -p "${hierarchy%/*}/$1" 2>/dev/null || return
  done
}

install_packages() {
  local pair packages=()
  for pair in "${needed[@]}"; do
    [[ -e ${pair%%:*} || " ${packages[*]} " == *" ${pair##*:} "* ]] ||
      PATH=$PATH:/usr/sbin:/sbin type -P "${pair%%:*}" >/dev/null || packages+=("${pair##*:}")
  done
  ((${#packages[@]} > 0)) || return 0
  type -P apt-get >/dev/null || cannot "it needs ${packages[*]}, and there is no apt-get"
  step "Installing Debian's ${packages[*]}, which stay"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
    "${packages[@]}"; } >"$folder/apt.log" 2>&1 ||
    cannot "apt-get could not install ${packages[*]}: $(tail -n 1 "$folder/apt.log")"
}
