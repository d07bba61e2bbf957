package fs

import "context"

// Recovered is what was found of a driver whose table was lost.
type Recovered struct {
	Layers map[string]Info // by name
	Left   []string        // folders that nothing is known of
}

// Checker is a driver that reports damage of its files.
type Checker interface {
	// Faults returns what was found when the driver was opened, each a sentence with a layer and its folder.
	Faults() []string
}

// Sweeper is a driver that deletes orphans in the background after it was opened.
type Sweeper interface {
	// Swept waits until that is done.
	Swept(ctx context.Context) error
}
