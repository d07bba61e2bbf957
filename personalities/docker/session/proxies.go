package session

// proxies are the proxy settings in config.json for one daemon or for "default", which become variables of new
// containers.
type proxies struct {
	HTTP  string `json:"httpProxy,omitempty"`
	HTTPS string `json:"httpsProxy,omitempty"`
	None  string `json:"noProxy,omitempty"`
	FTP   string `json:"ftpProxy,omitempty"`
	All   string `json:"allProxy,omitempty"`
}
