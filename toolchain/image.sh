#!/usr/bin/env bash
# Makes images of the binaries that toolchain/build.sh has left in dist/linux, and what goes with a release:
#
#   dist/alertik-<version>-linux-<machine>.tar    for RouterOS and `docker load`: one machine (armv5, armv6, armv7,
#                                                 arm64, amd64), a docker-archive of one layer, not compressed
#   dist/alertik-<version>-oci.tar                the same images in one index, an oci-archive
#   dist/alertik-<version>.cdx.json, dist/NOTICES what is in them (toolchain/sbom.py)
#   dist/SHA256SUMS                               the sums of all these
#
# Needs buildah, skopeo and jq (Debian's packages), as root or not. Leaves nothing but these files, and as root
# skopeo's cache of digests in /var/lib/containers/cache. The same binaries and commit give the same bytes.
# Variables that may be set:
#
#   IMAGE                the image's name in the tar files; localhost/alertik
#   SOURCE_URL           where the source is to be had, for the label of that name; no label
#   SOURCE_DATE_EPOCH    the time of everything in the images, in seconds; the commit's time
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "toolchain/image.sh: $*" >&2; exit 1; }

for tool in buildah skopeo jq; do
    command -v "$tool" >/dev/null || fail "$tool is not there (on Debian: apt-get install buildah skopeo jq)"
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p;/^\[dependencies\]/q' Cargo.toml)
image=${IMAGE:-localhost/alertik}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)} ||
    fail 'this is no git checkout: set SOURCE_DATE_EPOCH'
export SOURCE_DATE_EPOCH

labels=(--label "org.opencontainers.image.version=$version"
    --label "org.opencontainers.image.created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)")
[ -z "${SOURCE_URL:-}" ] || labels+=(--label "org.opencontainers.image.source=$SOURCE_URL")
# What was built with changes is of no commit.
if revision=$(git rev-parse HEAD 2>/dev/null) && git diff --quiet HEAD; then
    labels+=(--label "org.opencontainers.image.revision=$revision")
fi

work=$(mktemp -d)
# A layer's root may not be written, not even by its owner.
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
# Everything that buildah and skopeo keep is in here, so that nobody's own images are touched.
export TMPDIR=$work/tmp XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config XDG_CACHE_HOME=$work/cache
mkdir "$TMPDIR"

# Runs a command whose words matter only when it fails.
quietly() { "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "$1 failed"; }; }
buildah_() { quietly buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }

rm -f dist/alertik-*.tar dist/SHA256SUMS
toolchain/sbom.py

# The context has modes of its own: those of a checkout depend on whose it is.
context=$work/context
install -D -m 644 -t "$context" Dockerfile .dockerignore LICENSE-APACHE LICENSE-MIT
install -D -m 644 -t "$context/dist" dist/NOTICES

blobs=$work/oci/blobs/sha256
mkdir -p "$blobs"

# Files what comes in as a blob, and prints its descriptor.
store() { # media type
    local file=$work/blob digest
    cat >"$file"
    digest=$(sha256sum "$file" | cut -d ' ' -f 1)
    jq -cn --arg type "$1" --arg digest "sha256:$digest" --argjson size "$(wc -c <"$file")" \
        '{mediaType: $type, digest: $digest, size: $size}'
    mv "$file" "$blobs/$digest"
}

# Builds one image, stores its blobs, and prints how an index names it.
build() { # platform
    local platform=$1 built=$work/built arch variant config layer manifest
    IFS=/ read -r _ arch variant <<<"$platform"
    install -D -m 755 -t "$context/dist/$platform" "dist/$platform/alertik"
    # The docker format knows HEALTHCHECK; OCI's own does not, and would lose it.
    buildah_ bud --isolation chroot --format docker --platform "$platform" --timestamp "$SOURCE_DATE_EPOCH" \
        --identity-label=false "${labels[@]}" --tag built "$context"
    rm -rf "$built"
    buildah_ push --disable-compression built "dir:$built"

    # buildah (1.28) calls every arm image v7, which keeps it from the machines that need v5; and it notes the
    # name of the container that it built in, which is another each time.
    config=$built/$(jq -r '.config.digest | ltrimstr("sha256:")' "$built/manifest.json")
    jq -c --arg arch "$arch" --arg variant "$variant" \
        '{created, architecture: $arch, variant: $variant, os, config, rootfs, history}
         | .config |= {User, ExposedPorts, Env, Entrypoint, Healthcheck, Labels, StopSignal}
         | del(.variant | select(. == ""))' "$config" >"$work/config.json"
    layer=$built/$(jq -r '.layers[0].digest | ltrimstr("sha256:")' "$built/manifest.json")

    manifest=$(jq -cn '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
            config: $config, layers: [$layer], annotations: $image[0].config.Labels}' \
        --argjson config "$(store application/vnd.oci.image.config.v1+json <"$work/config.json")" \
        --argjson layer "$(gzip -n9 <"$layer" | store application/vnd.oci.image.layer.v1.tar+gzip)" \
        --slurpfile image "$work/config.json")
    store application/vnd.oci.image.manifest.v1+json <<<"$manifest" |
        jq -c --slurpfile image "$work/config.json" \
            '.platform = ($image[0] | {architecture, os, variant} | del(.variant | select(. == null)))'
}

platforms=()
for platform in linux/arm/v5 linux/arm/v6 linux/arm/v7 linux/arm64 linux/amd64; do
    [ ! -e "dist/$platform/alertik" ] || platforms+=("$platform")
done
[ ${#platforms[@]} != 0 ] || fail 'there is no binary in dist/linux; run toolchain/build.sh first'

for platform in "${platforms[@]}"; do
    build "$platform" >>"$work/images"
done

# The machines' images in one index, and the archive's own index, which names that one.
index=application/vnd.oci.image.index.v1+json
jq -cs --arg type $index --slurpfile image "$work/config.json" \
    '{schemaVersion: 2, mediaType: $type, manifests: ., annotations: $image[0].config.Labels}' "$work/images" |
    store $index |
    jq -c --arg type $index --arg version "$version" \
        '.annotations = {"org.opencontainers.image.ref.name": $version}
         | {schemaVersion: 2, mediaType: $type, manifests: [.]}' >"$work/oci/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/oci/oci-layout"
oci=dist/alertik-$version-oci.tar
tar --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX -C "$work/oci" -cf "$oci" blobs index.json oci-layout

# For each machine what the index gives to it: so a wrong entry is found here, and config and layer are the same.
for platform in "${platforms[@]}"; do
    IFS=/ read -r os arch variant <<<"$platform"
    # Signatures are a matter of what is fetched, and nothing is.
    quietly skopeo copy --insecure-policy --override-os "$os" --override-arch "$arch" \
        ${variant:+--override-variant "$variant"} \
        "oci-archive:$oci" "docker-archive:dist/alertik-$version-$os-$arch$variant.tar:$image:$version"
done

cd dist
sha256sum -- alertik-"$version"*.tar "alertik-$version.cdx.json" NOTICES >SHA256SUMS
wc -c -- alertik-"$version"*.tar
