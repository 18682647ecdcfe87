package scenarios_test

import (
	"net"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios"
)

func TestSpecs(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "scenarios")
}

// parsed is a spec of a device behind a network card, from its scenarios on.
func parsed(g Gomega, text string) scenarios.File {
	GinkgoHelper()
	file, err := scenarios.Parse("spec.yaml", []byte(`apiVersion: needwant/v1
kind: Scenarios
device: {address: 192.168.50.10}
gateway: {placement: nic, inside: eth1, uplink: eth0}
`+text))
	g.Expect(err).NotTo(HaveOccurred())
	return file
}

// serving is the address of a server that serves each connection until it is
// served, and ends with the spec.
func serving(serve func(net.Conn)) string {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(listener.Close)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				serve(connection)
			}()
		}
	}()
	return listener.Addr().String()
}
