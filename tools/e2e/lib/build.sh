# What is built on this machine before the node starts: the programs of the node, and the binaries that
# the images are made of.

build_all() {
  local target triple programs flags
  target=$(realpath "${CARGO_TARGET_DIR:-target}")
  triple=$(rustc -vV | sed -n 's/^host: //p')

  step 'The programs of a node (the first time they are built from source)'
  programs=(etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl helm)
  nice "$target/debug/devcluster" binaries "${programs[@]}" |
    while read -r program; do ln -s "$program" "$folder/bin/"; done

  step 'The operator as the Dockerfile builds it (the first time that takes some minutes)'
  # In a folder of their own, so that these flags do not make the tests' builds stale.
  flags=$(sed -n "s/^ENV RUSTFLAGS='\(.*\)'$/\1/p" Dockerfile)
  [[ $flags == *+crt-static* ]] || fail 'the Dockerfile has no RUSTFLAGS for a static binary'
  export RUSTFLAGS=$flags
  nice cargo build --release --locked --package workmail-operator \
    --target "$triple" --target-dir "$target/static"
  unset RUSTFLAGS

  install -D "$target/static/$triple/release/workmail-operator" "$folder/build/image/workmail-operator"
  install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$folder/build/image/etc/ssl/certs/ca-certificates.crt"
  # As it was built for the tests, with the libraries that it is linked to.
  install -D "$target/debug/workmail-local" "$folder/local/workmail-local"
  ldd "$target/debug/workmail-local" | grep -o '/[^ ]*' |
    while read -r library; do install -D "$library" "$folder/local$library"; done
  mkdir "$folder/pause"
  cc -static -O2 -s -o "$folder/pause/pause" tools/e2e/node/pause.c
}
