// Package suite has the tests of the whole: they run the file that was built, named by BOX_BINARY, as its users do.
// They are scripts (testdata/script), calls of the API held against Docker's replies (testdata/api), sessions beside
// Docker (testdata/compare), and what needs a daemon of its own. As root they make networks and containers, in
// namespaces of their own.
package suite
