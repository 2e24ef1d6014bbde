import Glibc
import Linux
import Resolver

/// Certificates of tests alone, for dns.example.net, 127.0.0.1 and 127.0.0.102, good until 2126.
enum Certificates {
    static let chain = """
        -----BEGIN CERTIFICATE-----
        MIIBkzCCATmgAwIBAgICA+kwCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHY2EudGVz
        dDAgFw0yNjExMjUyMjI5MTdaGA8yMTI2MTEwMTIyMjkxN1owGjEYMBYGA1UEAwwP
        ZG5zLmV4YW1wbGUubmV0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHVd+kojg
        PxAqTFoTs8qk/1hjY3aQ1iM/6gco+lhBAdI+FO5szY4BXeWIwKBk+7IcEkIjMEZH
        no3dS8NsKjlLoKN1MHMwJgYDVR0RBB8wHYIPZG5zLmV4YW1wbGUubmV0hwR/AAAB
        hwR/AABmMAkGA1UdEwQCMAAwHQYDVR0OBBYEFIvHTvrZ7SVkwzJT2qA+4lqxfrjJ
        MB8GA1UdIwQYMBaAFJtg/NOryoFnSa183QNoXKTRpQUgMAoGCCqGSM49BAMCA0gA
        MEUCIQDbPx27JKYRW9xLhs6jF6FxjR+vM980akG5NMKoutS5GwIgIDl+m/NlTxiT
        fD9pkie2MhICMypMWoR/zJRpzrjD2PE=
        -----END CERTIFICATE-----

        """
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUHjADgXv88eJbSoD
        WnkQJrec0k1Sz5RZA3tiSuW3UvuhRANCAAQdV36SiOA/ECpMWhOzyqT/WGNjdpDW
        Iz/qByj6WEEB0j4U7mzNjgFd5YjAoGT7shwSQiMwRkeejd1Lw2wqOUug
        -----END PRIVATE KEY-----

        """
    static let renewedChain = """
        -----BEGIN CERTIFICATE-----
        MIIBkzCCATmgAwIBAgICA+owCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHY2EudGVz
        dDAgFw0yNjExMjUyMjI5MTdaGA8yMTI2MTEwMTIyMjkxN1owGjEYMBYGA1UEAwwP
        ZG5zLmV4YW1wbGUubmV0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGJKbJK+c
        38cOkm1F9vAzSbdcZDu20KKvRm+3ppenz7XFbghZpkh8TqtH7T4QJCwgW7QTGyZj
        fRUDnXbEF7pZMKN1MHMwJgYDVR0RBB8wHYIPZG5zLmV4YW1wbGUubmV0hwR/AAAB
        hwR/AABmMAkGA1UdEwQCMAAwHQYDVR0OBBYEFB0LjL19hAPW+w5R8pXbvi2mOQ0Y
        MB8GA1UdIwQYMBaAFJtg/NOryoFnSa183QNoXKTRpQUgMAoGCCqGSM49BAMCA0gA
        MEUCIE6maaICKRP6zt6X+ajSBw5Bu7DW8NQJKHcEw1TUxgWmAiEA5UI0v159sqxj
        scFXaGXDUiyGoJhIQGb46vEmBC7yeGI=
        -----END CERTIFICATE-----

        """
    static let renewedKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgoDIRrdC0p3YNyyp1
        /puycRTPgt4dFo6KScvz8xFUQ+qhRANCAAQYkpskr5zfxw6SbUX28DNJt1xkO7bQ
        oq9Gb7eml6fPtcVuCFmmSHxOq0ftPhAkLCBbtBMbJmN9FQOddsQXulkw
        -----END PRIVATE KEY-----

        """

    /// For *.Example.net, dns.example.org, 192.0.2.7 and 2001:db8::7.
    static let wildcardChain = """
        -----BEGIN CERTIFICATE-----
        MIIBtDCCAVqgAwIBAgIUBNTOeMXuc3/sgODSEt9lydIvJ44wCgYIKoZIzj0EAwIw
        DDEKMAgGA1UEAwwBeDAgFw0yNjExMjYwNDUyMzZaGA8yMTI2MTEwMjA0NTIzNlow
        DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKkxCR8guY/Z
        p6YqPWICGow9iElqUEqOVPiJb8PVC9aOJ1gzNRPeS5A1Z7zte2nhsQlFhXhgbzDW
        3wZgRzcu+26jgZcwgZQwHQYDVR0OBBYEFJvlREB3Kao640zzgj4Hd7pEZn2RMB8G
        A1UdIwQYMBaAFJvlREB3Kao640zzgj4Hd7pEZn2RMA8GA1UdEwEB/wQFMAMBAf8w
        QQYDVR0RBDowOIINKi5FeGFtcGxlLm5ldIIPZG5zLmV4YW1wbGUub3JnhwTAAAIH
        hxAgAQ24AAAAAAAAAAAAAAAHMAoGCCqGSM49BAMCA0gAMEUCIQCiW//91C1ML5TX
        Q+STJPgDfN/n3appjnUvoLa36WdV6wIgQ0//GfX9YJ/q+bJuXXwHU00er7yXiX6m
        Hbyx8ew252k=
        -----END CERTIFICATE-----

        """
    static let wildcardKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgtY1ahThRpy2zap/L
        mPKEq0BSRelerhM8E/803OZn/y+hRANCAASpMQkfILmP2aemKj1iAhqMPYhJalBK
        jlT4iW/D1QvWjidYMzUT3kuQNWe87Xtp4bEJRYV4YG8w1t8GYEc3Lvtu
        -----END PRIVATE KEY-----

        """

    /// A folder with `dns.pem` and `dns.key`.
    static func folder() throws -> String {
        var template = Array("/tmp/dns64-certificates-XXXXXX".utf8CString)
        let path = String(cString: known(mkdtemp(&template)))
        try write(chain, to: path + "/dns.pem")
        try write(key, to: path + "/dns.key")
        return path
    }

    static func files(in folder: String) -> CertificateFiles {
        CertificateFiles(chain: folder + "/dns.pem", key: folder + "/dns.key")
    }

    static func write(_ text: String, to path: String) throws { try WholeFile.replace(path, with: Array(text.utf8)) }
}
