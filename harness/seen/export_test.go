package seen

// Parse reads the text of a .seen file.
func Parse(text []byte) (List, error) { return parse(text) }

// TableRow is a format's row in the table of the documentation.
func (f Format) TableRow() string { return "| `" + f.Name + "` | " + f.About + " | " + f.Cannot + " |" }
