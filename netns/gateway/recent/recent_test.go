package recent_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/needwant/needwant/netns/gateway/recent"
)

func TestAMapNeverHoldsMoreThanItsLimit(t *testing.T) {
	m := recent.New[int, int](100, time.Hour)
	for i := range 10_000 {
		m.Put(i, i)
		if m.Len() > 100 {
			t.Fatalf("it holds %d entries after %d", m.Len(), i+1)
		}
	}
	for i := 9_950; i < 10_000; i++ {
		if got, known := m.Get(i); !known || got != i {
			t.Errorf("one of the latest 50 is not there: %d", i)
		}
	}
}

func TestAnEntryIsGoneAfterTheLongestTimeAndThereForHalfOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := recent.New[string, bool](100, time.Minute)
		time.Sleep(29 * time.Second) //nolint:forbidigo // in the time of a bubble
		m.Put("it", true)
		time.Sleep(29 * time.Second) //nolint:forbidigo // in the time of a bubble
		if _, known := m.Get("it"); !known {
			t.Error("it is not there after 29 s")
		}
		time.Sleep(31 * time.Second) //nolint:forbidigo // in the time of a bubble
		if _, known := m.Get("it"); known || m.Len() != 0 {
			t.Error("it is still there after a minute")
		}
	})
}

func TestAnEntryThatIsPutAgainLivesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := recent.New[string, int](2, time.Minute)
		for i := range 10 {
			m.Put("it", i)
			time.Sleep(20 * time.Second) //nolint:forbidigo // in the time of a bubble
			if got, known := m.Get("it"); !known || got != i || m.Len() != 1 {
				t.Fatalf("round %d: %d, %v, %d entries", i, got, known, m.Len())
			}
		}
		m.Delete("it")
		if _, known := m.Get("it"); known {
			t.Error("it was deleted")
		}
	})
}
