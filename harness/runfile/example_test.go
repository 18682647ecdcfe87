package runfile_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/needwant/needwant/harness"
	"github.com/needwant/needwant/harness/runfile"
)

// An experiment that is interrupted after its first trial, and taken up again.
func Example() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "s50.run")

	file, _ := runfile.Create(path, harness.Run{ID: "first", Device: harness.Device{Model: "roborock.vacuum.s5"}})
	_ = file.Append(harness.Result{Trial: harness.Trial{Number: 1, Reason: "control"}})
	_ = file.Close()

	file, run, err := runfile.Open(context.Background(), path)
	fmt.Println(run.ID, run.Status, len(run.Results), err)
	_ = file.Append(harness.Result{Trial: harness.Trial{Number: 2, Reason: "halve"}})
	_ = file.Finish(harness.Complete, "", 0)
	_ = file.Close()

	run, err = runfile.Load(context.Background(), path)
	fmt.Println(run.ID, run.Status, len(run.Results), err)
	// Output:
	// first running 1 <nil>
	// first complete 2 <nil>
}
