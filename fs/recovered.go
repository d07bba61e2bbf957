package fs

// Recovered is what was found of a driver whose table was lost.
type Recovered struct {
	Layers map[string]Info // by name
	Left   []string        // folders that nothing is known of
}

// Checker is a driver that tells what is wrong with what it keeps.
type Checker interface {
	// Faults are what was found when the driver was opened, each a sentence that names a layer and its folder.
	Faults() []string
}
