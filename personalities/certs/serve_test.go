package certs

import (
	"strings"
	"testing"
)

func TestListen(t *testing.T) {
	files := `"tlsverify":true,"tlscacert":"/c/ca.pem","tlscert":"/c/server-cert.pem","tlskey":"/c/server-key.pem"}`
	both := `"hosts":["unix:///var/run/docker.sock","tcp://0.0.0.0:2376"]`
	for _, row := range []struct{ before, after string }{
		{"", `{` + both + `,` + files}, {"{}", `{` + both + `,` + files},
		{`{"log-opts":{"z":"1","a":"2"},"debug":true}`, `{"log-opts":{"z":"1","a":"2"},"debug":true,` + both + `,` + files},
		{`{"hosts":["fd://"],"mtu":1e3}`, `{"hosts":["fd://","tcp://0.0.0.0:2376"],"mtu":1e3,` + files},
		{`{"hosts":["tcp://10.0.0.1:2376"],"tls":false}`, `{"hosts":["tcp://10.0.0.1:2376"],"tls":true,` + files},
		{`{"tlskey":"/x","hosts":[]}`, `{"tlskey":"/c/server-key.pem","hosts":["tcp://0.0.0.0:2376"],"tlsverify":true,"tlscacert":"/c/ca.pem","tlscert":"/c/server-cert.pem"}`},
		{`[]`, ""}, {`{"a":1`, ""}, {`{"a":1,"a":2}`, ""}, {`{} {}`, ""}, {`{"hosts":"x"}`, ""},
	} {
		o, err := readObject([]byte(row.before))
		if err == nil {
			err = o.listen("/c")
		}
		if err != nil {
			if row.after != "" {
				t.Errorf("%s: %v", row.before, err)
			}
			continue
		}
		flat := strings.NewReplacer("\n", "", " ", "").Replace(string(o.write()))
		if flat != row.after {
			t.Errorf("%s: %s", row.before, flat)
		}
		again, err := readObject(o.write())
		if err == nil {
			err = again.listen("/c")
		}
		if err != nil || string(again.write()) != string(o.write()) {
			t.Errorf("a second time: %s, %v", again.write(), err)
		}
	}
}
