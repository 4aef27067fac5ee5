# The operator's image: one static binary and the certificate authorities it trusts.
#
#   docker build --tag workmail-operator:0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
#
# linux/amd64 is what `make e2e` runs. The same lines make linux/arm64 on such a machine; that was never run.

# As in rust-toolchain.toml, which is not copied: its components are not needed here.
ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-bookworm AS build
WORKDIR /build

# A static binary, for the machine that builds it; the target is named so that build scripts and macros are
# compiled without these flags. For size, there are no tables to unwind with, because a panic aborts, and
# relocations are packed, which glibc reads from 2.36 on. The last: linked statically, getrandom cannot look
# the system call up and would need /dev/random.
ENV RUSTFLAGS='-C target-feature=+crt-static -C force-unwind-tables=no -C link-arg=-Wl,-z,pack-relative-relocs --cfg getrandom_backend="linux_getrandom"'
RUN rustc -vV | sed -n 's/^host: //p' > /target-triple

# The dependencies, in a layer of their own: it is built anew when a manifest changes, not with the
# code. The other members of the workspace are here as manifests only.
COPY Cargo.toml Cargo.lock ./
COPY crates/devcluster/Cargo.toml crates/devcluster/
COPY crates/workmail-local/Cargo.toml crates/workmail-local/
COPY benches benches
RUN mkdir -p src crates/devcluster/src crates/workmail-local/src \
    && touch src/lib.rs crates/devcluster/src/lib.rs crates/workmail-local/src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --package workmail-operator --target "$(cat /target-triple)"

COPY src src
# cargo goes by the time of a file, and those of the context may be older than the stand-ins.
RUN find src -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --package workmail-operator --target "$(cat /target-triple)" \
    && install -D "target/$(cat /target-triple)/release/workmail-operator" /image/workmail-operator \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && /image/workmail-operator version

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="workmail-operator" \
      org.opencontainers.image.description="A Kubernetes operator for Amazon WorkMail organizations" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
# Metrics, and probes.
EXPOSE 8080 8081
ENTRYPOINT ["/workmail-operator"]
CMD ["run"]
