#!/bin/sh
# Makes the certificates of the tests: an authority, a server with two names, two clients, and an authority that
# signed none of them. Valid for a hundred years. Run it in this folder; the keys protect nothing.
set -eu
new() { # NAME SUBJECT EXTENSIONS
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1-key.pem" -out "$1.csr" -subj "$2"
    printf '%s\n' "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -days 36500 -extfile "$1.ext" -out "$1.pem"
    rm "$1.csr" "$1.ext"
}
authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1-key.pem" -out "$1.pem" \
        -days 36500 -subj "/CN=kubelift tests: $1" -addext keyUsage=critical,keyCertSign
}
authority ca
authority other-ca
new server /CN=kube-apiserver 'subjectAltName=IP:127.0.0.1,DNS:api.example
extendedKeyUsage=serverAuth'
new jane /CN=jane extendedKeyUsage=clientAuth
new joe /CN=joe extendedKeyUsage=clientAuth
rm ca-key.pem other-ca-key.pem
