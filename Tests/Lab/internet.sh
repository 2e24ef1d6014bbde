# shellcheck shell=bash
# The internet's side of the laboratory: NSD for the names, nginx for the pages, both from Debian's packages.

zone_file() {
    cat <<END
\$ORIGIN example.net.
\$TTL 300
@        SOA   ns hostmaster 1 3600 600 86400 60
@        NS    ns
ns       A     $SERVER4
ns       AAAA  $SERVER6
v4       A     $SERVER4
dual     A     $SERVER4
dual     AAAA  $SERVER6
www      CNAME v4
shop     CNAME www
nothing  TXT   "neither an A nor an AAAA record"
private  A     $PRIVATE4
mixed    A     $PRIVATE4
mixed    A     $SERVER4
END
    # More addresses than one Ethernet frame holds.
    local i
    for i in $(seq 1 120); do echo "many     A     11.11.11.$((100 + i))"; done
}

reverse_zone_file() {
    cat <<END
\$ORIGIN 11.11.11.in-addr.arpa.
\$TTL 300
@  SOA  ns.example.net. hostmaster.example.net. 1 3600 600 86400 60
@  NS   ns.example.net.
2  PTR  v4.example.net.
END
}

start_name_server() {
    local folder=$WORK/nsd
    mkdir -p "$folder"
    zone_file >"$folder/example.net.zone"
    reverse_zone_file >"$folder/reverse.zone"
    cat >"$folder/nsd.conf" <<END
server:
    ip-address: $SERVER4
    ip-address: $SERVER6
    username: ""
    chroot: ""
    zonesdir: "$folder"
    database: ""
    zonelistfile: "$folder/zone.list"
    xfrdfile: "$folder/xfrd.state"
    xfrdir: "$folder"
    pidfile: "$folder/nsd.pid"
    server-count: 1
    rrl-ratelimit: 0
    ipv4-edns-size: 4096
    ipv6-edns-size: 4096
remote-control:
    control-enable: no
zone:
    name: "example.net"
    zonefile: "example.net.zone"
zone:
    name: "11.11.11.in-addr.arpa"
    zonefile: "reverse.zone"
END
    spawn server nsd -d -c "$folder/nsd.conf" >"$folder/log" 2>&1
}

start_web_server() {
    local folder=$WORK/web
    mkdir -p "$folder/www/upload"
    echo "Hello from the IPv4 internet" >"$folder/www/index.html"
    dd if=/dev/urandom of="$folder/www/large" bs=1M count="${LARGE_MIB:-64}" status=none
    cat >"$folder/nginx.conf" <<END
user root;
worker_processes 1;
pid $folder/nginx.pid;
error_log $folder/error.log;
events { worker_connections 256; }
http {
    access_log $folder/access.log;
    default_type text/plain;
    sendfile on;
    client_max_body_size 0;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 80;
        listen [::]:80;
        root $folder/www;
        location = /address { return 200 "\$remote_addr\\n"; }
        location /upload/ { dav_methods PUT; }
    }
}
END
    spawn server nginx -c "$folder/nginx.conf" -g 'daemon off;' >"$folder/log" 2>&1
}

# stream_server: the other end of one run of iperf3, once that of the run before has left the port.
stream_server() {
    eventually 30 refused streams_are_served
    on server iperf3 -s -1 -D -I "$WORK/iperf3.pid"
    eventually 30 streams_are_served
}
streams_are_served() { on server ss -Hltn 'sport = :5201' | grep -q .; }

# Waits until both answer at their own address.
internet_up() {
    local left=1200
    start_name_server
    start_web_server
    until on server dig +short +time=1 +tries=1 "@$SERVER4" v4.example.net A 2>/dev/null | grep -q "$SERVER4" &&
        on server curl -sf -m 1 -o "$WORK/web/probe" "http://$SERVER4/"; do
        left=$((left - 1))
        if [ $left = 0 ]; then
            echo "the name server or the web server did not start:" >&2
            tail -n 5 "$WORK"/nsd/log "$WORK"/web/log "$WORK"/web/error.log >&2
            return 1
        fi
        sleep 0.05
    done
}
