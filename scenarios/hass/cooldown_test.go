package hass_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/onsi/gomega"

	"github.com/needwant/needwant/scenarios/hass"
)

// TestCooldown stands outside of the suite, since synctest needs a *testing.T.
func TestCooldown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewWithT(t)
		const poll = 300 * time.Millisecond
		var asked []time.Duration
		began := time.Now()
		client := &hass.Client{URL: "http://home.example", Apart: hass.Cooldown, HTTP: &http.Client{
			Transport: transport(func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodGet { // for a WebSocket
					return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Request: r}, nil
				}
				asked = append(asked, time.Since(began))
				<-time.After(poll)
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("[]")), Request: r}, nil
			}),
		}}
		for range 3 {
			g.Expect(client.Refresh(t.Context(), "vacuum.s50")).To(Succeed())
		}
		g.Expect(asked).To(HaveExactElements(time.Duration(0), hass.Cooldown+poll, 2*(hass.Cooldown+poll)))

		client.PutOff()
		g.Expect(client.Refresh(t.Context(), "vacuum.s50")).To(Succeed())
		g.Expect(asked[3]).To(Equal(4*hass.Cooldown + 3*poll))

		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g.Expect(client.Refresh(brief, "vacuum.s50")).To(MatchError(context.DeadlineExceeded))
		g.Expect(asked).To(HaveLen(4))
	})
}
