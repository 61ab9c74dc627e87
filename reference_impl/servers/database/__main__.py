"""`python -m reference_impl.servers.database`: the sample database."""

from reference_impl.server.run import main
from reference_impl.servers.database import make_server

if __name__ == "__main__":
    main(make_server)
