package session

// Platform returns the value of --platform, or else DOCKER_DEFAULT_PLATFORM.
func (s *Session) Platform(flag string) string {
	if flag != "" {
		return flag
	}
	return s.Env.Getenv("DOCKER_DEFAULT_PLATFORM")
}
