package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/needwant/needwant/scenarios/miio"
)

// Greet asks the device who it is, where the file has a miIO token, until it
// answers or so much time is over. The error says whether the token is wrong.
func (f File) Greet(ctx context.Context, site Site, longest time.Duration) error {
	engines, err := f.engines(site)
	if err != nil {
		return err
	}
	known := engines["gateway"].Device
	if known == nil {
		return nil
	}
	const attempts = 3
	client := &miio.Client{
		Address: known.Address, Token: known.Token, Dial: known.Dial,
		Attempts: attempts, Timeout: min(5*time.Second, longest/attempts),
	}
	deadline := time.Now().Add(longest)
	for {
		_, err := client.Call(ctx, "miIO.info", nil)
		var refused *miio.DeviceError
		var wrong *miio.WrongTokenError
		switch {
		case err == nil, errors.As(err, &refused): // it knows the token
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &wrong) && wrong.Certain():
			return fmt.Errorf("secret miio: %w", err)
		case time.Now().Before(deadline):
			continue
		case wrong != nil:
			return fmt.Errorf("secret miio: %w: extract it again, it changes with pairing", err)
		}
		return fmt.Errorf("with nothing blocked the device does not answer: %w", err)
	}
}
