package check

import "box/engine/apparmor"

// confinement checks AppArmor if the kernel enforces it. It does not load a profile.
func confinement(h host) []finding {
	a := apparmor.Host{Root: h.root, Parser: h.parser}
	if !a.Enabled() {
		return nil
	}
	loaded, err := a.Loaded(apparmor.Default)
	if err == nil && !loaded {
		err = a.Loadable()
	}
	if err != nil {
		return []finding{{worse, "AppArmor profile " + apparmor.Default + ": " + err.Error(),
			"containers without a profile of their own are not confined",
			"mount securityfs at /sys/kernel/security and install apparmor_parser (package apparmor)"}}
	}
	return []finding{ok("AppArmor profile %s", apparmor.Default)}
}
