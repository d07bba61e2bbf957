package layers

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"box/fs"
)

// NewRow returns the row of a layer that is about to be made.
func NewRow(name, parent string, o fs.PrepareOptions) (Row, error) {
	id, err := FolderID(name, o.Purpose)
	return Row{Info: fs.Info{Name: name, Parent: parent, State: fs.Staged, ID: id, Size: -1, Created: time.Now().UTC()},
		UIDs: o.UIDs, GIDs: o.GIDs, Quota: o.Quota}, err
}

// NewView returns the row of a view that is about to be made.
func NewView(name, parent string) (Row, error) {
	if parent == "" {
		return Row{}, fmt.Errorf("view %s of nothing: %w", name, errdefs.ErrInvalidArgument)
	}
	return NewRow(name, parent, fs.PrepareOptions{Purpose: fs.ForContainer})
}

// FolderID picks the name of a layer's folder: a container's is the caller's key, so that tools find it by the
// container's ID; an image's is random, as Docker's cache IDs are, since its name comes only with Commit.
func FolderID(key string, p fs.Purpose) (string, error) {
	if p == fs.ForLayer {
		b := make([]byte, 32)
		rand.Read(b) // never gives an error (crypto/rand)
		return hex.EncodeToString(b), nil
	}
	if key == "" || len(key) > 200 || key[0] == '.' || strings.ContainsAny(key, "/\x00") ||
		strings.HasSuffix(key, doomed) {
		return "", fmt.Errorf("layer key %q is no folder name: %w", key, errdefs.ErrInvalidArgument)
	}
	return key, nil
}
