# The images: the operator's from the repository's Dockerfile, of which the runtime stage is used as it
# is and the builder stage is a folder; two more for what a cluster has anyway.

images() { buildah --storage-driver vfs --root /run/e2e/images --runroot /run/images "$@"; }

# build_image NAME BUD-ARGUMENTS...
build_image() {
  local name=$1
  shift
  images bud --quiet --isolation chroot --tag "$name" "$@" >/dev/null
  images push --quiet "$name" "docker-archive:/run/e2e/${name%%:*}.tar:$name"
}

# No network is reachable from here: nothing can be pulled.
build_images() {
  local operator version files size
  version=$(sed -n 's/^appVersion: //p' charts/workmail-operator/Chart.yaml)
  operator=workmail-operator:$version
  step "The image, $operator"
  build_image "$operator" --build-context build=/run/e2e/build --file Dockerfile \
    --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" .
  build_image workmail-local:e2e --file tools/e2e/local/Dockerfile /run/e2e/local
  build_image pause:e2e --file tools/e2e/node/pause.Dockerfile /run/e2e/pause

  images inspect --type image --format 'linux/{{.OCIv1.Architecture}}, user {{.OCIv1.Config.User}}, {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}{{"\n"}}' "$operator"
  files=$(image_files "$operator")
  printf '%s\n' "$files"
  expect 'what is in the image' "etc/ssl/certs/ca-certificates.crt workmail-operator " \
    "$(awk '{ printf "%s ", $NF }' <<<"$files")"
  size=$(stat --format %s /run/e2e/workmail-operator.tar)
  printf 'size: %d.%d MiB\n' $((size >> 20)) $(((size & 0xfffff) * 10 >> 20))
  ((size < 20 << 20)) || fail 'the image has 20 MiB or more'
}

# Mode, owner, size and name of every file in an image.
image_files() {
  local container
  container=$(images from "$1")
  (cd "$(images mount "$container")" && find . ! -type d -printf '%M %U:%G %8s %P\n' | sort -k 4)
  images rm "$container" >/dev/null
}
