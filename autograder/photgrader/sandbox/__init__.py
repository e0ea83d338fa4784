"""Student code in a jail: the jail's command, a kernel provisioner, and a session with a jailed kernel."""
