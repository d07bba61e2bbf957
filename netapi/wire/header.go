package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Headers with encoded JSON.
const (
	PathStatHeader       = "X-Docker-Container-Path-Stat"
	RegistryAuthHeader   = "X-Registry-Auth"
	RegistryConfigHeader = "X-Registry-Config"
)

// maxHeader is the maximum length of an encoded value.
const maxHeader = 64 << 10

// PathStat describes a file in a container. Mode has the bits of Go's os.FileMode instead of those of st_mode.
type PathStat struct {
	Name       string      `json:"name"`
	Size       int64       `json:"size"`
	Mode       os.FileMode `json:"mode"`
	Mtime      time.Time   `json:"mtime"`
	LinkTarget string      `json:"linkTarget"`
}

// EncodePathStat returns the value of PathStatHeader, in padded standard base64.
func EncodePathStat(s PathStat) (string, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode the state of %s: %w", s.Name, err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// DecodePathStat parses the value of PathStatHeader.
func DecodePathStat(value string) (PathStat, error) {
	var s PathStat
	err := decodeHeader(base64.StdEncoding, value, &s)
	if err != nil {
		return s, fmt.Errorf("header %s: %w", PathStatHeader, err)
	}
	return s, nil
}

// Auth is a user's credentials for a registry, in headers and in the body of POST /auth.
type Auth struct {
	Username      string `json:"username,omitempty"`
	Password      string `json:"password,omitempty"`
	Auth          string `json:"auth,omitempty"`
	Email         string `json:"email,omitempty"`
	ServerAddress string `json:"serveraddress,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
	RegistryToken string `json:"registrytoken,omitempty"`
}

// EncodeAuth returns the value of RegistryAuthHeader, in padded URL-safe base64. For the zero Auth that is "e30=",
// which a push needs even without credentials.
func EncodeAuth(a Auth) (string, error) {
	raw, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("encode credentials for %s: %w", a.ServerAddress, err)
	}
	return base64.URLEncoding.EncodeToString(raw), nil
}

// DecodeAuth parses the value of RegistryAuthHeader. An empty one is the zero Auth.
func DecodeAuth(value string) (Auth, error) {
	var a Auth
	if value == "" {
		return a, nil
	}
	if err := decodeHeader(base64.URLEncoding, value, &a); err != nil {
		return Auth{}, fmt.Errorf("header %s: %w", RegistryAuthHeader, err)
	}
	return a, nil
}

// EncodeAuths returns the value of RegistryConfigHeader: a map from registries to credentials.
func EncodeAuths(m map[string]Auth) (string, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode credentials: %w", err)
	}
	return base64.URLEncoding.EncodeToString(raw), nil
}

// DecodeAuths parses the value of RegistryConfigHeader. An empty one is no credentials.
func DecodeAuths(value string) (map[string]Auth, error) {
	var m map[string]Auth
	if value == "" {
		return nil, nil
	}
	if err := decodeHeader(base64.URLEncoding, value, &m); err != nil {
		return nil, fmt.Errorf("header %s: %w", RegistryConfigHeader, err)
	}
	return m, nil
}

func decodeHeader(enc *base64.Encoding, value string, v any) error {
	if len(value) > maxHeader {
		return fmt.Errorf("%d bytes are longer than the maximum of %d", len(value), maxHeader)
	}
	raw, err := enc.DecodeString(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}
