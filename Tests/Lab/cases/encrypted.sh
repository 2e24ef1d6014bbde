# shellcheck shell=bash disable=SC2154
# DNS over TLS and over HTTPS, as kdig of the Knot project asks; with a certificate that is renewed on the way.

pem=$WORK/pem
new_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$1" -subj /CN=dns.example.net \
        -addext "subjectAltName=DNS:dns.example.net,IP:2001:db8:6::1" -keyout "$pem/key.new" -out "$pem/chain.new" 2>/dev/null
    mv "$pem/key.new" "$pem/dns.key"
    mv "$pem/chain.new" "$pem/dns.pem"
}

# asked WORDS...: the answer to the question for a name without AAAA records of its own.
asked() { on client kdig +timeout=20 +retry=0 "$@" @2001:db8:6::1 v4.example.net AAAA; }
synthesized() {
    local answer
    answer=$(asked "$@")
    holds "the answer" 64:ff9b::b0b:b02 "$answer"
    holds "the answer" "$over" "$answer"
}
over_tls() { over='TLS session' synthesized +tls "+tls-ca=$pem/dns.pem" +tls-hostname=dns.example.net; }
by_address() { over='TLS session' synthesized +tls "+tls-ca=$pem/dns.pem" +tls-hostname=2001:db8:6::1; }
over_https() { over='HTTP session (HTTP/2-POST)' synthesized +https "+tls-ca=$pem/dns.pem" +tls-hostname=dns.example.net; }
by_get() { over='HTTP session (HTTP/2-GET)' synthesized +https +https-get "+tls-ca=$pem/dns.pem" +tls-hostname=dns.example.net; }
padded() { holds "the answer" "Received 468 B" "$(asked +tls +padding)"; }
in_clear() { refused on client kdig +tcp +timeout=1 +retry=0 -p 853 @2001:db8:6::1 v4.example.net AAAA; }
resumed() {
    local at=(-connect '[2001:db8:6::1]:853' -alpn dot)
    rm -f "$pem/session"
    # The ticket comes with the first answer: to the question for v4.example.net AAAA, with its length in front.
    {
        printf '\0\40\0\1\1\0\0\1\0\0\0\0\0\0\2v4\7example\3net\0\0\34\0\1'
        for _ in $(seq 200); do
            sleep 0.1
            [ ! -s "$pem/session" ] || break
        done
    } | on client openssl s_client "${at[@]}" -sess_out "$pem/session" 2>&1 | cat -v || true
    holds "the second handshake" "Reused, TLSv1.3" "$(on client openssl s_client "${at[@]}" -sess_in "$pem/session" 2>&1 || true)"
}
discovered() {
    local answer
    answer=$(on client kdig @2001:db8:6::1 _dns.resolver.arpa TYPE64)
    holds "the answer" "dns.example.net." "$answer"
    # The address of the target, in the additional section.
    holds "the answer" 2001:db8:6::1 "$answer"
}
about_to_expire() { fact '.findings[].code' | grep -qx certificate-expires; }
renewed() {
    about_to_expire
    new_certificate 60
    eventually 30 refused about_to_expire
    same "renewals" 1 "$(fact .resolver.encryption.certificate.renewals)"
    over_tls
}
unusable() {
    echo nothing >"$pem/dns.pem"
    eventually 30 sh -c "'$WORK/appliance-ctl' --socket '$SOCKET' status --json | jq -r '.findings[].code' | grep -qx certificate-unusable"
    holds "the answer" 64:ff9b::b0b:b02 "$(asked +tls)"
}

mkdir -p "$pem"
new_certificate 5
scenario "[dns64]
listen-tls = [\"auto\"]
listen-https = [\"auto\"]
certificate = \"$pem/dns.pem\"
key = \"$pem/dns.key\"
name = \"dns.example.net\""
it "ENC-01 a question over TLS is answered, and the certificate holds the name" over_tls
it "ENC-09 the certificate holds the resolver's address" by_address
it "ENC-04 a question over HTTPS is answered by POST" over_https
it "ENC-04 a question over HTTPS is answered by GET" by_get
it "ENC-03 a padded question gets an answer of 468 octets" padded
it "ENC-01 nothing is answered in the clear on port 853" in_clear
it "ENC-02 a session is resumed" resumed
it "ENC-07 the encrypted listeners are found by their discovery" discovered
it "a certificate that is about to expire is told; renewed, it is taken while the appliance runs" renewed
it "a certificate file that cannot be used is told, and the one before stays" unusable
