package fs

import "go.etcd.io/bbolt"

// Tx is a transaction of the file that holds the tables of layers and everything else the engine keeps.
type Tx = *bbolt.Tx
