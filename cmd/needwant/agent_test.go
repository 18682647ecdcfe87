package main_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/netns"
	"github.com/needwant/needwant/netns/gateway/dhcp"
	"github.com/needwant/needwant/netns/netnstest"
)

// fleet is a home with several devices around one machine, which is the resolver of one of
// them and the router of another. Each of the rest has a gateway there, which the home's
// DHCP knows.
type fleet struct {
	*flat
	home  *home // the same machine
	specs []string
}

func newFleet(ctx context.Context) *fleet {
	GinkgoHelper()
	f := &fleet{flat: newFlat(ctx)}
	f.home = &home{machine: f.machine, folder: f.folder, runtime: GinkgoT().TempDir()}
	for i := range services {
		Expect(f.router.AddAddress("eth0", netip.PrefixFrom(service(i), 32))).To(Succeed())
		listener, err := f.router.Listen(ctx, "tcp", netip.AddrPortFrom(service(i), 80).String())
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(listener.Close)
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				_ = connection.Close()
			}
		}()
	}
	return f
}

// services is how many services the internet has.
const services = 4

func service(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + i%services)}) }

// device adds a device on a link of the machine. It works while it reaches the service of
// its number, and one of the next two; the last it does without. The first of its networks
// is its gateway's, and the other the home's, in which the gateway has the address.
func (f *fleet) device(ctx context.Context, number int, name, gateway string) {
	GinkgoHelper()
	mac := net.HardwareAddr{0x7c, 0x49, 0xeb, 0, 0, byte(number)}
	address := netip.AddrFrom4([4]byte{192, 168, byte(60 + number), 10})
	device := netnstest.New()
	Expect(netns.Veth(netns.End{Namespace: f.machine, Name: name}, netns.End{Namespace: device, Name: "eth0", MAC: mac})).To(Succeed())
	if strings.HasPrefix(gateway, "placement: onearm") {
		f.home.in(ctx, "ip link set "+name+" master lan")
	}
	Expect(device.AddAddress("eth0", netip.PrefixFrom(address, 24))).To(Succeed())
	Expect(device.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.AddrFrom4([4]byte{192, 168, byte(60 + number), 1}))).To(Succeed())
	f.operate(ctx, device, address, number)

	spec := filepath.Join(f.folder, name+".yaml")
	Expect(os.WriteFile(spec, fmt.Appendf(nil, `
apiVersion: needwant/v1
kind: Scenarios
device: {name: %s, mac: "%s", address: %s}
gateway: {%s}
block: {faults: [reject]}
timing: {settle: 1s, recover: 10s, observe: 2s}
scenarios:
  status:
    steps:
      - http: {url: "http://%s/"}
        expect: status == 200
`, name, mac, address, gateway, address), 0o600)).To(Succeed())
	f.specs = append(f.specs, spec)
	if strings.HasPrefix(gateway, "placement: host") {
		f.route(ctx, name, number)
	} else {
		f.lease(ctx, spec, number)
	}
}

// route makes the machine the router of a device, and its resolver.
func (f *fleet) route(ctx context.Context, name string, number int) {
	GinkgoHelper()
	router := netip.AddrFrom4([4]byte{192, 168, byte(60 + number), 1})
	network := netip.PrefixFrom(router, 24)
	Expect(f.machine.AddAddress(name, network)).To(Succeed())
	Expect(f.machine.Sysctl("net.ipv4.ip_forward", "1")).To(Succeed())
	Expect(f.machine.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr(flatRouter))).To(Succeed())
	Expect(f.router.AddRoute(network.Masked(), netip.MustParseAddr(flatMachine))).To(Succeed())
	netnstest.ServeNames(ctx, f.machine, router.String())
}

// operate runs a device until the spec ends.
func (f *fleet) operate(ctx context.Context, device *netns.Namespace, address netip.Addr, number int) {
	GinkgoHelper()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	var mutex sync.Mutex
	reached := map[int]bool{}
	var all sync.WaitGroup
	for i := range services {
		all.Go(func() {
			for life.Err() == nil {
				trying, over := context.WithTimeout(life, 500*time.Millisecond)
				connection, err := device.Dial(trying, "tcp", netip.AddrPortFrom(service(i), 80).String())
				over()
				if err == nil {
					_ = connection.Close()
				}
				mutex.Lock()
				reached[i] = err == nil
				mutex.Unlock()
				select {
				case <-life.Done():
				case <-time.After(150 * time.Millisecond):
				}
			}
		})
	}
	listener, err := device.Listen(ctx, "tcp", netip.AddrPortFrom(address, 80).String())
	Expect(err).NotTo(HaveOccurred())
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		if at := func(i int) bool { return reached[(number+i)%services] }; !at(0) || !at(1) && !at(2) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	go func() { _ = server.Serve(listener) }()
	DeferCleanup(func() { end(); _ = server.Close(); all.Wait() })
}

// lease has the home give the gateway of a device an address.
func (f *fleet) lease(ctx context.Context, spec string, number int) {
	GinkgoHelper()
	mac := f.home.gatewayMAC(ctx, spec)
	host, link := netnstest.New(), fmt.Sprintf("dhcp%d", number)
	Expect(netns.Veth(netns.End{Namespace: f.machine, Name: link}, netns.End{Namespace: host, Name: "eth0"})).To(Succeed())
	f.home.in(ctx, "ip link set "+link+" master lan")
	Expect(host.AddAddress("eth0", netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(200 + number)}), 24))).To(Succeed())
	server, err := dhcp.Serve(host, "eth0", mac, dhcp.Lease{
		Address: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(100 + number)}), 24),
		Router:  netip.MustParseAddr(flatRouter), Resolver: netip.MustParseAddr(flatRouter),
	}, nil)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(server.Close)
}

// expectPages expects a page that lists the runs of all devices, and for each a page below
// it, on which the run can be paused.
func (f *fleet) expectPages(ctx context.Context) {
	GinkgoHelper()
	client := &http.Client{Transport: &http.Transport{DialContext: f.machine.Dial, DisableKeepAlives: true}}
	get := func(path string) string {
		GinkgoHelper()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/"+path, http.NoBody)
		Expect(err).NotTo(HaveOccurred())
		answer, err := client.Do(request)
		Expect(err).NotTo(HaveOccurred())
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		Expect(err).NotTo(HaveOccurred())
		return string(text)
	}
	list := get("")
	Expect(list).To(ContainSubstring("5 devices"))
	for _, name := range []string{"lamp", "bulb", "fan", "radio", "plug"} {
		Expect(list).To(ContainSubstring(`href="run/` + name + `.run/"`))
		Expect(get("run/" + name + ".run/")).To(And(ContainSubstring(`value="pause"`), ContainSubstring(`<a href="../../">All runs</a>`)))
	}
}

// truth is what the experiment with a device must find.
func truth(number int) map[string]string {
	cells := map[string]string{}
	for i, verdict := range []string{"required", "alternative", "alternative", "optional"} {
		cells["tcp/80/"+service(number+i).String()] = verdict
	}
	return cells
}

// untilAll waits for lines that match each of these patterns, in whatever order.
func (s *speech) untilAll(ctx context.Context, patterns ...string) {
	GinkgoHelper()
	for len(patterns) > 0 {
		s.until(ctx, "")
		last := s.all[len(s.all)-1]
		patterns = slices.DeleteFunc(patterns, func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(last) })
	}
}

var _ = Describe("an agent with devices of several placements", Label("root"), func() {
	It("finds what each needs, and the machine is as it was whenever it ends", Label("whole"), func(ctx SpecContext) {
		f := newFleet(ctx)
		f.device(ctx, 1, "lamp", "placement: onearm, uplink: lan")
		f.device(ctx, 2, "bulb", "placement: onearm, uplink: lan")
		f.device(ctx, 3, "fan", "placement: nic, inside: fan, uplink: lan")
		f.device(ctx, 4, "radio", "placement: host, inside: radio, uplink: lan")
		f.flat.start(ctx, flatMachine, func(reached map[string]bool) bool { return reached["cloud.example"] }, "cloud.example", "ads.example")
		byName := f.spec("", "faults: [nxdomain]")
		arguments := append([]string{"agent", "--order", "exact", byName}, f.specs...)
		before := f.home.settled(ctx)

		for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			command, said := f.home.start(ctx, append(arguments, "--web=127.0.0.1:8080")...)
			said.untilAll(ctx, "lamp:       .* so far", "bulb:       .* so far", "fan:       .* so far", "radio:       .* so far", "plug:       .* so far")
			f.expectPages(ctx)
			Expect(command.Process.Signal(end)).To(Succeed())
			_ = command.Wait()
			Expect(command.ProcessState.ExitCode()).To(Equal(map[syscall.Signal]int{syscall.SIGTERM: 130, syscall.SIGKILL: -1}[end]))
			f.home.expectAsBefore(ctx, before)
			f.home.expectClean()
		}

		whole := f.home.needwant(ctx, arguments...)
		Expect(whole.Code).To(Equal(0), whole.Stderr)
		f.home.expectAsBefore(ctx, before)
		f.home.expectClean()
		Expect(whole.Stderr).To(ContainSubstring("lamp: going on after"))
		for i, name := range []string{"lamp", "bulb", "fan", "radio"} {
			Expect(whole.Stdout).To(MatchRegexp("(?m)^" + name + ": .*block"))
			cells := f.home.cells(name+".run", "status")
			for destination, verdict := range cells {
				if verdict == "degraded" { // how fast a device answers depends on what else this machine does
					cells[destination] = "optional"
				}
			}
			Expect(cells).To(Equal(truth(1+i)), name)
		}
		matrix := f.home.needwant(ctx, "report", filepath.Join(filepath.Dir(byName), "plug.run"), "--format", "json")
		Expect(verdicts(matrix.Stdout)).To(Equal(map[string]string{"dns/cloud.example status": "required", "dns/ads.example status": "optional"}))
	}, SpecTimeout(6*time.Minute))
})
