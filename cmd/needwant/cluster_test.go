package main_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
)

// clusterConfig is the configuration of a server: its address, its number, its certificate and key, where it stores, the
// others, and the users that needwant printed.
const clusterConfig = `
server_name: node%[2]d
listen: "%[1]s:4222"
max_payload: 17825792
tls { cert_file: "certificate.pem", key_file: "key.pem" }
jetstream { store_dir: "store" }
cluster { name: laboratory, listen: "%[1]s:6222", routes: [%[3]s] }
accounts {
  NEEDWANT {
    jetstream: enabled
    include users.conf
  }
}
`

// cluster has the laboratory use three NATS servers on separate machines.
func (l *laboratory) cluster(ctx context.Context) {
	GinkgoHelper()
	server, err := gexec.BuildWithEnvironment("github.com/nats-io/nats-server/v2", []string{"CGO_ENABLED=0"})
	Expect(err).NotTo(HaveOccurred())
	var urls []string
	for range 3 {
		node := l.station(ctx)
		node.program, node.arguments = server, []string{"--config", "node.conf"}
		l.nodes = append(l.nodes, node)
		urls = append(urls, "tls://"+node.address+":4222")
	}
	l.url = strings.Join(urls, ",")
	l.certify()
	ca := filepath.Join(l.nodes[0].folder, "ca.pem")
	Expect(os.WriteFile(ca, l.ca, 0o600)).To(Succeed())
	l.hub.arguments = append(l.hub.arguments[:3], "--nats", l.url, "--nats-ca", ca)
	added := needwant(ctx, append([]string{"hub", "users"}, l.hub.arguments[1:]...)...) // from now on its directory names them
	Expect(added.Code).To(Equal(0), added.Stderr)
}

// serve starts the servers, if there are any, with the users of the hub.
func (l *laboratory) serve(ctx context.Context) {
	GinkgoHelper()
	if len(l.nodes) == 0 {
		return
	}
	var routes []string
	for _, node := range l.nodes {
		routes = append(routes, fmt.Sprintf("%q", "nats-route://"+node.address+":6222"))
	}
	users := needwant(ctx, "hub", "users", "--dir", l.hub.arguments[2])
	Expect(users.Code).To(Equal(0), users.Stderr)
	for i, node := range l.nodes {
		Expect(os.WriteFile(filepath.Join(node.folder, "users.conf"), []byte(users.Stdout), 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(node.folder, "node.conf"), fmt.Appendf(nil, clusterConfig, node.address, i, strings.Join(routes, ", ")), 0o600)).To(Succeed())
		node.start()
	}
	for _, node := range l.nodes {
		node.says(ctx, "Server is ready")
	}
}

// certify makes certificates for the servers, and the one that signed them.
func (l *laboratory) certify() {
	GinkgoHelper()
	sign := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (text []byte, key *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		Expect(err).NotTo(HaveOccurred())
		template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		if parent == nil {
			parent, signer = template, key
		}
		certificate, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		Expect(err).NotTo(HaveOccurred())
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), key
	}
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "laboratory"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	var signer *ecdsa.PrivateKey
	l.ca, signer = sign(authority, nil, nil)
	for _, node := range l.nodes {
		text, key := sign(&x509.Certificate{Subject: pkix.Name{CommonName: "node"}, IPAddresses: []net.IP{net.ParseIP(node.address)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, authority, signer)
		private, err := x509.MarshalPKCS8PrivateKey(key)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.WriteFile(filepath.Join(node.folder, "certificate.pem"), text, 0o600)).To(Succeed())
		Expect(os.WriteFile(filepath.Join(node.folder, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)).To(Succeed())
	}
}
