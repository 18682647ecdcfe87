package watch

import (
	"errors"
	"time"
)

// restored is how long the kernel may take to bring back what an interface had before it was set down. restoredLook is
// how often that is looked at.
const restored, restoredLook = 5 * time.Second, 10 * time.Millisecond

// Except carries out a change of the gateway's own, and does not note it. What was changed must be as usual
// soon afterwards: what is not is noted.
func (c *Changes) Except(change func() error) error {
	if err := c.catchUp(); err != nil {
		return err
	}
	c.mutex.Lock()
	said, since := c.said, c.since
	c.mutex.Unlock()
	err := change()
	missing, failed := c.untilUsual()
	err = errors.Join(err, failed, c.catchUp())
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.said, c.since = said, since
	c.note(missing)
	return err
}

// untilUsual waits until the network is as usual, and says what is not; "" is nothing.
func (c *Changes) untilUsual() (missing string, err error) {
	again := time.NewTicker(restoredLook)
	defer again.Stop()
	for began := time.Now(); time.Since(began) < restored; <-again.C {
		now, err := c.look()
		if err != nil {
			return "", err
		}
		if missing = c.usual.compare(now); missing == "" {
			return "", nil
		}
	}
	return missing, nil
}
