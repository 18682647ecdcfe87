package gateway

import "github.com/needwant/needwant/netns/gateway/capture"

// Capture lets a file have what passes between the device and the gateway, under
// a name for the link. Secrets are blanked.
func (g *Gateway) Capture(file *capture.File, name string, secrets [][]byte) (*capture.Tap, error) {
	return file.Open(capture.Link{Namespace: g.config.Namespace, Name: g.config.Inside, MAC: g.config.MAC, Secrets: secrets}, name)
}
