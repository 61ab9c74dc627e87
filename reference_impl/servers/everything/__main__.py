"""`python -m reference_impl.servers.everything`."""

from reference_impl.server.run import main
from reference_impl.servers.everything import make_server

if __name__ == "__main__":
    main(make_server)
