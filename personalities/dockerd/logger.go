package dockerd

import (
	"io"
	"log/slog"

	"box/fs/diskspace"
	"box/personalities/dockerd/config"
)

// logger returns a logger with the level of o, and the variable that changes it.
func logger(o *config.Options, w io.Writer) (*slog.Logger, *slog.LevelVar) {
	var level slog.LevelVar
	level.Set(levelOf(o))
	h := &slog.HandlerOptions{Level: &level, ReplaceAttr: diskspace.InLog(o.DataRoot, o.ExecRoot)}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, h)), &level
	}
	return slog.New(slog.NewTextHandler(w, h)), &level
}

// levelOf returns the lowest level that is logged.
func levelOf(o *config.Options) slog.Level {
	switch {
	case o.Debug || o.LogLevel == "debug" || o.LogLevel == "trace":
		return slog.LevelDebug
	case o.LogLevel == "warn":
		return slog.LevelWarn
	case o.LogLevel != "info":
		return slog.LevelError
	}
	return slog.LevelInfo
}
