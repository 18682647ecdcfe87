package standin

import (
	"net/http"
	"time"
)

// TimeReply answers a request for the time.
func TimeReply(text []byte, now time.Time) ([]byte, bool) { return timeReply(text, now) }

// MiIOReply answers a packet to the miIO cloud.
func MiIOReply(text []byte, now time.Time) ([]byte, bool) { return miioReply(text, now) }

// EchoReply answers an ICMP message over IPv4.
func EchoReply(text []byte) ([]byte, bool) { return echoReply(text, true) }

// AnswerPage answers a connectivity check.
func AnswerPage(w http.ResponseWriter, request *http.Request) bool {
	return answerPage(w, request, pages())
}
