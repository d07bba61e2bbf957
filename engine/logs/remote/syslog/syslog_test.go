package syslog

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"box/engine/logs/remote/remotetest"
)

func TestSyslogFormats(t *testing.T) {
	time.Local = time.UTC
	host, err := os.Hostname()
	remotetest.Must(t, err)
	for format, row := range map[string]string{
		"":             "<%d>Jan  2 12:00:00 tag[PID]: ",
		"rfc3164":      "<%d>Jan  2 12:00:00 HOST tag[PID]: ",
		"rfc5424":      "<%d>1 2026-01-02T12:00:00Z HOST tag PID tag - ",
		"rfc5424micro": "<%d>1 2026-01-02T12:00:00.123456Z HOST tag PID tag - ",
	} {
		row = strings.NewReplacer("HOST", host, "PID", fmt.Sprint(os.Getpid())).Replace(row)
		for _, network := range []string{"tcp", "unix"} {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
			}
			s := remotetest.Listen(t, network, address)
			got := remotetest.Accept(t, s)
			remotetest.TwoLines(t, remotetest.Open(t, Open, remotetest.Config("syslog-address="+network+"://"+s.Addr().String(),
				"syslog-format="+format,
				"syslog-facility=local3")))
			want := fmt.Sprintf(row+"out <1>\n"+row+"err\n", 19<<3|6, 19<<3|3)
			if text := <-got; text != want {
				t.Errorf("%s %q\n got %q\nwant %q", network, format, text, want)
			}
		}
	}
}

// TestSyslogTLS checks that over TLS messages of RFC 5424 have a length, and that a server with an untrusted
// certificate is refused.
func TestSyslogTLS(t *testing.T) {
	time.Local = time.UTC
	dir := t.TempDir()
	cert := selfSigned(t, filepath.Join(dir, "ca.pem"))
	selfSigned(t, filepath.Join(dir, "other.pem"))
	s, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	remotetest.Must(t, err)
	defer s.Close()
	got := remotetest.Accept(t, s)
	c := remotetest.Config("syslog-address=tcp+tls://"+s.Addr().String(), "syslog-format=rfc5424",
		"syslog-tls-ca-cert="+filepath.Join(dir, "ca.pem"))
	remotetest.TwoLines(t, remotetest.Open(t, Open, c))
	r := bufio.NewReader(strings.NewReader(<-got))
	for _, want := range []string{"out <1>\n", "err\n"} {
		var n int
		_, err := fmt.Fscanf(r, "%d ", &n)
		remotetest.Must(t, err)
		message := make([]byte, n)
		_, err = io.ReadFull(r, message)
		remotetest.Must(t, err)
		if !bytes.HasSuffix(message, []byte(" - "+want)) {
			t.Errorf("message %q", message)
		}
	}
	go func() {
		if c, err := s.Accept(); err == nil {
			_, _ = c.Read(make([]byte, 1))
			c.Close()
		}
	}()
	c.Options["syslog-tls-ca-cert"] = filepath.Join(dir, "other.pem")
	if err := remotetest.Open(t, Open, c).(*sender).Connect(context.Background()); err == nil ||
		!strings.Contains(err.Error(),
			"certificate") {
		t.Errorf("a server with another's certificate: %v", err)
	}
}

func selfSigned(t *testing.T, path string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	remotetest.Must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	remotetest.Must(t, err)
	remotetest.Must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600))
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}
