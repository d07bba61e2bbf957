package session

// Platform is what --platform says, else DOCKER_DEFAULT_PLATFORM.
func (s *Session) Platform(flag string) string {
	if flag != "" {
		return flag
	}
	return s.Env.Getenv("DOCKER_DEFAULT_PLATFORM")
}
