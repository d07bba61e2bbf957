package session

// proxies are the settings of one daemon, or of "default", in config.json: variables for the containers that are made.
type proxies struct {
	HTTP  string `json:"httpProxy,omitempty"`
	HTTPS string `json:"httpsProxy,omitempty"`
	None  string `json:"noProxy,omitempty"`
	FTP   string `json:"ftpProxy,omitempty"`
	All   string `json:"allProxy,omitempty"`
}
