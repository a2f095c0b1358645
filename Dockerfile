# The image: one static binary and the licence texts that go with it, in one layer. Nothing is run to build it,
# so an image for any machine is made on any other. First toolchain/build.sh and toolchain/sbom.py, then
#
#   docker buildx build --platform linux/arm/v5,linux/arm/v6,linux/arm/v7,linux/arm64,linux/amd64 .
#
# or toolchain/image.sh, which also makes the tar files that RouterOS imports, and says of which commit they are.
FROM scratch

LABEL org.opencontainers.image.title="alertik" \
      org.opencontainers.image.description="Listens to a MikroTik router's remote log and tells people what matters" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

# linux/arm/v5 and so on; who builds sets it.
ARG TARGETPLATFORM
# One COPY is one layer.
COPY LICENSE-APACHE LICENSE-MIT dist/NOTICES dist/${TARGETPLATFORM}/alertik /

# Nobody in particular, and not root: a port above 1023 and a socket are all that is needed. By number, since there
# is no /etc/passwd. 65532 is what images without a distribution use for this. RouterOS makes mounts as root: who
# writes to one (LOG_FILE) needs user=0:0 there.
USER 65532:65532

EXPOSE 5140/udp

# SIGTERM is the default too, but not everywhere.
STOPSIGNAL SIGTERM

# A look at a daemon that listens costs it a local HTTP request; once a minute is soon enough to be restarted.
HEALTHCHECK --interval=60s --timeout=10s --start-period=10s --retries=3 CMD ["/alertik", "health"]

ENTRYPOINT ["/alertik"]
