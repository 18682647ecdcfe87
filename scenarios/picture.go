package scenarios

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
)

// Picture is shown with a [Question], if it is asked on a page.
type Picture struct {
	Type string // "image/png", "image/jpeg" or "image/webp"
	Data []byte
}

// largestPicture is 2 MB: a photo of a phone's screen.
const largestPicture = 2 << 20

func pictureTypes() []string { return []string{"image/png", "image/jpeg", "image/webp"} }

// Valid reports whether it is a picture that is shown.
func (p Picture) Valid() bool {
	return len(p.Data) <= largestPicture && slices.Contains(pictureTypes(), p.Type)
}

// readPicture reads a picture below a folder. What is elsewhere, too large or something else
// is an error.
func readPicture(folder, path string) (*Picture, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("the picture %s: %w", path, err)
	}
	defer root.Close()
	if info, err := root.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, fmt.Errorf("the picture %s is not a file", path)
	}
	file, err := root.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the picture %s: %w: write the name of a file below %s", path, err, folder)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, largestPicture+1))
	if err != nil {
		return nil, fmt.Errorf("the picture %s: %w", path, err)
	}
	if len(data) > largestPicture {
		return nil, fmt.Errorf("the picture %s is larger than 2 MB: make it smaller", path)
	}
	kind := http.DetectContentType(data)
	if !slices.Contains(pictureTypes(), kind) {
		return nil, fmt.Errorf("the picture %s is %s: expected PNG, JPEG or WebP", path, kind)
	}
	return &Picture{kind, data}, nil
}
