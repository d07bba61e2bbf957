// Package cmd is what all personalities share: the type of a command, its environment, the parser of flags, and the
// error that carries an exit code. Commands are functions of their Env, so a test runs them as a host does.
//
// Each command is a struct next to the code that runs it. A field is a flag, and its tags describe it (short, help,
// default, placeholder, group, hidden, aliases, type). kong makes a model of the struct, parses the command line and
// fills the fields. A model is built only for the command that was typed, or for the help, manual or completion that
// was asked for. Compared with a hand-written parser this costs docker version 0.1 ms and docker run 1.3 ms.
//
// kong is used here only. On top of it this package implements the behaviour of Docker that people and scripts rely on:
//
//   - Order: kong reads flags before arguments, so arguments are moved behind the flags first (model.go).
//   - Values: one function stores them, from the command line and from daemon.json (value.go). kong's own mappers go
//     through JSON: they spoil bytes that are not UTF-8, accept other booleans than Go, split lists at commas, and read
//     -p=80 as "=80".
//   - Errors, exit codes, the layout of help, and suggestions for misspelt flags. kong's error for an unknown flag is
//     only a text, so the place where kong stopped tells which flag it was. A line that is refused sets nothing
//     (FuzzParse).
//   - Additional tags: bare is the value of a flag that is given without one; key is the key of daemon.json and the
//     JSON types that it accepts; keyonly makes a field a key of daemon.json without a flag; but lists the values of an
//     unsupported option that ask for nothing. A public field that is no option needs kong's kong:"-";
//     TestFlagsHaveHelp finds those without.
package cmd
