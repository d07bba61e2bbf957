package collect

import (
	"time"

	"box/engine/stats/sample"
)

// since returns how much a counter grew, 0 if it began anew.
func since(before, now uint64) float64 {
	if now < before {
		return 0
	}
	return float64(now - before)
}

// Rate compares two measurements of a container.
func Rate(before, now *sample.Container, over time.Duration) (r sample.Rate) {
	seconds := over.Seconds()
	if seconds <= 0 {
		return r // the clock was set back
	}
	r.CPU = since(before.CPU.Total, now.CPU.Total) / float64(over.Nanoseconds())
	if periods := since(before.CPU.Periods, now.CPU.Periods); periods > 0 {
		r.Throttled = min(since(before.CPU.ThrottledPeriods, now.CPU.ThrottledPeriods)/periods, 1)
	}
	r.Rx, r.Tx = traffic(before.Network, now.Network, seconds)
	r.Read, r.Written = blocks(before.IO, now.IO, seconds)
	return r
}

// HostRate compares two measurements of the host. Its traffic is that of interfaces that are not of containers.
func HostRate(before, now *sample.Host, over time.Duration) (r sample.HostRate) {
	seconds := over.Seconds()
	if seconds <= 0 {
		return r
	}
	a, b := &before.Mode, &now.Mode
	busy := since(a.User, b.User) + since(a.Nice, b.Nice) + since(a.System, b.System) + since(a.IRQ, b.IRQ) +
		since(a.SoftIRQ, b.SoftIRQ) + since(a.Steal, b.Steal)
	r.CPU, r.IOWait = busy/float64(over.Nanoseconds()), since(a.IOWait, b.IOWait)/float64(over.Nanoseconds())
	r.Rx, r.Tx = traffic(outer(before.Network), outer(now.Network), seconds)
	r.Read, r.Written = blocks(physical(before.Devices), physical(now.Devices), seconds)
	return r
}

// traffic compares interfaces by name. One that is new counts from the next time on.
func traffic(before, now []sample.Interface, seconds float64) (rx, tx float64) {
	for i := range now {
		for j := range before {
			if before[j].Name == now[i].Name {
				rx += since(before[j].RxBytes, now[i].RxBytes)
				tx += since(before[j].TxBytes, now[i].TxBytes)
			}
		}
	}
	return rx / seconds, tx / seconds
}

// blocks compares block devices. One that is new began at 0.
func blocks(before, now []sample.Device, seconds float64) (read, written float64) {
	for i := range now {
		var was sample.Device
		for _, d := range before {
			if d.Major == now[i].Major && d.Minor == now[i].Minor {
				was = d
			}
		}
		read += since(was.ReadBytes, now[i].ReadBytes)
		written += since(was.WrittenBytes, now[i].WrittenBytes)
	}
	return read / seconds, written / seconds
}
