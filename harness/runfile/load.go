package runfile

import (
	"context"
	"errors"

	"github.com/needwant/needwant/harness"
)

// Load reads a run, finished or not, also while another process is writing it.
// Neither the file nor its folder need be writable. It gives up when ctx ends. The
// error is an [*Error].
func Load(ctx context.Context, path string) (harness.Run, error) {
	db, err := connect(ctx, path)
	if err != nil {
		return harness.Run{}, wrap(path, err)
	}
	run, err := load(db)
	if err := errors.Join(err, db.close()); err != nil {
		return harness.Run{}, wrap(path, err)
	}
	return run, nil
}

func load(db *database) (harness.Run, error) {
	if err := db.exec("BEGIN"); err != nil {
		return harness.Run{}, err
	}
	run, _, err := db.read()
	db.ctx = context.WithoutCancel(db.ctx)
	return run, errors.Join(err, db.exec("ROLLBACK"))
}
