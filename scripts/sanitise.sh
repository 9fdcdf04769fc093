#!/bin/sh
# sanitise.sh [FILES…]: builds native/addon/fits.cc with AddressSanitizer and UndefinedBehaviorSanitizer into a folder of its
# own and reads files with it (damaged ones too): headers, images, tables, sums. Without FILES: some of its own
# (the tests are run by sanitise-tests.mjs).
# What cfitsio itself does wrong in a process shows as that file's report; reports in fits.cc are ours.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
node_headers=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")/include/node
g++ -std=c++17 -g -O1 -fPIC -shared -fsanitize=address,undefined -fno-omit-frame-pointer \
  -I"$node_headers" -I"$root/node_modules/node-addon-api" -DNAPI_CPP_EXCEPTIONS -DNODE_GYP_MODULE_NAME=fits \
  -o "$made/fits.node" "$root/native/addon/fits.cc" -lcfitsio
# Node's own allocations are not ours to check; the library must come first.
export LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so) $(g++ -print-file-name=libstdc++.so.6)"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:halt_on_error=1:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
cat > "$made/read.mjs" <<'JS'
import { createRequire } from "node:module";
const [addon, path] = process.argv.slice(2);
const fits = createRequire(import.meta.url)(addon);
const tried = (body) => { try { return body(); } catch { return null; } };
fits.limit(1e15, 20);
if (path === "") {
  // Everything once on a file of its own: written, read whole, by part, as a table, with sums.
  const own = addon.replace("fits.node", "own.fits");
  for (const compression of [undefined, 11, 21, 41]) {
    fits.writeImage(own + (compression ?? ""), [40, 30], Float32Array.from({ length: 1200 }, (_, i) => Math.sin(i)), [], compression);
    const at = compression === undefined ? 0 : 1;
    fits.hdus(own + (compression ?? ""));
    fits.readImage(own + (compression ?? ""), at);
    fits.readImage(own + (compression ?? ""), at, [3, 4, 10, 11]);
    fits.checksums(own + (compression ?? ""));
  }
  const table = addon.replace("fits.node", "table.fits");
  fits.writeTable(table, [
    { name: "id", type: "string", values: ["a", "bb", null], unit: "", description: "x".repeat(200) },
    { name: "n", type: "integer", values: [1, null, 3] },
    { name: "v", type: "number", values: [1.5, null, 3], unit: "Jy" },
    { name: "b", type: "boolean", values: [true, false, true] },
  ]);
  fits.readTable(table, 1);
} else {
  const hdus = tried(() => fits.hdus(path)) ?? [];
  for (const [i, { type }] of hdus.entries()) type === "image" ? tried(() => fits.readImage(path, i)) : tried(() => fits.readTable(path, i));
  tried(() => fits.checksums(path));
}
JS
ours=0
theirs=0
[ $# -gt 0 ] || set -- ""
for file in "$@"; do
  if ! timeout 120 node "$made/read.mjs" "$made/fits.node" "$file" > "$made/report" 2>&1; then
    # The innermost frame that is not the sanitizer's own tells whose fault it is.
    frame=$(grep -m1 -E '^ *#[0-9]+ .* in [^_]' "$made/report" || true)
    case "$frame" in *fits.cc*) ours=$((ours + 1)) ;; *) theirs=$((theirs + 1)) ;; esac
    echo "${file:-own files}: $(grep -m1 -E 'ERROR: AddressSanitizer|runtime error' "$made/report" || tail -1 "$made/report") |$frame"
  elif grep -q 'runtime error' "$made/report"; then
    ours=$((ours + 1))
    echo "${file:-own files}: $(grep -m1 'runtime error' "$made/report")"
  fi
done
echo "$# files: $ours reports in fits.cc, $theirs in cfitsio or below"
[ "$ours" -eq 0 ]
