#!/bin/sh
# install.sh FOLDER EXTRAS BYTES: a virtual environment with the server, without what it never opens.
#
# Run in a checkout, with uv on PATH. Versions are those of requirements.lock. Fails where the
# environment takes more than BYTES; 0 is no limit.
set -eu
folder=$1 extras=$2 most=$3
python=${PYTHON:-/usr/bin/python3}
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT

uv build --quiet --wheel --out-dir "$wheels" .
uv venv --quiet --python "$python" "$folder"
uv pip install --quiet --link-mode copy --compile-bytecode --python "$folder/bin/python" \
  --constraints requirements.lock --overrides deploy/container/absent.txt \
  "repertoire[$extras] @ file://$(echo "$wheels"/*.whl)"

# The C library of onnxruntime, which its Python module has in itself; tools; tests of others.
packages=$(echo "$folder"/lib/python3*/site-packages)
rm -rf "$packages"/onnxruntime/capi/libonnxruntime.so* "$packages"/onnxruntime/transformers \
  "$packages"/onnxruntime/quantization "$packages"/onnxruntime/tools
find "$packages/numpy" -type d -name tests -prune -exec rm -rf {} +

taken=$(du -s --apparent-size -B1 "$folder" | cut -f1)
echo "$folder: $taken bytes"
if [ "$most" -gt 0 ] && [ "$taken" -gt "$most" ]; then
  echo "$folder takes $taken bytes, more than $most; raise BYTES or leave packages out" >&2
  exit 1
fi
