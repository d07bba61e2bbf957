package layers

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"box/fs"
)

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
