#!/bin/sh
# debian.sh: both base images of the Containerfile, made of Debian's packages without a registry.
#
#   sh deploy/container/debian.sh
#   podman build --build-arg BUILD=localhost/debian:13 --build-arg BASE=localhost/python3:13 …
#
# Needs root, debootstrap and podman. The second image holds what distroless's python3-debian13 is
# made of: the packages below, unpacked, without a shell or a package manager.
set -eu
packages="base-files ca-certificates gcc-14-base libbz2-1.0 libc-bin libc6 libcom-err2 libcrypt1 \
libdb5.3t64 libexpat1 libffi8 libgcc-s1 libgomp1 libgssapi-krb5-2 libk5crypto3 libkeyutils1 \
libkrb5-3 libkrb5support0 liblzma5 libncursesw6 libnsl2 libpython3.13-minimal \
libpython3.13-stdlib libreadline8t64 libsqlite3-0 libssl3t64 libstdc++6 libtinfo6 libtirpc3t64 \
libuuid1 libzstd1 media-types netbase openssl-provider-legacy python3.13-minimal python3.13-venv \
tzdata zlib1g"
mirror=${MIRROR:-http://deb.debian.org/debian}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
  trixie "$folder/build" "$mirror"
mkdir -p "$folder/build/debs" "$folder/python3/tmp"
chmod 1777 "$folder/python3/tmp"
# shellcheck disable=SC2086
chroot "$folder/build" sh -c "cd /debs && apt-get download $packages"
for package in "$folder"/build/debs/*.deb; do
  dpkg-deb -x "$package" "$folder/python3"
done
rm -rf "$folder/build/debs"
ln -s python3.13 "$folder/python3/usr/bin/python3"
ln -s python3.13 "$folder/python3/usr/bin/python"
tar -C "$folder/build" --exclude=./proc/* --exclude=./sys/* -c . | podman import -q - localhost/debian:13
tar -C "$folder/python3" -c . | podman import -q - localhost/python3:13
