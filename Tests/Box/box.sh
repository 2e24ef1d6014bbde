# shellcheck shell=bash disable=SC2154
# A booted systemd in a container of its own: a Debian root, made once and kept in .build-rootfs/, with a layer on top for
# each box that is thrown away, in the network namespace of the laboratory's box.

rootfs_packages=systemd,systemd-sysv,systemd-resolved,dbus,udev,kmod,iproute2,iputils-ping,procps,libcap2,libcap2-bin
rootfs_packages+=,dns-root-data,libevent-core-2.1-7,libgcc-s1,libnl-3-200,libnl-route-3-200,libstdc++6,libsystemd0,libunbound8
rootfs_suite=bookworm
rootfs_cache=$top_folder/.build-rootfs

# The folder of the root; made by the first call, which needs Debian's archive and half a minute.
rootfs() {
    local name
    name=$rootfs_cache/$rootfs_suite-$(echo "$rootfs_packages" | sha256sum | cut -c 1-12)
    if [ ! -e "$name/etc/debian_version" ]; then
        echo "making a Debian root for the box (once): $name" >&2
        rm -rf "$name" "$name.new"
        mkdir -p "$rootfs_cache"
        mmdebstrap --quiet --variant=minbase --include="$rootfs_packages" \
            --aptopt='Acquire::Languages "none"' --dpkgopt='path-exclude=/usr/share/locale/*' \
            --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
            $rootfs_suite "$name.new" >&2
        : >"$name.new/etc/machine-id"
        mv "$name.new" "$name"
    fi
    echo "$name"
}

BOX_ROOT=$WORK/root
BOX_NAME=$LAB-box
box_leader='' box_nspawn=''

# inside COMMAND...: runs a command in the booted box.
inside() {
    nsenter --target "$box_leader" --all -- env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}

journal() {
    inside journalctl --unit nat64-appliance --no-pager --output cat "$@"
}

# The hierarchies of control groups that nspawn needs one of its own in, so that boxes do not meet.
cgroup_folders() {
    local folder found=''
    for folder in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
        [ -e $folder/cgroup.procs ] && echo "$folder/$BOX_NAME" && found=yes
    done
    [ -n "$found" ] || echo "/sys/fs/cgroup/$BOX_NAME"
}

box_mount() {
    local lower=$1
    mkdir -p "$WORK/layer/upper" "$WORK/layer/work" "$BOX_ROOT"
    # The layer lies in memory: overlays on top of overlays do not mount, and it is thrown away anyhow.
    mount -t tmpfs -o size=512m tmpfs "$WORK/layer"
    mkdir -p "$WORK/layer/upper" "$WORK/layer/work"
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$WORK/layer/upper,workdir=$WORK/layer/work" "$BOX_ROOT"
    mkdir -p "$BOX_ROOT/etc/systemd/resolved.conf.d"
    printf '[Resolve]\nDNS=%s\n' "$SERVER4" >"$BOX_ROOT/etc/systemd/resolved.conf.d/lab.conf"
    ln -sf ../run/systemd/resolve/stub-resolv.conf "$BOX_ROOT/etc/resolv.conf"
}

# box_boot: boots the box and waits until systemd says that it runs.
box_boot() {
    local folder state='' left=3600
    box_mount "$(rootfs)"
    for folder in $(cgroup_folders); do mkdir -p "$folder"; done
    (
        for folder in $(cgroup_folders); do echo $BASHPID >"$folder/cgroup.procs"; done
        # /proc/sys/net stays writable: the package's sysctl file is one of the things under test.
        export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
        exec systemd-nspawn --quiet --register=no --keep-unit --directory="$BOX_ROOT" --machine="${BOX_NAME:0:60}" \
            --network-namespace-path="/run/netns/$LAB-box" --resolv-conf=off --timezone=off \
            --capability=CAP_NET_ADMIN,CAP_NET_RAW,CAP_BPF,CAP_PERFMON --system-call-filter=bpf --bind=/dev/net/tun --console=pipe --boot \
            -- systemd.log_target=journal
    ) </dev/null >"$WORK/console.log" 2>&1 &
    box_nspawn=$!
    while [ $left -gt 0 ]; do
        left=$((left - 1))
        if ! kill -0 $box_nspawn 2>/dev/null; then
            echo "systemd-nspawn ended:" >&2
            cat "$WORK/console.log" >&2
            return 1
        fi
        box_leader=$(box_find_leader)
        [ -n "$box_leader" ] && state=$(inside systemctl is-system-running 2>/dev/null || true)
        case $state in running | degraded) return 0 ;; esac
        sleep 0.05
    done
    echo "the box did not boot within minutes; systemd says: ${state:-nothing}" >&2
    cat "$WORK/console.log" >&2
    return 1
}

box_find_leader() {
    local child
    for child in $(cat "/proc/$box_nspawn/task/$box_nspawn/children" 2>/dev/null); do
        grep -qs '^systemd$' "/proc/$child/comm" && echo "$child"
    done
    return 0
}

# box_down: an orderly power-off, or else an end. Safe to call twice.
box_down() {
    local folder left=100
    if [ -n "$box_nspawn" ]; then
        kill -TERM "$box_nspawn" 2>/dev/null || true
        while kill -0 "$box_nspawn" 2>/dev/null && [ $left -gt 0 ]; do
            sleep 0.05
            left=$((left - 1))
        done
        kill -KILL "$box_nspawn" 2>/dev/null || true
        [ -z "$box_leader" ] || kill -KILL "$box_leader" 2>/dev/null || true
        wait "$box_nspawn" 2>/dev/null || true
        box_nspawn='' box_leader=''
    fi
    for folder in $(cgroup_folders); do
        [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done
    umount "$BOX_ROOT" 2>/dev/null || true
    umount "$WORK/layer" 2>/dev/null || true
}
