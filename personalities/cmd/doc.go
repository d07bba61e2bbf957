// Package cmd is what every personality of the binary shares: a command, the world it runs in, the
// parser of its flags and the error that carries an exit code. Commands are functions of their Env,
// so each of them runs inside a test as it runs on a host.
//
// Every command is a struct, next to the function that carries it out: a field is a flag, and its tags say the rest
// (short, help, default, placeholder, group, hidden, aliases, type). kong makes a model of the struct, cuts the line
// into flags and values, and fills the fields. The table of commands is a literal; a model is built only for the
// command that was typed, and for pages of help, manual and completion that are asked for, which read the same model.
// docker version at a dead socket takes 0.1 ms more than with the parser that was here before, docker run 1.3 ms.
//
// personalities/cmd is kong's one home and keeps what is Docker's, because people and scripts read it:
//
//   - A line is kong's to read in one order only, flags before words: words are put behind the flags first
//     (model.go), by what the model says of each flag's value.
//   - Values are stored by one function (value.go), from the command line and from daemon.json. kong's own go
//     through JSON, which spoils bytes that are not UTF-8, know other booleans than Go, split lists at commas, and
//     take -p=80 for the value "=80".
//   - The words of errors, exit codes, the layout of help and what a misspelt flag was meant to be. kong's error for
//     an unknown flag is a text alone: which flag it was is told by where kong stopped reading. A line that is
//     refused has set nothing (FuzzParse).
//   - Tags of our own: bare is what a flag means without a value, key the key of daemon.json with the kinds of JSON
//     that it takes, keyonly makes a field such a key and no flag, but has the values of an unsupported option that
//     ask for nothing. A public field that is no option needs kong's kong:"-", which TestFlagsHaveHelp finds
//     missing.
package cmd
